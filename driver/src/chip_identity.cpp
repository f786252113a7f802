// SPDX-License-Identifier: Apache-2.0
#include "chip_identity.hpp"

#include "io/error.hpp"
#include "spec/generated/registers.hpp"

namespace tern::driver {

namespace reg = spec::reg;

spec::ConfigWords read_config(Transport& transport) {
  return {transport.read_register(reg::kConfig), transport.read_register(reg::kConfig2),
          transport.read_register(reg::kConfig3)};
}

void check_chip_id(Transport& transport, std::string_view where) {
  const uint32_t id = transport.read_register(reg::kId);
  if (id != reg::kIdReset) {
    throw Error("{}: ID reads as 0x{:08x}, expected 0x{:08x}; this is not a Tern chip", where, id,
                reg::kIdReset);
  }
  const uint32_t version = transport.read_register(reg::kVersion);
  const auto major = [](uint32_t v) { return v >> reg::kVersionMajorLsb; };
  if (major(version) != major(reg::kVersionReset)) {
    throw Error("{}: register map version {}, this driver knows {}; use the matching release",
                where, major(version), major(reg::kVersionReset));
  }
}

const spec::ChipConfig& identify_chip(Transport& transport, std::string_view where,
                                      std::string_view preferred) {
  check_chip_id(transport, where);
  const spec::ConfigWords words = read_config(transport);
  const spec::ChipConfig* found = nullptr;
  for (const spec::ChipConfig& config : spec::kConfigs) {
    if (spec::config_words(config) != words) continue;
    if (found == nullptr || config.name == preferred) found = &config;
  }
  if (found == nullptr) {
    throw Error(
        "{}: CONFIG, CONFIG2 and CONFIG3 read as 0x{:08x}, 0x{:08x} and 0x{:08x}, which is no "
        "configuration that this driver knows; program the bitstream of the same release",
        where, words.config, words.config2, words.config3);
  }
  return *found;
}

}  // namespace tern::driver
