// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"

/// Heads side by side: every head's sums get one common unit, a power of two, so that a norm can
/// follow.
///   y = round(round(acc * 2^-k) * s_head / 2^E),  E such that no head's scale reaches 2^E, k such
///   that |acc * 2^-k| < 2^30
/// Ties up; |y| <= 2^30, nothing saturates.
namespace tern::spec {

/// Exponent E for head scales s [n].
constexpr int32_t common_exponent(const Scale* s, int n) {
  int32_t e = INT32_MIN;
  for (int i = 0; i < n; ++i) {
    if (s[i].m != 0 && s[i].e + 31 > e) e = s[i].e + 31;
  }
  return e == INT32_MIN ? 0 : e;
}

/// Right shift k for sums of magnitude up to `acc_max`.
constexpr int head_shift(uint64_t acc_max) {
  return bit_width(acc_max) > 30 ? bit_width(acc_max) - 30 : 0;
}

/// One element; the result is worth 2^(E + k).
constexpr int32_t head_align(int64_t acc, int k, Scale s, int32_t exponent) {
  const int64_t small = rshift_round(acc, k);
  return s.m == 0 ? 0 : static_cast<int32_t>(rshift_round(small * s.m, exponent - s.e));
}

namespace attention_examples {
inline constexpr Scale kScales[2] = {make_scale(1, -3), make_scale(3, -3)};
static_assert(common_exponent(kScales, 2) == -1);  // 3/8 < 2^-1
static_assert(head_align(1 << 20, 0, kScales[0], -1) == 1 << 18);
static_assert(head_align(1 << 20, 0, kScales[1], -1) == 3 << 18);
static_assert(head_shift(1ull << 40) == 11 && head_align(1ll << 40, 11, kScales[0], -1) == 1 << 27);
}  // namespace attention_examples

}  // namespace tern::spec
