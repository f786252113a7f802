// SPDX-License-Identifier: Apache-2.0
// Every operator of the contract against double-precision arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "spec/numerics/attention.hpp"
#include "spec/numerics/checksum.hpp"
#include "spec/numerics/dot.hpp"
#include "spec/numerics/glu.hpp"
#include "spec/numerics/hadamard.hpp"
#include "spec/numerics/head.hpp"
#include "spec/numerics/head_norm.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/norm_quant.hpp"
#include "spec/numerics/residual.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/scale.hpp"
#include "spec/numerics/softmax.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::spec {
namespace {

double real(Scale s) { return std::ldexp(static_cast<double>(s.m), s.e); }

/// A vector of n elements of up to `bits` bits, with the heavy tails that activations have.
std::vector<int32_t> random_vector(std::mt19937_64& rng, int n, int bits) {
  std::normal_distribution<double> normal;
  std::vector<int32_t> v(static_cast<std::size_t>(n));
  const double limit = std::ldexp(1.0, bits) - 1;
  for (int32_t& x : v) {
    const double g = normal(rng);
    x = static_cast<int32_t>(std::clamp(g * std::abs(g) * limit / 8, -limit, limit));
  }
  return v;
}

TEST(T5, RoundTripsAllCodesInBothLayouts) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<uint8_t>(code);
    const Trits trits = t5_decode(byte);
    int value = 0;
    for (uint32_t i = 0; i < kTritsPerByte; ++i) {
      EXPECT_LE(std::abs(trits.t[i]), 1);
      value += trits.t[i] * static_cast<int>(std::pow(3, i));
    }
    EXPECT_EQ(t5_legal(byte), code <= 242);
    EXPECT_EQ(value, t5_decode_value(byte)) << "digits and value disagree for code " << code;
    if (!t5_legal(byte)) {
      EXPECT_EQ(value, 0);
      continue;
    }
    EXPECT_EQ(value, code - 121);
    EXPECT_EQ(t5_pack(trits), byte);
    EXPECT_EQ(t5_pack_value(value), byte);
  }
}

TEST(Dot, IsExactAtFullScaleOfTheLongestVector) {
  const std::vector<int8_t> w(kMaxDotLength, 121), x(kMaxDotLength, -128);
  EXPECT_EQ(dot(w.data(), x.data(), static_cast<int>(kMaxDotLength)), -2'030'043'136);
}

TEST(Dot, AgreesWithDoublePrecision) {
  std::mt19937_64 rng(1);
  for (int round = 0; round < 100; ++round) {
    const int n = static_cast<int>(rng() % 3000);
    std::vector<int8_t> w, x;
    double sum = 0;
    for (int i = 0; i < n; ++i) {
      w.push_back(static_cast<int8_t>(static_cast<int>(rng() % 243) - 121));
      x.push_back(static_cast<int8_t>(rng()));
      sum += static_cast<double>(w.back()) * x.back();
    }
    EXPECT_EQ(dot(w.data(), x.data(), n), sum);
  }
}

TEST(Fixed, RoundsHalfUpLikeFloorOfXPlusHalf) {
  std::mt19937_64 rng(2);
  for (int i = 0; i < 100000; ++i) {
    const int64_t v = static_cast<int64_t>(rng()) >> (16 + rng() % 40);
    const int k = static_cast<int>(rng() % 40);
    EXPECT_EQ(rshift_round(v, k),
              static_cast<int64_t>(std::floor(std::ldexp(static_cast<long double>(v), -k) + 0.5L)));
  }
}

TEST(Fixed, SaturatesShiftsToTheLeft) {
  std::mt19937_64 rng(3);
  for (int i = 0; i < 100000; ++i) {
    const int64_t v = static_cast<int64_t>(rng()) >> (24 + rng() % 38);
    const int k = static_cast<int>(rng() % 80) - 40;
    const long double exact = std::floor(std::ldexp(static_cast<long double>(v), -k) + 0.5L);
    const long double expected = std::clamp(exact, -2147483648.0L, 2147483647.0L);
    EXPECT_EQ(rshift_round_sat(v, k), static_cast<int32_t>(expected)) << v << " >> " << k;
  }
}

TEST(Fixed, Exp2StaysWithinOnePartPerMillion) {
  for (int64_t d = 0; d > -(10 << 16); d -= 37) {
    const double exact = std::ldexp(std::exp2(static_cast<double>(d) / 65536), 30);
    EXPECT_NEAR(exp2_q30(static_cast<int32_t>(d)), exact, exact * 1e-6 + 0.51) << d;
  }
  EXPECT_EQ(exp2_q30(INT32_MIN), 0u);
}

TEST(Fixed, Exp2NeverRises) {
  uint32_t last = exp2_q30(0);
  for (int32_t d = -1; d > -(3 << 16); --d) {
    const uint32_t now = exp2_q30(d);
    EXPECT_LE(now, last) << d;
    last = now;
  }
}

TEST(ScaleArithmetic, StaysWithinItsStatedError) {
  std::mt19937_64 rng(4);
  constexpr double kUlp = 1.0 / (1u << 30);
  for (int i = 0; i < 100000; ++i) {
    const Scale a = make_scale(rng() >> (rng() % 60), static_cast<int>(rng() % 60) - 30);
    const Scale b = make_scale(rng() >> (rng() % 60), static_cast<int>(rng() % 60) - 30);
    if (a.m == 0 || b.m == 0) continue;
    for (Scale s : {a, b, scale_mul(a, b), scale_div(a, b), scale_add(a, b), scale_sqrt(a)}) {
      EXPECT_GE(s.m, 1u << 30);
      EXPECT_LT(s.m, 1u << 31);
    }
    EXPECT_NEAR(real(scale_mul(a, b)) / (real(a) * real(b)), 1, kUlp / 2 * 1.01);
    EXPECT_NEAR(real(scale_div(a, b)) / (real(a) / real(b)), 1, kUlp / 2 * 1.01);
    EXPECT_NEAR(real(scale_add(a, b)) / (real(a) + real(b)), 1, kUlp / 2 * 1.01);
    EXPECT_NEAR(real(scale_sqrt(a)) / std::sqrt(real(a)), 1, kUlp * 1.01);
  }
}

TEST(ScaleArithmetic, MakesTheNearestMantissa) {
  std::mt19937_64 rng(5);
  for (int i = 0; i < 100000; ++i) {
    const uint64_t v = rng() >> (rng() % 64);
    if (v == 0) continue;
    EXPECT_NEAR(real(make_scale(v)) / static_cast<double>(v), 1, 1.0 / (1ull << 31) * 1.01);
  }
}

TEST(Residual, AddsTheRoundedProduct) {
  std::mt19937_64 rng(6);
  for (int round = 0; round < 200; ++round) {
    const int n = 1 + static_cast<int>(rng() % 300);
    std::vector<int32_t> x = random_vector(rng, n, 28);
    const std::vector<int32_t> acc = random_vector(rng, n, 22), before = x;
    const Scale s = make_scale(1 + rng() % 100000, -static_cast<int>(rng() % 40));
    const uint32_t saturated = residual_add(x.data(), acc.data(), n, s, 16);
    uint32_t expected_saturated = 0;
    for (int i = 0; i < n; ++i) {
      const double add =
          std::clamp(std::floor(acc[i] * real(s) * 65536 + 0.5), -2147483648.0, 2147483647.0);
      const double sum = before[i] + add;
      const double clamped = std::clamp(sum, -2147483648.0, 2147483647.0);
      expected_saturated += sum != clamped;
      EXPECT_EQ(x[i], clamped);
    }
    EXPECT_EQ(saturated, expected_saturated);
  }
}

TEST(NormQuant, AgreesWithRmsNormAndAbsmaxInDoublePrecision) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < 300; ++round) {
    const int n = 2 + static_cast<int>(rng() % 600);
    const int bits = 8 + static_cast<int>(rng() % 23);
    const std::vector<int32_t> x = random_vector(rng, n, bits);
    std::vector<int16_t> g;
    for (int i = 0; i < n; ++i) g.push_back(static_cast<int16_t>(8000 + rng() % 24000));
    const Scale unit = make_scale(1, -static_cast<int>(rng() % 24)), eps = make_scale(11, -20);
    std::vector<int32_t> z(x.size());
    std::vector<int8_t> q(x.size());
    const Scale scale = norm_quant(x.data(), g.data(), n, unit, -14, eps, z.data(), q.data());

    double squares = 0, largest = 0;
    for (int i = 0; i < n; ++i) squares += std::pow(x[i] * real(unit), 2);
    const double rms = std::sqrt(squares / n + real(eps));
    std::vector<double> y;
    for (int i = 0; i < n; ++i) {
      y.push_back(x[i] * real(unit) * std::ldexp(g[i], -14) / rms);
      largest = std::max(largest, std::abs(y.back()));
    }
    if (largest == 0) continue;
    // z keeps 15 bits and more of the largest element, so q moves by at most a half and 127 *
    // 2^-15.
    for (int i = 0; i < n; ++i)
      EXPECT_NEAR(q[i], y[i] / largest * 127, 0.5 + 127.0 / 32768) << "n " << n << " bits " << bits;
    EXPECT_NEAR(real(scale) * 127 / largest, 1, 1e-4);
  }
}

TEST(AbsmaxQuant, AgreesWithDoublePrecision) {
  std::mt19937_64 rng(16);
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + static_cast<int>(rng() % 600);
    const std::vector<int32_t> x = random_vector(rng, n, 4 + static_cast<int>(rng() % 28));
    const Scale unit = make_scale(1 + rng() % 1000, -static_cast<int>(rng() % 40));
    std::vector<int8_t> q(x.size());
    const Scale scale = absmax_quant(x.data(), n, unit, q.data());
    const double largest = max_abs(x.data(), n);
    if (largest == 0) {
      EXPECT_EQ(scale.m, 0u);
      continue;
    }
    for (int i = 0; i < n; ++i) EXPECT_NEAR(q[i], x[i] / largest * 127, 0.5 + 1e-6);
    EXPECT_NEAR(real(scale) * 127 / (largest * real(unit)), 1, 1e-8);
  }
}

TEST(HeadNorm, AgreesWithRmsNormInDoublePrecision) {
  std::mt19937_64 rng(17);
  for (int round = 0; round < 300; ++round) {
    const int dim = 2 + static_cast<int>(rng() % 255);
    // Of one plane of trits up to 24, of planes and group scales up to 30.
    const ResultBits most{11 + static_cast<int>(rng() % 20)};
    const int bits = most.bits - static_cast<int>(rng() % 8);
    const std::vector<int32_t> x = random_vector(rng, dim, bits);
    std::vector<int16_t> g;
    for (int i = 0; i < dim; ++i) g.push_back(static_cast<int16_t>(rng()));
    const Scale unit = make_scale(1 + rng() % 1000, -static_cast<int>(8 + rng() % 16));
    const Scale eps = make_scale(1, -20);
    std::vector<int32_t> z(x.size());
    const Scale floor = head_norm_floor(static_cast<uint32_t>(dim), unit, eps);
    const Scale z_unit = head_norm(x.data(), g.data(), dim, most, -14, floor, z.data());
    double squares = 0;
    for (int32_t v : x) squares += std::pow(v * real(unit), 2);
    const double rms = std::sqrt(squares / dim + real(eps));
    for (int i = 0; i < dim; ++i) {
      const double y = x[i] * real(unit) * std::ldexp(g[i], -14) / rms;
      EXPECT_LE(abs32(z[i]), 1u << 24);
      EXPECT_NEAR(z[i] * real(z_unit), y,
                  std::abs(y) * (most.bits > 24 ? 1e-4 : 1e-8) + real(z_unit) * 0.501);
    }
  }
}

TEST(NormQuant, SumOfSquaresDoesNotOverflowAtFullScale) {
  const int n = 65536;
  const std::vector<int32_t> x(n, INT32_MIN);
  const std::vector<int16_t> g(n, 32767);
  std::vector<int32_t> z(x.size());
  std::vector<int8_t> q(x.size());
  const Scale s =
      norm_quant(x.data(), g.data(), n, make_scale(1, -16), -15, make_scale(0), z.data(), q.data());
  EXPECT_EQ(q[0], -127);
  EXPECT_NEAR(real(s) * 127, 32767.0 / 32768, 1e-6);
}

TEST(Rope, AgreesWithRotationInDoublePrecision) {
  std::mt19937_64 rng(8);
  const int dim = 64;
  for (int position : {0, 1, 17, 511, 4095}) {
    const std::vector<int32_t> x = random_vector(rng, dim, 24);
    std::vector<int16_t> table(dim);
    std::vector<double> angle;
    const auto q15 = [](double v) {
      return static_cast<int16_t>(std::min(std::lround(v * 32768), 32767l));
    };
    for (int i = 0; i < dim / 2; ++i) {
      angle.push_back(position * std::pow(10000.0, -2.0 * i / dim));
      table[i] = q15(std::cos(angle[i]));
      table[dim / 2 + i] = q15(std::sin(angle[i]));
    }
    std::vector<int32_t> y(x.size());
    rope(x.data(), table.data(), dim, y.data());
    for (int i = 0; i < dim / 2; ++i) {
      const double a = x[i], b = x[i + dim / 2], magnitude = std::abs(a) + std::abs(b);
      const double tolerance = 64 * magnitude / 32768 + 1;  // one unit of Q15, and the rounding
      EXPECT_NEAR(y[i], 64 * (a * std::cos(angle[i]) - b * std::sin(angle[i])), tolerance);
      EXPECT_NEAR(y[i + dim / 2], 64 * (b * std::cos(angle[i]) + a * std::sin(angle[i])),
                  tolerance);
    }
  }
}

TEST(Hadamard, IsTheProductWithTheSylvesterMatrix) {
  std::mt19937_64 rng(15);
  for (int n : {1, 2, 64, 128, 256, 1024}) {
    std::vector<int32_t> x(static_cast<std::size_t>(n));
    for (int32_t& v : x) v = static_cast<int32_t>(rng()) >> 11;  // the sums of 1024 fit int32
    std::vector<int32_t> y = x;
    hadamard(y.data(), n);
    for (int i = 0; i < n; ++i) {
      int64_t sum = 0;
      for (int j = 0; j < n; ++j)
        sum += std::popcount(static_cast<unsigned>(i & j)) % 2 ? -x[j] : x[j];
      ASSERT_EQ(y[i], sum) << "row " << i << " of " << n;
    }
  }
}

TEST(Hadamard, SaturatesEverySum) {
  std::vector<int32_t> x(64, INT32_MIN);
  hadamard(x.data(), 64);
  EXPECT_EQ(x[0], INT32_MIN);
  EXPECT_EQ(std::count(x.begin() + 1, x.end(), 0), 63);
}

TEST(Checksum, SeesEveryChangeOfOneWord) {
  std::mt19937_64 rng(16);
  std::vector<uint32_t> words(100);
  for (uint32_t& w : words) w = static_cast<uint32_t>(rng());
  const uint32_t intact = descriptor_checksum(words.data(), 100);
  for (uint32_t& word : words) {
    const uint32_t before = word;
    for (int bit = 0; bit < 32; ++bit) {
      word = before ^ (1u << bit);
      EXPECT_NE(descriptor_checksum(words.data(), 100), intact);
    }
    for (int i = 0; i < 1000; ++i) {
      word = static_cast<uint32_t>(rng());
      EXPECT_EQ(descriptor_checksum(words.data(), 100) == intact, word == before);
    }
    word = before;
  }
}

TEST(KvQuant, KeepsEveryElementWithinHalfAStep) {
  std::mt19937_64 rng(9);
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + static_cast<int>(rng() % 256);
    const std::vector<int32_t> x = random_vector(rng, n, 4 + static_cast<int>(rng() % 27));
    const Scale unit = make_scale(1 + rng() % 1000, -30);
    std::vector<uint8_t> code(x.size());
    const int32_t scale = kv_quant(x.data(), n, unit, code.data());
    double largest = 0;
    for (int32_t v : x) largest = std::max(largest, std::abs(static_cast<double>(v)));
    if (largest == 0) continue;
    for (int i = 0; i < n; ++i) {
      EXPECT_TRUE(t5_legal(code[i]));
      EXPECT_NEAR(t5_decode_value(code[i]), x[i] / largest * 121, 0.5 + 1e-6);
    }
    const double exact = std::min(largest * real(unit) / 121 * (1 << 24), 2147483647.0);
    EXPECT_NEAR(scale, exact, 0.51 + exact * 1e-8);
  }
}

TEST(Softmax, AgreesWithSoftmaxInDoublePrecision) {
  std::mt19937_64 rng(10);
  for (int round = 0; round < 300; ++round) {
    const int n = 1 + static_cast<int>(rng() % 700);
    const std::vector<int32_t> acc = random_vector(rng, n, 20);
    std::vector<int32_t> key_scale, value_scale;
    for (int i = 0; i < n; ++i) {
      key_scale.push_back(static_cast<int32_t>(1 + rng() % 3'000'000));
      value_scale.push_back(static_cast<int32_t>(1 + rng() % 900'000));
    }
    const Scale unit = make_scale(1 + rng() % 1000, -48);
    std::vector<int32_t> score(acc.size()), p(acc.size());
    softmax_scores(acc.data(), key_scale.data(), n, unit, score.data());
    const Scale p_scale = softmax_probabilities(score.data(), value_scale.data(), n, p.data());

    std::vector<double> s;
    for (int i = 0; i < n; ++i)
      s.push_back(static_cast<double>(acc[i]) * key_scale[i] * real(unit));
    const double top = *std::max_element(s.begin(), s.end());
    double sum = 0;
    for (double v : s) sum += std::exp2(v - top);
    // Weights times the value scale: the largest p is 32512, and a step of p is at most 1/32512 of
    // it.
    double largest = 0;
    std::vector<double> w;
    for (int i = 0; i < n; ++i) {
      w.push_back(std::exp2(s[i] - top) / sum * value_scale[i]);
      largest = std::max(largest, w.back());
    }
    for (int i = 0; i < n; ++i) {
      EXPECT_NEAR(score[i], s[i] * 65536, 1 + std::abs(s[i]) * 65536 * 1e-8);
      EXPECT_GE(p[i], 0);
      EXPECT_LE(p[i], 32512);
      EXPECT_NEAR(p[i] * real(p_scale), w[i], largest / 32512 * 0.51 + w[i] * 4e-5);
      const Limbs limbs = split_limbs(p[i]);
      EXPECT_EQ(join_limbs(limbs.high, limbs.low), p[i]);
    }
  }
}

TEST(Softmax, TakesScoresFurtherApartThanInt32) {
  const int32_t score[2] = {INT32_MAX, INT32_MIN};
  const int32_t value_scale[2] = {1000, 1000};
  int32_t p[2];
  softmax_probabilities(score, value_scale, 2, p);
  EXPECT_EQ(p[0], 32512);
  EXPECT_EQ(p[1], 0);
}

TEST(HeadAlign, GivesEveryHeadTheCommonUnit) {
  std::mt19937_64 rng(11);
  for (int round = 0; round < 500; ++round) {
    const Scale s[3] = {make_scale(1 + rng() % 1000, -20), make_scale(1 + rng() % 1000, -30),
                        make_scale(0)};
    const int32_t exponent = common_exponent(s, 3);
    const int64_t acc = static_cast<int64_t>(rng()) >> (20 + rng() % 30);
    const int k = head_shift(static_cast<uint64_t>(std::abs(acc)));
    for (const Scale& scale : s) {
      const double exact = static_cast<double>(acc) * real(scale) * std::exp2(-exponent - k);
      EXPECT_NEAR(head_align(acc, k, scale, exponent), exact, 1.01);
      EXPECT_LE(std::abs(static_cast<double>(head_align(acc, k, scale, exponent))), 1 << 30);
    }
  }
}

TEST(Glu, SquaredReluTimesUpKeepsTheBitsThatMatter) {
  std::mt19937_64 rng(12);
  for (int round = 0; round < 300; ++round) {
    const int n = 300;
    const std::vector<int32_t> gate = random_vector(rng, n, 3 + static_cast<int>(rng() % 21));
    const std::vector<int32_t> up = random_vector(rng, n, 3 + static_cast<int>(rng() % 21));
    const GluShifts shifts = relu2_shifts(max_abs(gate.data(), n), max_abs(up.data(), n));
    const double unit = std::exp2(shifts.gate + shifts.up);
    double top_square = 0, top_up = 0;
    for (int i = 0; i < n; ++i) {
      top_square = std::max(top_square, std::pow(std::max(gate[i], 0), 2));
      top_up = std::max(top_up, std::abs(static_cast<double>(up[i])));
    }
    for (int i = 0; i < n; ++i) {
      const double exact = std::pow(std::max(gate[i], 0), 2) * up[i];
      const int32_t h = relu2_glu(gate[i], up[i], shifts);
      EXPECT_NEAR(h * unit, exact, unit * 0.51 + top_up * std::exp2(shifts.gate - 1));
      EXPECT_LE(abs32(h), 1u << 30);
    }
  }
}

TEST(Silu, StaysWithinTwentyOnePartsPerMillionEverywhere) {
  for (int32_t x = -(20 << kSiluFrac); x < 20 << kSiluFrac; x += 13) {
    const double real = std::ldexp(x, -kSiluFrac);
    ASSERT_NEAR(std::ldexp(silu(x), -kSiluFrac), real / (1 + std::exp(-real)), 2.1e-5) << x;
  }
  for (int32_t x : {16 << kSiluFrac, 100 << kSiluFrac, INT32_MAX}) {
    EXPECT_EQ(silu(x), x);
    EXPECT_EQ(silu(-x), 0);
  }
}

/// Linear interpolation has a corner at each table entry, but no step, wherever it is.
TEST(Silu, HasNoSteps) {
  int32_t last = silu(-(17 << kSiluFrac));
  for (int32_t x = -(17 << kSiluFrac) + 1; x < 17 << kSiluFrac; ++x) {
    const int32_t now = silu(x);
    ASSERT_LE(std::abs(now - last), 2) << x;
    last = now;
  }
}

TEST(Glu, SiluAgreesWithDoublePrecision) {
  std::mt19937_64 rng(13);
  for (int round = 0; round < 300; ++round) {
    const int n = 300;
    const std::vector<int32_t> gate = random_vector(rng, n, 16);
    const std::vector<int32_t> up = random_vector(rng, n, 3 + static_cast<int>(rng() % 21));
    const Scale gate_unit = make_scale(3 + rng() % 5, -static_cast<int>(10 + rng() % 6));
    std::vector<int32_t> gated;
    for (int32_t g : gate) gated.push_back(silu(silu_input(g, gate_unit)));
    const int shift = silu_shift(max_abs(gated.data(), n), max_abs(up.data(), n));
    const double unit = std::exp2(shift - kSiluFrac);
    for (int i = 0; i < n; ++i) {
      const double g = gate[i] * real(gate_unit);
      const double exact = g / (1 + std::exp(-g)) * up[i];
      const int32_t h = silu_glu(gated[i], up[i], shift);
      // The input's rounding to Q18 counts up to 1.1 times; the product's is half a unit.
      EXPECT_NEAR(h * unit, exact, std::abs(up[i]) * 2.4e-5 + unit * 0.51);
      EXPECT_LE(abs32(h), 1u << 30);
    }
  }
}

TEST(Head, ScalesRowsAndTakesTheFirstOfEqualLogits) {
  std::mt19937_64 rng(14);
  for (int i = 0; i < 10000; ++i) {
    const int32_t acc = static_cast<int32_t>(rng()) >> 9, scale = static_cast<int32_t>(rng() >> 33);
    EXPECT_NEAR(logit(acc, scale, 23), std::ldexp(static_cast<double>(acc) * scale, -23), 0.501);
  }
  const int32_t equal[3] = {4, 4, 4};
  EXPECT_EQ(arg_max(equal, 3), 0);
}

}  // namespace
}  // namespace tern::spec
