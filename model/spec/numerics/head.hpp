// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"

/// head: logit = round(acc * row_scale * 2^-shift), one int32 scale a row, ties up, saturated.
/// The shift leaves one bit of headroom above the largest sum that n columns of value layout can
/// reach, and keeps all others. Arg-max takes the lowest index among equals.
namespace tern::spec {

/// |acc| <= 127 * 121 * n.
constexpr int logit_shift(uint32_t n) { return bit_width(uint64_t{kActMax} * kValueMax * n) + 1; }

constexpr int32_t logit(int32_t acc, int32_t row_scale, int shift) {
  return sat32(rshift_round(static_cast<int64_t>(acc) * row_scale, shift));
}

constexpr int arg_max(const int32_t* x, int n) {
  int best = 0;
  for (int i = 1; i < n; ++i) best = x[i] > x[best] ? i : best;
  return best;
}

namespace head_examples {
inline constexpr int32_t kTied[4] = {-3, 9, 9, 1};
static_assert(arg_max(kTied, 4) == 1);
static_assert(logit_shift(256) == 23 && logit(1 << 21, 1 << 30, 23) == 1 << 28);
static_assert(logit(-3, 1 << 22, 23) == -1 && logit(3, 1 << 22, 23) == 2);
}  // namespace head_examples

}  // namespace tern::spec
