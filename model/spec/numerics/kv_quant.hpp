// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/quantise.hpp"
#include "spec/numerics/t5.hpp"

/// kv_quant: a head's key or value vector becomes bytes of the value layout, absmax to +-121, with
/// one scale a token and head. The scale is kept as fixed point with kKvScaleFrac fraction bits,
/// rounded to nearest and saturated, so that all tokens of a head share an exponent. A vector of
/// zeros gives bytes 121 and scale 0.
namespace tern::spec {

inline constexpr int kKvScaleFrac = 24;

/// x [n] worth `unit` each -> code [n]. Returns the scale, real value = (code - 121) * scale *
/// 2^-24.
constexpr int32_t kv_quant(const int32_t* x, int n, Scale unit, uint8_t* code) {
  const uint32_t a = max_abs(x, n);
  const Multiplier by = quantise_multiplier(a, kValueMax);
  for (int i = 0; i < n; ++i) code[i] = t5_pack_value(quantise(x[i], by));
  constexpr Scale limit = make_scale(kValueMax);
  const Scale s = scale_div(scale_mul(make_scale(a), unit), limit);
  return scale_apply(1, s, kKvScaleFrac);
}

namespace kv_quant_examples {
struct Result {
  uint8_t code[2];
  int32_t scale;
};
constexpr Result run(int32_t x0, int32_t x1) {
  const int32_t x[2] = {x0, x1};
  Result r{};
  r.scale = kv_quant(x, 2, make_scale(1, -4), r.code);
  return r;
}
static_assert(run(-242, 121).code[0] == 0 &&
              run(-242, 121).code[1] == 182);          // 60.5 rounds up to 61
static_assert(run(-242, 121).scale == 1 << (24 - 3));  // 242/121 * 2^-4
static_assert(run(0, 0).code[0] == kT5Zero && run(0, 0).scale == 0);
}  // namespace kv_quant_examples

}  // namespace tern::spec
