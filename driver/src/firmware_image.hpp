// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

/// The controller's program as the build made it (firmware/): what the host writes into the two
/// memories of the controller before it lets it run.
namespace tern::driver {

/// To the start of the instruction memory; at most ChipConfig::instr_bytes, a multiple of 4.
std::span<const std::byte> firmware_instructions();
/// To the start of the data memory: constants and initial values; at most ChipConfig::data_bytes, a
/// multiple of 4.
std::span<const std::byte> firmware_data();

}  // namespace tern::driver
