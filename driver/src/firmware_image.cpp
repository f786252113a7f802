// SPDX-License-Identifier: Apache-2.0
#include "firmware_image.hpp"

extern "C" {
extern const std::byte tern_firmware_instructions_begin[];
extern const std::byte tern_firmware_instructions_end[];
extern const std::byte tern_firmware_data_begin[];
extern const std::byte tern_firmware_data_end[];
}

namespace tern::driver {

std::span<const std::byte> firmware_instructions() {
  return {tern_firmware_instructions_begin, tern_firmware_instructions_end};
}

std::span<const std::byte> firmware_data() {
  return {tern_firmware_data_begin, tern_firmware_data_end};
}

}  // namespace tern::driver
