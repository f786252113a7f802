// SPDX-License-Identifier: Apache-2.0
#include "backends/backends.hpp"
#include "driver/src/chip_device.hpp"
#include "driver/src/firmware_image.hpp"
#include "driver/src/serial/link_transport.hpp"
#include "driver/src/serial/serial_port.hpp"
#include "driver/src/uio/uio_transport.hpp"

namespace tern::sim {

std::unique_ptr<Device> open_board(std::unique_ptr<Transport> transport,
                                   const DeviceSettings& settings) {
  return make_chip_device(std::move(transport), settings.timeout_cycles,
                          {driver::firmware_instructions(), driver::firmware_data()},
                          settings.load_progress);
}

std::unique_ptr<Device> open_uart(std::string_view argument, const DeviceSettings& settings) {
  return open_board(std::make_unique<driver::LinkTransport>(driver::open_serial_port(argument)),
                    settings);
}

std::unique_ptr<Device> open_uio(std::string_view argument, const DeviceSettings& settings) {
  return open_board(std::make_unique<driver::UioTransport>(driver::open_uio_files(argument)),
                    settings);
}

}  // namespace tern::sim
