#include <gtest/gtest.h>
#include <hwy/highway.h>

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

TEST(GoldenKernels, SimdEqualsScalarForAllLengths) {
  std::mt19937 rng(1);
  for (int n = 0; n < 300; ++n) {
    std::vector<int8_t> x(static_cast<std::size_t>(n));
    std::vector<uint8_t> codes(x.size());
    for (auto& v : x) v = static_cast<int8_t>(rng());
    for (auto& v : codes) v = static_cast<uint8_t>(rng() % 243);
    ASSERT_EQ(golden::dot_codes(codes.data(), x.data(), n),
              golden::dot_codes_scalar(codes.data(), x.data(), n))
        << "length " << n;
  }
}

TEST(GoldenKernels, SimdIsExactAtFullScale) {
  for (const spec::Layout layout : {spec::Layout::kPlane, spec::Layout::kValue}) {
    spec::MatrixShape s;
    s.rows = 5;
    s.cols = spec::kMaxDotLength;
    s.layout = layout;
    s.planes = layout == spec::Layout::kPlane ? spec::kMaxPlanes : 1;
    s.stripes = s.rows / s.rows_per_stripe();
    s.block = 5;
    const std::vector<int8_t> x(s.cols, -128);
    for (int sign : {-1, 1}) {
      const std::vector<uint8_t> beats(s.bytes(), sign > 0 ? spec::kT5Codes - 1 : 0);
      std::vector<int32_t> out(s.rows);
      golden::multiply_beats(beats.data(), s, x.data(), out.data());
      for (int32_t sum : out)
        EXPECT_EQ(sum, -sign * 121 * 128 * static_cast<int32_t>(spec::kMaxDotLength));
    }
  }
}

/// A matrix of any width, layout, number of planes and of stripes beyond its rows; illegal codes
/// among its bytes, also where no column is.
spec::MatrixShape random_shape(std::mt19937& rng) {
  spec::MatrixShape s;
  s.columns = 8u << rng() % 4;
  s.layout = rng() % 2 ? spec::Layout::kPlane : spec::Layout::kValue;
  s.planes = s.layout == spec::Layout::kPlane ? 1 + rng() % 5 : 1;
  s.rows = 1 + rng() % 60;
  s.cols = 1 + rng() % 400;
  s.stripes = spec::ceil_div(s.rows, s.rows_per_stripe()) + (rng() % 4 == 0 ? rng() % 7 : 0);
  s.block = 1 + rng() % 9;
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
    ASSERT_EQ(simd, scalar) << s.rows << " x " << s.cols << ", C " << s.columns << ", planes "
                            << s.planes << ", block " << s.block;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GoldenKernelsOn,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& info) { return std::string(hwy::TargetName(info.param)); });

TEST(GoldenMatrix, HoldsWhatWasPackedInEveryLayout) {
  std::mt19937 rng(2);
  for (int round = 0; round < 60; ++round) {
    const spec::MatrixShape s = random_shape(rng);
    std::vector<uint8_t> beats(s.bytes());
    for (auto& b : beats) b = static_cast<uint8_t>(rng() % 243);
    const golden::Matrix m(beats, s);
    std::vector<int8_t> x(s.cols);
    for (auto& v : x) v = static_cast<int8_t>(rng());
    std::vector<int32_t> out(s.rows);
    m.multiply(x, out);
    for (uint32_t r = 0; r < s.rows; ++r) {
      int32_t sum = 0;
      for (uint32_t c = 0; c < s.cols; ++c) {
        int32_t value = 0;
        for (uint32_t p = 0; p < s.planes; ++p) {
          const uint8_t code = beats[s.offset(r / s.rows_per_stripe(), c, p)];
          value += s.layout == spec::Layout::kValue
                       ? code - 121
                       : (code / spec::kPow3[r % 5] % 3 - 1) * spec::kPow3[p];
        }
        ASSERT_EQ(m.at(static_cast<int>(r), static_cast<int>(c)), value);
        sum += value * x[c];
      }
      ASSERT_EQ(out[r], sum);
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
