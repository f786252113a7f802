#pragma once

#include "spec/numerics/scale.hpp"

/// quantise: q = round(z * limit / a) for a = max |z|, so that the largest element becomes +-limit.
/// Ties up (where limit / a has no exact mantissa, its rounding decides what would have been a
/// tie). a = 0 gives 0. norm_quant, kv_quant and softmax are this operator with limits 127, 121 and
/// 32512.
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

/// quantise_multiplier(a, limit) is below 2^31, so limit * 2^k < 2^31 * a <= 2^62.
static_assert(quantise(1000, quantise_multiplier(1000, 127)) == 127);
static_assert(quantise(-1000, quantise_multiplier(1000, 127)) == -127);
static_assert(quantise(INT32_MAX, quantise_multiplier(INT32_MAX, 32512)) == 32512);
static_assert(quantise(512, quantise_multiplier(1024, 127)) == 64);    // 63.5 rounds up
static_assert(quantise(-512, quantise_multiplier(1024, 127)) == -63);  // -63.5 rounds up
static_assert(quantise(0, quantise_multiplier(0, 127)) == 0);
static_assert(quantise(1, quantise_multiplier(1, 121)) == 121);

}  // namespace tern::spec
