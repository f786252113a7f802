#pragma once

#include "spec/generated/spec.hpp"
#include "spec/numerics/fixed.hpp"

/// Scales: real factors m * 2^e with a 31-bit mantissa. m is 0 or in [2^30, 2^31).
/// Every operation rounds once, to nearest with ties up, so the relative error of each is at most
/// 2^-31. Exponents stay far from the ends of int32; nothing saturates.
namespace tern::spec {

using Scale = ScaleBits;

/// v * 2^e.
constexpr Scale make_scale(uint64_t v, int32_t e = 0) {
  if (v == 0) return {0, 0};
  const int shift = bit_width(v) - 31;
  if (shift <= 0) return {static_cast<uint32_t>(v << -shift), e + shift};
  const uint64_t rounded = (v >> shift) + ((v >> (shift - 1)) & 1);
  if (rounded >> 31) return {1u << 30, e + shift + 1};
  return {static_cast<uint32_t>(rounded), e + shift};
}

constexpr Scale scale_mul(Scale a, Scale b) {
  return make_scale(static_cast<uint64_t>(a.m) * b.m, a.e + b.e);
}

/// a / b; 0 when a or b is 0, because a vector of zeros has scale 0 whatever divides it.
constexpr Scale scale_div(Scale a, Scale b) {
  if (a.m == 0 || b.m == 0) return {0, 0};
  // The quotient has 32 or 33 bits, so that make_scale() sees the bit that decides the rounding.
  return make_scale((static_cast<uint64_t>(a.m) << 32) / b.m, a.e - b.e - 32);
}

constexpr Scale scale_add(Scale a, Scale b) {
  if (a.m == 0) return b;
  if (b.m == 0) return a;
  if (a.e < b.e) {
    const Scale t = a;
    a = b;
    b = t;
  }
  // a gets 31 more bits below its own, so that the sum is rounded only once unless b is under 2^-31
  // of a.
  const int distance = a.e - b.e;
  if (distance > 61) return a;
  const uint64_t wide_a = static_cast<uint64_t>(a.m) << 31;
  const uint64_t wide_b = distance <= 31 ? static_cast<uint64_t>(b.m) << (31 - distance)
                                         : static_cast<uint64_t>(b.m) >> (distance - 31);
  return make_scale(wide_a + wide_b, a.e - 31);
}

/// Square root; the mantissa is the rounded-down root of a 62-bit integer.
constexpr Scale scale_sqrt(Scale a) {
  if (a.m == 0) return {0, 0};
  const int shift = 30 + (a.e & 1);  // makes e - shift even, keeps the radicand in [2^60, 2^62)
  const uint64_t v = static_cast<uint64_t>(a.m) << shift;
  uint64_t root = 0;
  for (int bit = 30; bit >= 0; --bit) {
    const uint64_t next = root | (uint64_t{1} << bit);
    if (next * next <= v) root = next;
  }
  return {static_cast<uint32_t>(root), (a.e - shift) / 2};
}

/// a * 2^n.
constexpr Scale scale_shift(Scale a, int n) { return {a.m, a.m ? a.e + n : 0}; }

/// round(v * s * 2^frac), saturated to int32.
constexpr int32_t scale_apply(int32_t v, Scale s, int frac = 0) {
  return rshift_round_sat(static_cast<int64_t>(v) * s.m, -(s.e + frac));
}

static_assert(make_scale(1).m == 1u << 30 && make_scale(1).e == -30);
static_assert(make_scale(3, 5).m == 3u << 29 && make_scale(3, 5).e == -24);
static_assert(make_scale(~0ull).m == 1u << 30 && make_scale(~0ull).e == 34);
static_assert(scale_apply(100, scale_div(make_scale(1), make_scale(3))) == 33);
static_assert(scale_apply(3, scale_sqrt(make_scale(2)), 16) == 278046);  // 3 * sqrt 2 * 65536
static_assert(scale_apply(1, scale_add(make_scale(5), make_scale(1, -1)), 1) == 11);
static_assert(scale_mul(make_scale(0), make_scale(7)).m == 0);
static_assert(scale_apply(7, scale_sqrt(make_scale(1, -2)), 1) == 7);

}  // namespace tern::spec
