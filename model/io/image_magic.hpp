// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "spec/generated/spec.hpp"

namespace tern::io {

constexpr uint32_t byte_swapped(uint32_t v) {
  return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}
static_assert(byte_swapped(0x12345678) == 0x78563412);

/// How kImageMagic reads in an image of the other byte order.
inline constexpr uint32_t kSwappedImageMagic = byte_swapped(spec::kImageMagic);
static_assert(kSwappedImageMagic != spec::kImageMagic);

}  // namespace tern::io
