#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "golden/kernels.hpp"
#include "golden/model.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "reference/reference.hpp"
#include "spec/numerics/dot.hpp"
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
    std::vector<int8_t> w(static_cast<std::size_t>(n) * 3), x(static_cast<std::size_t>(n));
    std::vector<uint8_t> codes(x.size());
    for (auto& v : w) v = static_cast<int8_t>(static_cast<int>(rng() % 243) - 121);
    for (auto& v : x) v = static_cast<int8_t>(rng());
    for (auto& v : codes) v = static_cast<uint8_t>(rng() % 243);
    int32_t simd[3], scalar[3];
    golden::matvec(w.data(), 3, n, x.data(), simd);
    golden::matvec_scalar(w.data(), 3, n, x.data(), scalar);
    for (int r = 0; r < 3; ++r) ASSERT_EQ(simd[r], scalar[r]) << "length " << n;
    ASSERT_EQ(golden::dot_codes(codes.data(), x.data(), n),
              golden::dot_codes_scalar(codes.data(), x.data(), n))
        << "length " << n;
  }
}

TEST(GoldenKernels, SimdIsExactAtFullScale) {
  for (int sign : {-1, 1}) {
    const std::vector<int8_t> w(spec::kMaxDotLength, static_cast<int8_t>(sign * 121)),
        x(spec::kMaxDotLength, -128);
    int32_t out = 0;
    golden::matvec(w.data(), 1, static_cast<int>(w.size()), x.data(), &out);
    EXPECT_EQ(out, -sign * 121 * 128 * static_cast<int32_t>(spec::kMaxDotLength));
  }
}

TEST(GoldenMatrix, UnpacksWhatWasPackedInEveryLayout) {
  std::mt19937 rng(2);
  for (int round = 0; round < 60; ++round) {
    spec::MatrixShape s;
    s.columns = 8u << rng() % 4;
    s.layout = rng() % 2 ? spec::Layout::kPlane : spec::Layout::kValue;
    s.planes = s.layout == spec::Layout::kPlane ? 1 + rng() % 5 : 1;
    s.rows = 1 + rng() % 40;
    s.cols = 1 + rng() % 150;
    s.stripes = spec::ceil_div(s.rows, s.rows_per_stripe());
    s.block = 1 + rng() % 9;
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
        EXPECT_EQ(m.at(static_cast<int>(r), static_cast<int>(c)), value);
        sum += value * x[c];
      }
      EXPECT_EQ(out[r], sum);
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
