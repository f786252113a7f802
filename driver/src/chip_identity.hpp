// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "spec/config_words.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// The named configuration of the chip behind `transport`, by its registers; of several that look
/// alike, `preferred` if it is among them. Throws tern::Error, which names `where`, for anything
/// but a Tern chip of a known configuration.
const spec::ChipConfig& identify_chip(Transport& transport, std::string_view where,
                                      std::string_view preferred);

spec::ConfigWords read_config(Transport& transport);

/// Throws tern::Error when the registers ID and VERSION are not those of a chip that this driver
/// knows.
void check_chip_id(Transport& transport, std::string_view where);

}  // namespace tern::driver
