// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"

/// residual: x = sat32(x + round(acc * s * 2^F)), for a stream with F fraction bits and
/// accumulators worth s each. Ties up. The sum is taken in 64 bits and saturates once; saturations
/// are counted.
namespace tern::spec {

/// x [n] in place. Returns how many elements saturated.
constexpr uint32_t residual_add(int32_t* x, const int32_t* acc, int n, Scale s, int frac) {
  uint32_t saturated = 0;
  const int shift = -(s.e + frac);
  for (int i = 0; i < n; ++i) {
    const int64_t sum =
        static_cast<int64_t>(x[i]) + rshift_round_sat(static_cast<int64_t>(acc[i]) * s.m, shift);
    x[i] = sat32(sum);
    saturated += x[i] != sum;
  }
  return saturated;
}

namespace residual_examples {
constexpr int32_t one(int32_t x, int32_t acc, Scale s, int frac) {
  residual_add(&x, &acc, 1, s, frac);
  return x;
}
static_assert(one(10, 3, make_scale(1, -1), 0) == 12);  // 1.5 rounds up
static_assert(one(10, -3, make_scale(1, -1), 0) == 9);  // -1.5 rounds up
static_assert(one(INT32_MAX - 1, 2, make_scale(1), 0) == INT32_MAX);
static_assert(one(7, 100, make_scale(0), 16) == 7);
}  // namespace residual_examples

}  // namespace tern::spec
