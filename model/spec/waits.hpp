#pragma once

#include <stdint.h>

/// Wait counts: word 1 of a command, a count of completed commands modulo 256 for each unit, one
/// byte a unit in the order of the enum Unit.
namespace tern::spec {

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
