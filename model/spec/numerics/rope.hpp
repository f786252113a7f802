// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/result_bits.hpp"

/// rope: rotary position embedding on NEOX pairs (i, i + d/2) (RoFormer, arXiv 2104.09864,
/// section 3.2.2).
///   y[i] = x[i] c - x[i + d/2] s,  y[i + d/2] = x[i + d/2] c + x[i] s
/// x: int32 accumulators, |x| < 2^24 (n <= 131072 trits at int8); wider results of a matrix are
/// first shifted right by rope_shift(), rounded with ties up. c, s: Q15, 1.0 is 32767. y: int32
/// with kRopeGuard more fraction bits than x, so that rounding (ties up) stays far below the
/// quantisation that follows; |y| < 2^31.
namespace tern::spec {

inline constexpr int kRopeGuard = 6;

/// Of results that the norm of heads has not made short already.
constexpr int rope_shift(ResultBits x) { return x.bits > 24 ? x.bits - 24 : 0; }

struct RopePair {
  int32_t low;
  int32_t high;
};

constexpr RopePair rope_pair(int32_t low, int32_t high, int16_t c, int16_t s) {
  const int64_t a = static_cast<int64_t>(low) * c - static_cast<int64_t>(high) * s;
  const int64_t b = static_cast<int64_t>(high) * c + static_cast<int64_t>(low) * s;
  return {sat32(rshift_round(a, 15 - kRopeGuard)), sat32(rshift_round(b, 15 - kRopeGuard))};
}

/// x [dim] -> y [dim] for one head; table [2][dim/2]: the cosines of the position, then its sines.
constexpr void rope(const int32_t* x, const int16_t* table, int dim, int32_t* y) {
  const int half = dim / 2;
  for (int i = 0; i < half; ++i) {
    const RopePair p = rope_pair(x[i], x[i + half], table[i], table[half + i]);
    y[i] = p.low;
    y[i + half] = p.high;
  }
}

static_assert(rope_pair(1000, 0, 32767, 0).low == 63998 && rope_pair(1000, 0, 32767, 0).high == 0);
static_assert(rope_pair(0, 1000, 0, 32767).low == -63998 &&
              rope_pair(1000, 0, 0, 32767).high == 63998);

namespace rope_examples {
constexpr int32_t turned(int i) {
  constexpr int32_t kX[4] = {1000, 2000, 0, 0};
  constexpr int16_t kTable[4] = {32767, 0, 0, 32767};  // the first pair stays, the second turns
  int32_t y[4] = {};
  rope(kX, kTable, 4, y);
  return y[i];
}
static_assert(turned(0) == 63998 && turned(1) == 0 && turned(2) == 0 && turned(3) == 127996);
}  // namespace rope_examples

}  // namespace tern::spec
