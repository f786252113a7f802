// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"

/// quantise: q = round(z * limit / a) for a = max |z|, so that the largest element becomes +-limit.
/// Ties up (where limit / a has no exact mantissa, its rounding decides what would have been a
/// tie). a = 0 gives 0. absmax_quant, norm_quant, kv_quant and softmax are this operator with
/// limits 127, 127, 121 and 32512.
namespace tern::spec {

/// limit / a as m * 2^-k with m in [2^30, 2^31); {0, 0} for a = 0.
struct Multiplier {
  uint32_t m;
  int32_t k;
};

constexpr Multiplier quantise_multiplier(uint32_t a, uint32_t limit) {
  if (a == 0) return {0, 0};
  const Scale s = scale_div(make_scale(limit), make_scale(a));
  return {s.m, -s.e};
}

/// |z| <= a, so the product stays below 2^62 and the result within +-limit.
constexpr int32_t quantise(int32_t z, Multiplier by) {
  return static_cast<int32_t>(rshift_round(static_cast<int64_t>(z) * by.m, by.k));
}

/// x [n] worth `unit` each -> q [n] in -127..127: a vector quantised as it is, by its largest
/// element. Returns the scale of q.
constexpr Scale absmax_quant(const int32_t* x, int n, Scale unit, int8_t* q) {
  const uint32_t a = max_abs(x, n);
  const Multiplier by = quantise_multiplier(a, kActMax);
  for (int i = 0; i < n; ++i) q[i] = static_cast<int8_t>(quantise(x[i], by));
  constexpr Scale limit = make_scale(kActMax);
  return scale_div(scale_mul(make_scale(a), unit), limit);
}

/// quantise_multiplier(a, limit) is below 2^31, so limit * 2^k < 2^31 * a <= 2^62.
static_assert(quantise(1000, quantise_multiplier(1000, 127)) == 127);
static_assert(quantise(-1000, quantise_multiplier(1000, 127)) == -127);
static_assert(quantise(INT32_MAX, quantise_multiplier(INT32_MAX, 32512)) == 32512);
static_assert(quantise(512, quantise_multiplier(1024, 127)) == 64);    // 63.5 rounds up
static_assert(quantise(-512, quantise_multiplier(1024, 127)) == -63);  // -63.5 rounds up
static_assert(quantise(0, quantise_multiplier(0, 127)) == 0);
static_assert(quantise(1, quantise_multiplier(1, 121)) == 121);

namespace quantise_examples {
constexpr int32_t worth(int32_t x0, int32_t x1) {
  const int32_t x[2] = {x0, x1};
  int8_t q[2] = {};
  const Scale s = absmax_quant(x, 2, make_scale(1, -4), q);
  return scale_apply(q[1], s, 8);
}
static_assert(worth(254, -127) == -63 * 32 && worth(0, 0) == 0);
}  // namespace quantise_examples

}  // namespace tern::spec
