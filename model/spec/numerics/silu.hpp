// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/fixed.hpp"

/// silu: y = x / (1 + exp(-x)) (Elfwing, Uchibe, Doya, arXiv 1702.03118), x and y in Q18.
///   y = max(x, 0) + c(|x|),  c(t) = -t / (1 + exp(t))
/// The correction c is small and vanishes beyond 16, so that a table in Q24 with linear
/// interpolation gives it, 64 segments below 1 and in each octave above. |error| < 2.1e-5 for all
/// x. Both roundings (of the interpolation to Q24, of c to Q18) tie up; nothing saturates, and
/// |y| <= |x|.
namespace tern::spec {

inline constexpr int kSiluFrac = 18;

/// c(t) in Q24 for t in Q18.
constexpr int32_t silu_correction(uint32_t t) {
  constexpr uint32_t kTwo = 2u << kSiluFrac;
  if (t >= 16u << kSiluFrac) return 0;
  // From 2 on, segments double with each octave.
  const int octave = t < kTwo ? 0 : bit_width(t) - (kSiluFrac + 1);
  const uint32_t steps = t >> octave;  // 64 * 4096 of them for an octave
  const uint32_t i = (steps >> 12) + (static_cast<uint32_t>(octave) << 6);
  const int64_t slope = kSiluTable[i + 1] - kSiluTable[i];
  return kSiluTable[i] + static_cast<int32_t>(rshift_round(slope * (steps & 4095), 12));
}

constexpr int32_t silu(int32_t x) {
  const int64_t c = rshift_round(silu_correction(abs32(x)), 6);
  return static_cast<int32_t>((x > 0 ? x : 0) + c);
}

static_assert(silu(0) == 0 && silu(1 << 18) == 191643 && silu(-(1 << 18)) == -70501);
static_assert(silu(2 << 18) == 461791 && silu(8 << 18) == 2096449);
static_assert(silu(INT32_MAX) == INT32_MAX && silu(INT32_MIN) == 0);

}  // namespace tern::spec
