// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <random>

#include "golden/kernels.hpp"
#include "golden/model.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "reference/reference.hpp"
#include "spec/numerics/t5.hpp"

namespace tern {
namespace {

constexpr std::string_view kText =
    "Once upon a time, there was a little robot named Tim. Tim liked to play outside and have fun.";

io::Image demo_image(std::size_t config) {
  return io::Image::from_bytes(io::convert(io::Gguf(TERN_DEMO_MODEL), spec::kConfigs[config]),
                               "demo");
}

/// A matrix of any width, layout, number of planes and of stripes beyond its rows, with and without
/// group scales.
spec::MatrixShape random_shape(std::mt19937& rng) {
  using enum spec::Layout;
  spec::MatrixShape s;
  s.columns = 8u << rng() % 4;
  s.layout = std::array{kPlane, kValue, kSign}[rng() % 3];
  s.planes = s.layout == kPlane ? 1 + rng() % 5 : 1;
  s.group = s.layout == kValue ? spec::Group::kNone : static_cast<spec::Group>(rng() % 3);
  s.rows = 1 + rng() % 100;
  s.cols = 1 + rng() % 400;
  s.stripes = spec::ceil_div(s.rows, s.rows_per_stripe()) + (rng() % 4 == 0 ? rng() % 7 : 0);
  s.block = 1 + rng() % 12;
  if (s.layout == kSign) {
    s.stripes = static_cast<uint32_t>(spec::align_up(s.stripes, spec::kSignStripes));
    s.block = spec::kSignStripes * (1 + rng() % 2);
  }
  return s;
}

/// Every instruction set of this machine that the kernels are compiled for, widest first.
class GoldenKernelsOn : public testing::TestWithParam<int64_t> {
 protected:
  GoldenKernelsOn() { choose(GetParam()); }
  ~GoldenKernelsOn() override { choose(0); }

 private:
  static void choose(int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

TEST_P(GoldenKernelsOn, ProductOfBeatsEqualsTheScalarOneWhateverTheBytes) {
  std::mt19937 rng(3);
  for (int round = 0; round < 500; ++round) {
    const spec::MatrixShape s = random_shape(rng);
    std::vector<uint8_t> beats(s.bytes());
    for (auto& b : beats) b = static_cast<uint8_t>(rng());
    std::vector<int8_t> x(s.cols);
    for (auto& v : x) v = static_cast<int8_t>(rng());
    std::vector<int32_t> simd(s.rows), scalar(s.rows);
    golden::multiply_beats(beats.data(), s, x.data(), simd.data());
    golden::multiply_beats_scalar(beats.data(), s, x.data(), scalar.data());
    ASSERT_EQ(simd, scalar) << s.rows << " x " << s.cols << ", layout "
                            << static_cast<int>(s.layout) << ", C " << s.columns << ", planes "
                            << s.planes << ", group " << static_cast<int>(s.group) << ", block "
                            << s.block;
  }
}

TEST_P(GoldenKernelsOn, IsExactAtFullScale) {
  using enum spec::Layout;
  for (const spec::Layout layout : {kPlane, kValue, kSign}) {
    spec::MatrixShape s;
    s.rows = 40;
    s.cols = spec::kMaxDotLength;
    s.layout = layout;
    s.planes = layout == kPlane ? spec::kMaxPlanes : 1;
    s.stripes = s.rows / s.rows_per_stripe();
    s.block = 8;
    const int32_t largest = layout == kSign ? 1 : static_cast<int32_t>(spec::kValueMax);
    const std::vector<int8_t> x(s.cols, -128);
    for (int sign : {-1, 1}) {
      const uint8_t up = layout == kSign ? 0xff : spec::kT5Codes - 1;
      const std::vector<uint8_t> beats(s.bytes(), sign > 0 ? up : 0);
      std::vector<int32_t> out(s.rows);
      golden::multiply_beats(beats.data(), s, x.data(), out.data());
      for (int32_t sum : out)
        EXPECT_EQ(sum, -sign * largest * 128 * static_cast<int32_t>(spec::kMaxDotLength));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GoldenKernelsOn,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

TEST(GoldenWorkers, DoEachPartOfEachTaskOnce) {
  for (uint32_t threads : {1, 2, 5}) {
    golden::Workers workers(threads);
    EXPECT_EQ(workers.threads(), threads);
    for (uint32_t task = 0; task < 3000; ++task) {
      std::vector<uint32_t> done(task % 40);
      workers.run(static_cast<uint32_t>(done.size()),
                  [&](uint32_t part) { done[part] += task + 1; });
      ASSERT_EQ(done, std::vector<uint32_t>(done.size(), task + 1)) << "task " << task;
    }
  }
}

/// By the definition of the layouts, from the bytes.
int32_t weight_in(std::span<const uint8_t> beats, const spec::MatrixShape& s, uint32_t row,
                  uint32_t col) {
  if (s.layout == spec::Layout::kSign)
    return (beats[s.sign_offset(row, col)] >> row % 40 % 8 & 1) * 2 - 1;
  int32_t value = 0;
  for (uint32_t p = 0; p < s.planes; ++p) {
    const uint8_t code = beats[s.offset(row / s.rows_per_stripe(), col, p)];
    value += s.layout == spec::Layout::kValue
                 ? code - 121
                 : (code / spec::kPow3[row % 5] % 3 - 1) * spec::kPow3[p];
  }
  return value;
}

uint32_t scale_in(std::span<const uint8_t> beats, const spec::MatrixShape& s, uint32_t row,
                  uint32_t col) {
  if (s.group == spec::Group::kNone) return 1;
  uint64_t word = 0;
  for (uint32_t i = 0; i < 8; ++i)
    word |= uint64_t{beats[s.scale_offset(row / 5, col) + i]} << (8 * i);
  return static_cast<uint32_t>(word >> (12 * (row % 5)) & 4095);
}

TEST(GoldenMatrix, HoldsWhatWasPackedInEveryLayout) {
  std::mt19937 rng(2);
  for (int round = 0; round < 200; ++round) {
    const spec::MatrixShape s = random_shape(rng);
    std::vector<uint8_t> beats(s.bytes());
    for (auto& b : beats) b = static_cast<uint8_t>(rng() % 243);
    const golden::Matrix m(beats, s);
    std::vector<int8_t> x(s.cols);
    for (auto& v : x) v = static_cast<int8_t>(rng());
    std::vector<int32_t> out(s.rows);
    golden::Workers workers(1 + rng() % 3);
    m.multiply(x, out, workers);
    for (uint32_t r = 0; r < s.rows; ++r) {
      uint32_t sum = 0;  // scales of random bits can take it beyond int32, and then it wraps
      for (uint32_t c = 0; c < s.cols; ++c) {
        const int32_t value = weight_in(beats, s, r, c);
        ASSERT_EQ(m.at(static_cast<int>(r), static_cast<int>(c)), value);
        sum += scale_in(beats, s, r, c) * static_cast<uint32_t>(value * x[c]);
      }
      ASSERT_EQ(out[r], static_cast<int32_t>(sum));
    }
  }
}

TEST(GoldenModel, GivesTheSameTokensForEveryConfiguration) {
  const io::Image nano = demo_image(0), edge = demo_image(1);
  golden::Model a(nano), b(edge);
  for (int id : edge.tokenizer().encode(kText, true)) {
    a.forward(id);
    b.forward(id);
    ASSERT_TRUE(std::equal(a.logits().begin(), a.logits().end(), b.logits().begin()));
  }
}

TEST(GoldenModel, GivesTheSameLogitsWithAnyNumberOfThreads) {
  const io::Image image = demo_image(1);
  golden::Model alone(image), three(image, 3);
  for (int id : image.tokenizer().encode(kText, true)) {
    alone.forward(id);
    three.forward(id);
    ASSERT_TRUE(std::equal(alone.logits().begin(), alone.logits().end(), three.logits().begin()));
  }
}

TEST(GoldenModel, StartsAfreshAfterReset) {
  const io::Image image = demo_image(1);
  golden::Model used(image), fresh(image);
  for (int id : image.tokenizer().encode(kText, true)) used.forward(id);
  used.reset();
  for (int id : image.tokenizer().encode("The cat", true)) {
    used.forward(id);
    fresh.forward(id);
  }
  EXPECT_TRUE(std::equal(used.logits().begin(), used.logits().end(), fresh.logits().begin()));
}

TEST(GoldenModel, FollowsTheFloatReference) {
  const io::Gguf gguf(TERN_DEMO_MODEL);
  const io::Image image = demo_image(1);
  golden::Model golden(image);
  reference::Model reference(gguf);
  double kl = 0, error = 0, power = 0;
  int n = 0;
  for (int id : image.tokenizer().encode(kText, true)) {
    golden.forward(id);
    const std::span<const float> r = reference.forward(id);
    const double unit =
        std::ldexp(static_cast<double>(golden.logit_scale().m), golden.logit_scale().e);
    double sum_r = 0, sum_g = 0;
    for (std::size_t i = 0; i < r.size(); ++i) {
      sum_r += std::exp(static_cast<double>(r[i]));
      sum_g += std::exp(golden.logits()[i] * unit);
      error += std::pow(golden.logits()[i] * unit - r[i], 2);
      power += std::pow(r[i], 2);
    }
    for (std::size_t i = 0; i < r.size(); ++i) {
      const double log_p = r[i] - std::log(sum_r);
      kl += std::exp(log_p) * (log_p - (golden.logits()[i] * unit - std::log(sum_g)));
    }
    ++n;
  }
  EXPECT_LT(kl / n, 0.001);
  EXPECT_LT(std::sqrt(error / power), 0.02);
}

TEST(GoldenModel, RefusesMoreTokensThanTheContextAndUnknownTokens) {
  const io::Image image = demo_image(1);
  golden::Model model(image);
  EXPECT_THROW(model.forward(-1), Error);
  EXPECT_THROW(model.forward(1024), Error);
  for (uint32_t i = 0; i < image.model().context; ++i) model.forward(1);
  EXPECT_THROW(model.forward(1), Error);
}

}  // namespace
}  // namespace tern
