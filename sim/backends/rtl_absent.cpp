// SPDX-License-Identifier: Apache-2.0
#include "backends/backends.hpp"
#include "io/error.hpp"

namespace tern::sim {

const char* const kEmulatedDescription = "an emulated board; not in this build";

std::unique_ptr<Device> open_emulated(std::string_view argument, const DeviceSettings&) {
  throw Error("backend board:{} is not in this build; configure it with -DTERN_RTL=ON", argument);
}

const char* const kRtlDescription = "the chip's RTL, simulated; not in this build";

std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceSettings&) {
  throw Error("backend rtl:{} is not in this build; configure it with -DTERN_RTL=ON", argument);
}

std::unique_ptr<Transport> open_rtl_chip(std::string_view config, const DeviceSettings&) {
  throw Error("the simulated chip {} is not in this build; configure it with -DTERN_RTL=ON",
              config);
}

}  // namespace tern::sim
