#pragma once

#include <string_view>

#include "tern/transport.hpp"

namespace tern::driver {

/// The named configuration of the chip behind `transport`, by its registers; of several that look
/// alike, `preferred` if it is among them. Throws tern::Error, which names `where`, for anything
/// but a Tern chip of a known configuration.
const spec::ChipConfig& identify_chip(Transport& transport, std::string_view where,
                                      std::string_view preferred);

/// What the registers CONFIG, CONFIG2 and CONFIG3 of a chip read as.
struct ConfigWords {
  uint32_t config, config2, config3;
  bool operator==(const ConfigWords&) const = default;
};
ConfigWords config_words(const spec::ChipConfig& chip);
ConfigWords read_config(Transport& transport);

/// Throws tern::Error when the registers ID and VERSION are not those of a chip that this driver
/// knows.
void check_chip_id(Transport& transport, std::string_view where);

}  // namespace tern::driver
