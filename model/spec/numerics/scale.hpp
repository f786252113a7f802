// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"
#include "spec/numerics/fixed.hpp"

/// Scales: real factors m * 2^e with a 31-bit mantissa. m is 0 or in [2^30, 2^31).
/// Every operation rounds once, to nearest with ties up, so the relative error of each is at most
/// 2^-31. Exponents stay far from the ends of int32; nothing saturates.
namespace tern::spec {

using Scale = ScaleBits;

/// top * 2^e for top >= 2^31: 32 bits rounded to 31.
constexpr Scale round_scale(uint32_t top, int32_t e) {
  const uint32_t m = (top >> 1) + (top & 1);
  if (m >> 31) return {1u << 30, e + 2};
  return {m, e + 1};
}

/// v * 2^e.
constexpr Scale make_scale(uint64_t v, int32_t e = 0) {
  const auto high = static_cast<uint32_t>(v >> 32);
  const auto low = static_cast<uint32_t>(v);
  if (high == 0) {
    if (low == 0) return {0, 0};
    const int n = leading_zeros(low);
    return round_scale(low << n, e - n);
  }
  // What lies below the upper 32 bits does not decide: ties go up.
  const int n = leading_zeros(high);
  return round_scale(high << n | (low >> 1) >> (31 - n), e + 32 - n);
}

constexpr Scale scale_mul(Scale a, Scale b) {
  const uint64_t product = static_cast<uint64_t>(a.m) * b.m;
  const auto high = static_cast<uint32_t>(product >> 32);
  // Two mantissas have a product of 61 or 62 bits, 0 has none.
  if (high - (1u << 28) >= 3u << 28) return make_scale(product, a.e + b.e);
  if (high >> 29) return round_scale(static_cast<uint32_t>(product >> 30), a.e + b.e + 30);
  return round_scale(static_cast<uint32_t>(product >> 29), a.e + b.e + 29);
}

/// floor(high * 2^32 / d) for high < d, d >= 2^31: two digits of 16 bits (Knuth, The Art of
/// Computer Programming, volume 2, 4.3.1, algorithm D). The controller has no wide division and a
/// slow narrow one, so that both digits are estimated by one reciprocal.
constexpr uint32_t divide_wide(uint32_t high, uint32_t d) {
  const uint32_t d_high = d >> 16;
  const uint32_t d_low = d & 0xffff;
  const uint32_t reciprocal = UINT32_MAX / d_high;
  uint32_t quotient = 0;
  for (int digit = 0; digit < 2; ++digit) {
    auto q = static_cast<uint32_t>((static_cast<uint64_t>(high) * reciprocal) >> 32);
    uint32_t rest = high - q * d_high;
    for (; rest >= d_high; rest -= d_high) ++q;  // at most twice
    // q is now high / d_high, at most 2 more than the digit.
    while (q >> 16 || q * d_low > rest << 16) {
      --q;
      rest += d_high;
      if (rest >> 16) break;
    }
    quotient = quotient << 16 | q;
    high = (high << 16) - q * d;
  }
  return quotient;
}

/// a / b; 0 when a or b is 0, because a vector of zeros has scale 0 whatever divides it.
constexpr Scale scale_div(Scale a, Scale b) {
  if (a.m == 0 || b.m == 0) return {0, 0};
  // The quotient of the mantissas lies between 1/2 and 2; doubled if below 1, it has 32 bits.
  if (a.m < b.m) return round_scale(divide_wide(a.m << 1, b.m << 1), a.e - b.e - 32);
  return round_scale(divide_wide(a.m, b.m << 1), a.e - b.e - 31);
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

/// floor(sqrt(v)) and v minus its square, for v >= 2^30: bit by bit, without a multiplication.
struct Root {
  uint32_t root;
  uint32_t rest;
};
constexpr Root square_root(uint32_t v) {
  uint32_t root = 1u << 30;
  uint32_t rest = v - root;
  for (uint32_t bit = 1u << 28; bit != 0; bit >>= 2) {
    const uint32_t next = root + bit;
    root >>= 1;
    if (rest >= next) {
      rest -= next;
      root += bit;
    }
  }
  return {root, rest};
}

/// Square root; the mantissa is the rounded-down root of a 62-bit integer.
constexpr Scale scale_sqrt(Scale a) {
  if (a.m == 0) return {0, 0};
  // The radicand is v * 2^30 with an even exponent. The upper half of the root of v * 2^32 is the
  // root of v; the lower half is a division, at most 1 too large (Zimmermann, Karatsuba Square
  // Root, INRIA RR-3805).
  const int odd = a.e & 1;
  const uint32_t v = a.m << odd;
  const Root upper = square_root(v);
  const uint32_t twice = (upper.root << 16) + (upper.rest << 15) / upper.root;
  uint32_t root = twice >> 1;
  if (static_cast<uint64_t>(root) * root > static_cast<uint64_t>(v) << 30) --root;
  return {root, (a.e - odd - 30) / 2};
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
