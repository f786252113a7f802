// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/quantise.hpp"

/// norm_quant: RMSNorm with gain, then absmax quantisation to int8 (BitNet b1.58, arXiv 2402.17764,
/// section 2).
///   y = x * g / rms(x),  q = round(127 * y / max |y|)
/// The root mean square divides both y and its maximum, so q needs only z = x * g; the rms enters
/// the scale alone, once a vector. x: int32, one unit is worth `unit`. g: int16, worth 2^exponent
/// each. z = round(x * g * 2^-s), s = max(0, bits(max |x|) - 16), so |z| < 2^31. Ties up. A vector
/// of zeros gives q = 0 and scale 0. The sum of squares is of round(x * 2^-t), t = max(0, bits(max
/// |x|) - 23): n <= 2^16 elements fit 64 bits.
namespace tern::spec {

constexpr int norm_shift(uint32_t x_max) {
  return bit_width(x_max) > 16 ? bit_width(x_max) - 16 : 0;
}
constexpr int square_shift(uint32_t x_max) {
  return bit_width(x_max) > 23 ? bit_width(x_max) - 23 : 0;
}
constexpr int32_t norm_product(int32_t x, int16_t g, int s) {
  return static_cast<int32_t>(rshift_round(static_cast<int64_t>(x) * g, s));
}

/// Scale of q: x * g / rms is worth q times it. a = max |z|, squares = the sum of squares.
constexpr Scale norm_scale(uint32_t a, uint32_t x_max, uint64_t squares, uint32_t n, Scale unit,
                           int exponent, Scale eps) {
  const Scale mean = scale_div(make_scale(squares, 2 * square_shift(x_max)), make_scale(n));
  const Scale mean_real = scale_mul(mean, scale_mul(unit, unit));
  const Scale rms = scale_sqrt(scale_add(mean_real, eps));
  const Scale z_unit = scale_shift(unit, norm_shift(x_max) + exponent);
  constexpr Scale limit = make_scale(kActMax);
  return scale_div(scale_mul(make_scale(a), z_unit), scale_mul(limit, rms));
}

/// x [n], g [n] -> q [n]. z is scratch [n]. Returns the scale of q.
constexpr Scale norm_quant(const int32_t* x, const int16_t* g, int n, Scale unit, int exponent,
                           Scale eps, int32_t* z, int8_t* q) {
  const uint32_t x_max = max_abs(x, n);
  const int shift = norm_shift(x_max);
  const int down = square_shift(x_max);
  uint64_t squares = 0;
  uint32_t a = 0;
  for (int i = 0; i < n; ++i) {
    const int64_t small = rshift_round(x[i], down);
    squares += static_cast<uint64_t>(small * small);
    z[i] = norm_product(x[i], g[i], shift);
    a = abs32(z[i]) > a ? abs32(z[i]) : a;
  }
  const Multiplier by = quantise_multiplier(a, kActMax);
  for (int i = 0; i < n; ++i) q[i] = static_cast<int8_t>(quantise(z[i], by));
  return norm_scale(a, x_max, squares, static_cast<uint32_t>(n), unit, exponent, eps);
}

namespace norm_quant_examples {
struct Result {
  int8_t q[2];
  Scale scale;
};
constexpr Result run(int32_t x0, int32_t x1, int16_t g0, int16_t g1) {
  const int32_t x[2] = {x0, x1};
  const int16_t g[2] = {g0, g1};
  int32_t z[2] = {};
  Result r{};
  r.scale = norm_quant(x, g, 2, make_scale(1, -16), -14, make_scale(0), z, r.q);
  return r;
}
static_assert(run(100000, -50000, 16384, 16384).q[0] == 127 &&
              run(100000, -50000, 16384, 16384).q[1] == -63);
static_assert(run(0, 0, 16384, 16384).q[0] == 0 && run(0, 0, 16384, 16384).scale.m == 0);
static_assert(run(INT32_MIN, INT32_MAX, 16384, -16384).q[0] == -127);
// Equal elements have rms 1 after the norm: 127 units of the scale are 1.
static_assert(scale_apply(127, run(77777, 77777, 16384, 16384).scale, 20) == 1 << 20);
}  // namespace norm_quant_examples

}  // namespace tern::spec
