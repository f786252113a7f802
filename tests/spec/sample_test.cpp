#include "spec/numerics/sample.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

namespace tern::spec {
namespace {

SampleSettings settings(double temperature, uint32_t top_k = kCandidates, double top_p = 1) {
  SampleSettings s;
  s.inverse_temperature = make_scale(static_cast<uint64_t>(std::ldexp(1 / temperature, 32)), -32);
  s.top_k = top_k;
  s.top_p_q16 = static_cast<uint32_t>(top_p * 65536);
  return s;
}

TEST(Sample, DrawsWithTheProbabilitiesOfTheSoftmax) {
  const std::vector<int32_t> logits = {0, 1000, 500, -300, 900};
  const Scale unit = make_scale(1, -9);
  for (double temperature : {0.7, 1.0, 2.5}) {
    std::vector<double> p;
    double sum = 0;
    for (int32_t l : logits) sum += p.emplace_back(std::exp(l / 512.0 / temperature));
    Random random{7};
    std::vector<int> count(logits.size());
    constexpr int kDraws = 200000;
    for (int i = 0; i < kDraws; ++i)
      ++count[sample(logits.data(), 5, unit, settings(temperature), random)];
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double expected = p[i] / sum;
      EXPECT_NEAR(count[i] / static_cast<double>(kDraws), expected,
                  5 * std::sqrt(expected / kDraws))
          << "token " << i;
    }
  }
}

TEST(Sample, TopKAndTopPLeaveOutTheRest) {
  const std::vector<int32_t> logits = {0, 100, 100, 90, 5};
  const Scale unit = make_scale(1, -5);
  Random random{3};
  std::map<int, int> by_k, by_p;
  for (int i = 0; i < 5000; ++i) {
    ++by_k[sample(logits.data(), 5, unit, settings(1, 2), random)];
    ++by_p[sample(logits.data(), 5, unit, settings(1, kCandidates, 0.5), random)];
  }
  EXPECT_EQ(by_k.size(), 2u);
  EXPECT_TRUE(by_k.contains(1) && by_k.contains(2));
  EXPECT_EQ(by_p.size(), 2u) << "0.37 + 0.37 is the shortest prefix over 0.5";
}

TEST(Sample, KeepsTheLargestOfManyTokensInOrderOfIndexAmongEquals) {
  std::vector<int32_t> logits(5000, 10);
  Random random{9};
  for (int i = 0; i < 2000; ++i) {
    EXPECT_LT(sample(logits.data(), 5000, make_scale(1, -4), settings(1), random), kCandidates);
  }
  EXPECT_EQ(sample(logits.data(), 5000, make_scale(1), {}, random), 0);
  logits[4999] = 11;
  EXPECT_EQ(sample(logits.data(), 5000, make_scale(1), {}, random), 4999);
}

TEST(Sample, SameSeedSameTokens) {
  const std::vector<int32_t> logits = {3, 1, 4, 1, 5, 9, 2, 6};
  Random a{11}, b{11}, c{12};
  int differ = 0;
  for (int i = 0; i < 100; ++i) {
    const int first = sample(logits.data(), 8, make_scale(1, -3), settings(1), a);
    EXPECT_EQ(first, sample(logits.data(), 8, make_scale(1, -3), settings(1), b));
    differ += first != sample(logits.data(), 8, make_scale(1, -3), settings(1), c);
  }
  EXPECT_GT(differ, 0);
}

}  // namespace
}  // namespace tern::spec
