// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/result_bits.hpp"
#include "spec/numerics/scale.hpp"

/// head_norm: RMSNorm with gain of one query or key head, before rope (Qwen3 technical report,
/// arXiv 2505.09388, section 2: QK-Norm).
///   y = x * g / rms(x)
/// As in norm_quant, elements see the gain alone; the rms is in the unit of the head.
/// x: int32 results of a matrix, |x| < 2^b (result_bits.hpp), b <= 30. g: int16, worth 2^exponent
/// each. z = round(x * g * 2^-s), ties up, with s = max(0, b - 9), so |z| <= 2^24 as rope() takes
/// it and z keeps all bits of a short product. The sum of squares is of round(x * 2^-r), r = max(0,
/// b - 24): of up to 2^16 elements it is exact in 64 bits. A head of zeros gives z = 0 and unit 0.
namespace tern::spec {

constexpr int head_norm_shift(ResultBits x) { return x.bits > 9 ? x.bits - 9 : 0; }
/// r: of the elements whose squares are summed.
constexpr int head_norm_square_shift(ResultBits x) { return x.bits > 24 ? x.bits - 24 : 0; }

constexpr int32_t head_norm_product(int32_t x, int16_t g, int s) {
  return sat32(rshift_round(static_cast<int64_t>(x) * g, s));
}

/// Eps in units of the sum of squares of x, worth `unit` each; the same for all heads of a vector.
constexpr Scale head_norm_floor(uint32_t dim, Scale unit, Scale eps) {
  return scale_div(scale_mul(make_scale(dim), eps), scale_mul(unit, unit));
}

/// What a unit of z is worth: sqrt(dim) * 2^(exponent + s) / sqrt(squares * 2^(2r) + floor).
constexpr Scale head_norm_unit(uint64_t squares, Scale floor, uint32_t dim, int32_t exponent,
                               ResultBits x) {
  const Scale sum = make_scale(squares, 2 * head_norm_square_shift(x));
  const Scale root = scale_sqrt(scale_add(sum, floor));
  return scale_div(scale_shift(scale_sqrt(make_scale(dim)), exponent + head_norm_shift(x)), root);
}

/// x [dim], g [dim] -> z [dim]. Returns the unit of z.
constexpr Scale head_norm(const int32_t* x, const int16_t* g, int dim, ResultBits bits,
                          int32_t exponent, Scale floor, int32_t* z) {
  uint64_t squares = 0;
  for (int i = 0; i < dim; ++i) {
    const int64_t v = rshift_round(x[i], head_norm_square_shift(bits));
    squares += static_cast<uint64_t>(v * v);
    z[i] = head_norm_product(x[i], g[i], head_norm_shift(bits));
  }
  return head_norm_unit(squares, floor, static_cast<uint32_t>(dim), exponent, bits);
}

static_assert(head_norm_shift({7}) == 0 && head_norm_shift(result_bits(131072)) == 15);
static_assert(head_norm_shift({30}) == 21 && head_norm_square_shift({30}) == 6);
static_assert(head_norm_product(-(1 << 30), INT16_MIN, 21) == 1 << 24);
static_assert(head_norm_product(-(1 << 24), INT16_MIN, 15) == 1 << 24);

namespace head_norm_examples {
/// The first element of a normed head of four in Q10, with a gain of 1/2.
constexpr int32_t first(int32_t x0, int32_t rest, int bits = 13) {
  const int32_t x[4] = {x0, rest, rest, rest};
  constexpr int16_t kGain[4] = {8192, 8192, 8192, 8192};
  int32_t z[4] = {};
  const Scale unit = head_norm(x, kGain, 4, {bits}, -14, make_scale(0), z);
  return scale_apply(z[0], unit, 10);
}
static_assert(first(300, 300) == 512 && first(-7, 7) == -512);
static_assert(first(300 << 20, 300 << 20, 30) == 512 && first(500 << 20, 0, 30) == 1024);
static_assert(first(500, 0) == 1024 && first(0, 0) == 0);  // rms of one in four is half of it
}  // namespace head_norm_examples

}  // namespace tern::spec
