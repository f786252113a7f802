// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"

/// Counts of completed commands modulo 256, in a word with one byte a unit in the order of the enum
/// Unit: wait counts of commands, and Done of the controller's devices.
namespace tern::spec {

/// The byte of a unit.
constexpr Field count_of(uint32_t unit) { return {0, 8 * unit, 8}; }
constexpr Field count_of(Unit unit) { return count_of(static_cast<uint32_t>(unit)); }

static_assert(count_of(Unit::kLoad).mask() == mmio::done::kLoad.mask());
static_assert(count_of(Unit::kMatmul).mask() == mmio::done::kMatmul.mask());
static_assert(count_of(Unit::kVector).mask() == mmio::done::kVector.mask());
static_assert(count_of(Unit::kStore).mask() == mmio::done::kStore.mask());
static_assert(count_of(Unit::kStore).mask() == fields::load::kWaitStore.mask());

/// Sums of the counts, as the tape player makes them.
constexpr uint32_t add_waits(uint32_t a, uint32_t b) {
  return ((a & 0x7f7f7f7f) + (b & 0x7f7f7f7f)) ^ ((a ^ b) & 0x80808080);
}

/// Differences: add_waits(subtract_waits(a, b), b) == a.
constexpr uint32_t subtract_waits(uint32_t a, uint32_t b) {
  return ((a | 0x80808080) - (b & 0x7f7f7f7f)) ^ ((a ^ ~b) & 0x80808080);
}

static_assert(add_waits(0xff01807f, 0x01ff8001) == 0x00000080);
static_assert(subtract_waits(0x00000080, 0x01ff8001) == 0xff01807f);

}  // namespace tern::spec
