// SPDX-License-Identifier: Apache-2.0
// The arithmetic of scales is written for a 32-bit controller. Here it is compared, bit by bit,
// with the plain 64-bit and 128-bit formulas that define it.
#include "spec/numerics/scale.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <utility>

#include "spec/numerics/quantise.hpp"

namespace tern::spec {
namespace {

__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 UnsignedWide;

/// Random and corner cases; every case goes through all formulas. Sanitized code takes ten times as
/// long.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kCases = 1'000'000;
#else
constexpr int kCases = 10'000'000;
#endif

namespace oracle {

Scale make_scale(uint64_t v, int32_t e) {
  if (v == 0) return {0, 0};
  const int shift = static_cast<int>(std::bit_width(v)) - 31;
  if (shift <= 0) return {static_cast<uint32_t>(v << -shift), e + shift};
  const uint64_t rounded = (v >> shift) + ((v >> (shift - 1)) & 1);
  if (rounded >> 31) return {1u << 30, e + shift + 1};
  return {static_cast<uint32_t>(rounded), e + shift};
}

Scale scale_mul(Scale a, Scale b) { return make_scale(uint64_t{a.m} * b.m, a.e + b.e); }

Scale scale_div(Scale a, Scale b) {
  if (a.m == 0 || b.m == 0) return {0, 0};
  return make_scale((uint64_t{a.m} << 32) / b.m, a.e - b.e - 32);
}

Scale scale_add(Scale a, Scale b) {
  if (a.m == 0) return b;
  if (b.m == 0) return a;
  if (a.e < b.e) std::swap(a, b);
  const int distance = a.e - b.e;
  if (distance > 61) return a;
  const UnsignedWide sum = (UnsignedWide{a.m} << 31) + ((UnsignedWide{b.m} << 31) >> distance);
  return make_scale(static_cast<uint64_t>(sum), a.e - 31);
}

Scale scale_sqrt(Scale a) {
  if (a.m == 0) return {0, 0};
  const int shift = 30 + (a.e & 1);
  const uint64_t v = uint64_t{a.m} << shift;
  auto root = static_cast<uint64_t>(std::sqrt(static_cast<double>(v)));
  while (root * root > v) --root;
  while ((root + 1) * (root + 1) <= v) ++root;
  return {static_cast<uint32_t>(root), (a.e - shift) / 2};
}

int64_t rshift_round(int64_t v, int k) {
  if (k <= 0) return v;
  if (k > 62) return 0;
  return static_cast<int64_t>((Wide{v} + (Wide{1} << (k - 1))) >> k);
}

int32_t rshift_round_sat(int64_t v, int k) {
  if (k < -40) k = -40;  // anything but 0 has then left int32, and the product still fits
  const Wide exact = k >= 0 ? Wide{rshift_round(v, k)} : Wide{v} * (Wide{1} << -k);
  return exact > INT32_MAX   ? INT32_MAX
         : exact < INT32_MIN ? INT32_MIN
                             : static_cast<int32_t>(exact);
}

Multiplier quantise_multiplier(uint32_t a, uint32_t limit) {
  if (a == 0) return {0, 0};
  const Scale s = oracle::scale_div(make_scale(limit, 0), make_scale(a, 0));
  return {s.m, -s.e};
}

}  // namespace oracle

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : rng_(seed) {}

  uint64_t bits() { return rng_(); }
  int below(int n) { return static_cast<int>(rng_() % static_cast<uint64_t>(n)); }

  /// Any width; often at the ends of powers of two, or with long runs of equal bits.
  uint64_t word() {
    uint64_t v = rng_();
    switch (below(4)) {
      case 0:
        v = uint64_t{1} << below(64);
        v += static_cast<uint64_t>(below(5)) - 2;
        break;
      case 1:
        v = ~uint64_t{0} << below(64);
        v ^= uint64_t{1} << below(64);
        break;
      default:
        break;
    }
    return v >> below(64);
  }

  /// A mantissa: 0, or in [2^30, 2^31), often near its ends or with a short pattern of bits.
  uint32_t mantissa() {
    const auto random = static_cast<uint32_t>(rng_() >> 34);
    switch (below(16)) {
      case 0:
        return 0;
      case 1:
        return (1u << 30) + static_cast<uint32_t>(below(8));
      case 2:
        return 0x7fffffffu - static_cast<uint32_t>(below(8));
      case 3:
        return 1u << 30 | random << below(31) >> 2;
      case 4:
        return 1u << 30 | (random & 0xffff0000u) >> below(2);
      case 5:
        return 1u << 30 | (random & 0xffff) | 0x3fff0000u >> below(2);
      default:
        return 1u << 30 | random;
    }
  }

  Scale scale() { return {mantissa(), below(200) - 100}; }

 private:
  std::mt19937_64 rng_;
};

testing::AssertionResult same(Scale got, Scale expected) {
  if (got.m == expected.m && got.e == expected.e) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << got.m << " * 2^" << got.e << ", expected " << expected.m << " * 2^" << expected.e;
}

std::string text(Scale s) { return std::to_string(s.m) + " * 2^" + std::to_string(s.e); }

TEST(ScaleFormulas, ProductQuotientSumAndRootAreThoseOfWideArithmetic) {
  Numbers numbers(1);
  for (int i = 0; i < kCases; ++i) {
    const Scale a = numbers.scale();
    Scale b = numbers.scale();
    if (i % 4 == 0) b.e = a.e + numbers.below(70) - 35;
    ASSERT_TRUE(same(scale_mul(a, b), oracle::scale_mul(a, b))) << text(a) << " * " << text(b);
    ASSERT_TRUE(same(scale_div(a, b), oracle::scale_div(a, b))) << text(a) << " / " << text(b);
    ASSERT_TRUE(same(scale_add(a, b), oracle::scale_add(a, b))) << text(a) << " + " << text(b);
    ASSERT_TRUE(same(scale_sqrt(a), oracle::scale_sqrt(a))) << text(a);
  }
}

TEST(ScaleFormulas, ProductsOfUnnormalisedMantissasAreNormalised) {
  Numbers numbers(2);
  for (int i = 0; i < kCases; ++i) {
    const Scale a{static_cast<uint32_t>(numbers.word()), 3};
    const Scale b{static_cast<uint32_t>(numbers.word()), -5};
    ASSERT_TRUE(same(scale_mul(a, b), oracle::scale_mul(a, b))) << text(a) << " * " << text(b);
  }
}

TEST(ScaleFormulas, RootsOfSquaresAndTheirNeighboursAreRoundedDown) {
  Numbers numbers(3);
  for (int i = 0; i < kCases; ++i) {
    // The mantissa whose shifted value is next to the square of a 31-bit root.
    const uint64_t root = numbers.mantissa() | 1u << 30;
    const int shift = root * root >> 61 ? 31 : 30;
    const auto m =
        static_cast<uint32_t>((root * root >> shift) + static_cast<uint64_t>(numbers.below(3)) - 1);
    if (m >> 30 != 1) continue;
    const Scale a{m, shift - 30 + 2 * (numbers.below(40) - 20)};
    ASSERT_TRUE(same(scale_sqrt(a), oracle::scale_sqrt(a))) << text(a);
  }
}

TEST(ScaleFormulas, QuotientsOfDigitPatternsNeedEveryCorrection) {
  // Knuth's corner cases: digits that are all ones or nearly, divisors just above a half.
  const uint32_t digits[] = {0, 1, 2, 0x7ffe, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff};
  for (uint32_t high : digits) {
    for (uint32_t low : digits) {
      for (uint32_t d_high : digits) {
        for (uint32_t d_low : digits) {
          for (int32_t nudge = -3; nudge <= 3; ++nudge) {
            const uint32_t d = (d_high | 0x8000) << 16 | d_low;
            const uint32_t n = (high << 16 | low) + static_cast<uint32_t>(nudge);
            for (uint32_t v : {n, d - 1 - (n & 7)}) {
              if (v >= d) continue;
              ASSERT_EQ(divide_wide(v, d), (uint64_t{v} << 32) / d) << v << " / " << d;
            }
          }
        }
      }
    }
  }
  Numbers numbers(4);
  for (int i = 0; i < kCases; ++i) {
    const uint32_t d = static_cast<uint32_t>(numbers.word()) | 1u << 31;
    const uint32_t v = static_cast<uint32_t>(numbers.word()) % d;
    ASSERT_EQ(divide_wide(v, d), (uint64_t{v} << 32) / d) << v << " / " << d;
  }
}

TEST(ScaleFormulas, ScalesAndMultipliersOfIntegersAreThoseOfWideArithmetic) {
  Numbers numbers(5);
  for (int i = 0; i < kCases; ++i) {
    const uint64_t v = numbers.word();
    const int e = numbers.below(200) - 100;
    ASSERT_EQ(bit_width(v), static_cast<int>(std::bit_width(v))) << v;
    ASSERT_TRUE(same(make_scale(v, e), oracle::make_scale(v, e))) << v;
    const auto a = static_cast<uint32_t>(v);
    for (uint32_t limit : {127u, 121u, 32512u}) {
      const Multiplier got = quantise_multiplier(a, limit);
      const Multiplier expected = oracle::quantise_multiplier(a, limit);
      ASSERT_TRUE(got.m == expected.m && got.k == expected.k) << limit << " / " << a;
    }
  }
}

TEST(ScaleFormulas, ShiftsWithRoundingAreThoseOfWideArithmetic) {
  Numbers numbers(6);
  constexpr int64_t limit = (int64_t{1} << 62) - 1;
  for (int i = 0; i < kCases; ++i) {
    const auto magnitude = static_cast<int64_t>(numbers.word() & static_cast<uint64_t>(limit));
    const int64_t v = numbers.below(2) ? -magnitude : magnitude;
    const int k = numbers.below(70);
    ASSERT_EQ(rshift_round(v, k), oracle::rshift_round(v, k)) << v << " >> " << k;
    const int any = numbers.below(110) - 45;
    ASSERT_EQ(rshift_round_sat(v, any), oracle::rshift_round_sat(v, any)) << v << " >> " << any;
  }
}

}  // namespace
}  // namespace tern::spec
