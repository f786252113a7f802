// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/quantise.hpp"

/// softmax: scores to probabilities, base 2, in integers; the probabilities carry the scale of the
/// value they will weigh.
///   s[t] = acc[t] * key_scale[t] * unit     int32, Q16, base 2 (unit holds log2 e / sqrt(head_dim)
///   and the query's scale) e[t] = 2^(s[t] - max s)                 Q30, by table and interpolation
///   w[t] = e[t] * value_scale[t]            30 bits
///   p[t] = round(w[t] * 32512 / max w)      15 bits, as two int8 limbs: p = 256 high + low
/// Sum of e is exact in 64 bits; it divides once a head, in the scale of p. All roundings tie up.
/// Without tokens, or when all value scales are 0, p is 0 and so is its scale.
namespace tern::spec {

inline constexpr int kScoreFrac = 16;
inline constexpr uint32_t kProbabilityMax = 127 * 256;  // the largest p whose limbs both fit int8

struct Limbs {
  int8_t high;
  int8_t low;
};

/// 0 <= p <= 32512.
constexpr Limbs split_limbs(int32_t p) {
  const int8_t low = static_cast<int8_t>(static_cast<uint8_t>(p & 0xff));
  return {static_cast<int8_t>((p - low) >> 8), low};
}

/// Sums of the two limbs back to one.
constexpr int64_t join_limbs(int32_t high, int32_t low) {
  return static_cast<int64_t>(high) * 256 + low;
}

/// acc [n], key_scale [n] -> score [n], Q16. `unit` is worth one unit of acc * key_scale.
constexpr void softmax_scores(const int32_t* acc, const int32_t* key_scale, int n, Scale unit,
                              int32_t* score) {
  const int bits = bit_width(max_abs(acc, n)) + bit_width(max_abs(key_scale, n));
  const int shift = bits > 31 ? bits - 31 : 0;
  for (int t = 0; t < n; ++t) {
    const int32_t product = sat32(rshift_round(static_cast<int64_t>(acc[t]) * key_scale[t], shift));
    score[t] = scale_apply(product, unit, shift + kScoreFrac);
  }
}

/// score [n], value_scale [n] -> p [n]. Returns the scale of p: sum of p * v is worth it times 2^24
/// (see kKvScaleFrac).
constexpr Scale softmax_probabilities(const int32_t* score, const int32_t* value_scale, int n,
                                      int32_t* p) {
  int32_t top = INT32_MIN;
  for (int t = 0; t < n; ++t) top = score[t] > top ? score[t] : top;
  const int shift = bit_width(max_abs(value_scale, n));
  uint64_t sum = 0;
  uint32_t w_max = 0;
  for (int t = 0; t < n; ++t) {
    const int64_t below = static_cast<int64_t>(score[t]) - top;
    const uint32_t e = exp2_q30(below < -(int64_t{40} << kScoreFrac) ? -(40 << kScoreFrac)
                                                                     : static_cast<int32_t>(below));
    sum += e;
    p[t] = static_cast<int32_t>(rshift_round(static_cast<int64_t>(e) * value_scale[t], shift));
    w_max = static_cast<uint32_t>(p[t]) > w_max ? static_cast<uint32_t>(p[t]) : w_max;
  }
  const Multiplier by = quantise_multiplier(w_max, kProbabilityMax);
  for (int t = 0; t < n; ++t) p[t] = quantise(p[t], by);
  constexpr Scale limit = make_scale(kProbabilityMax);
  return scale_div(make_scale(w_max, shift), scale_mul(limit, make_scale(sum)));
}

namespace softmax_examples {
struct Result {
  int32_t p[2];
  Scale scale;
};
constexpr Result run(int32_t s0, int32_t s1, int32_t v0, int32_t v1) {
  const int32_t s[2] = {s0, s1};
  const int32_t v[2] = {v0, v1};
  Result r{};
  r.scale = softmax_probabilities(s, v, 2, r.p);
  return r;
}
static_assert(run(0, 0, 5, 5).p[0] == 32512 && run(0, 0, 5, 5).p[1] == 32512);
static_assert(run(0, -65536, 5, 5).p[1] == 16256);   // half as likely
static_assert(run(0, -65536, 5, 10).p[1] == 32512);  // half as likely, weighs twice
static_assert(run(7, 7, 0, 0).p[0] == 0 && run(7, 7, 0, 0).scale.m == 0);
static_assert(scale_apply(32512, run(0, 0, 5, 5).scale, 10) == 2560);  // 5 / 2 of the value scale
static_assert(split_limbs(32512).high == 127 && split_limbs(32512).low == 0);
static_assert(split_limbs(255).high == 1 && split_limbs(255).low == -1 && join_limbs(1, -1) == 255);
}  // namespace softmax_examples

}  // namespace tern::spec
