// SPDX-License-Identifier: Apache-2.0
#include "spec/numerics/sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
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

TEST(Sample, SelectsLikeAStableSort) {
  std::mt19937_64 rng(1);
  for (int round = 0; round < 2000; ++round) {
    const int n = 1 + static_cast<int>(rng() % 300);
    const int range = 1 + static_cast<int>(rng() % 400);  // small ranges have many equals
    std::vector<int32_t> logits(static_cast<std::size_t>(n));
    for (int32_t& l : logits) l = static_cast<int32_t>(rng() % static_cast<uint64_t>(range)) - 50;
    std::vector<uint32_t> order(logits.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return logits[a] > logits[b]; });
    const SampleSettings s = settings(1, static_cast<uint32_t>(rng() % 80));
    const int count = candidate_count(n, s);
    EXPECT_EQ(count, std::min(n, std::clamp(static_cast<int>(s.top_k), 1, kCandidates)));
    std::vector<Candidate> sorted(kCandidates);
    select_candidates(logits.data(), n, count, sorted.data());
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(sorted[i].index, order[i]);
      EXPECT_EQ(sorted[i].value, logits[order[i]]);
    }
  }
}

TEST(Sample, DrawsTheTokensOfTheUndividedFormula) {
  // Selection and draw in one loop over indices, as a program without a hardware selection does it.
  const auto oracle = [](const std::vector<int32_t>& logits, Scale scale, const SampleSettings& s,
                         Random& random) {
    std::vector<int> index(logits.size());
    for (std::size_t i = 0; i < index.size(); ++i) index[i] = static_cast<int>(i);
    std::ranges::stable_sort(index, [&](int a, int b) { return logits[a] > logits[b]; });
    if (s.inverse_temperature.m == 0) return index[0];
    index.resize(std::min<std::size_t>(index.size(), s.top_k));
    const Scale unit =
        scale_mul(scale_mul(scale, s.inverse_temperature), make_scale(0x5c551d95u, -30));
    std::vector<uint64_t> weight;
    uint64_t sum = 0;
    for (int i : index) {
      const int64_t below = int64_t{logits[i]} - logits[index[0]];
      weight.push_back(exp2_q30(std::max(scale_apply(sat32(below), unit, 16), -(40 << 16))));
      sum += weight.back();
    }
    const uint64_t enough = (sum * s.top_p_q16) >> 16;  // sum < 2^37
    uint64_t kept = 0;
    for (std::size_t i = 0; i < weight.size() && kept < enough; ++i) kept += weight[i];
    uint64_t draw = (std::max(kept, weight[0]) * (random.next() >> 37)) >> 27;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      if (draw < weight[i]) return index[i];
      draw -= weight[i];
    }
    return index[0];
  };
  std::mt19937_64 rng(2);
  Random a{5}, b{5};
  for (int round = 0; round < 5000; ++round) {
    std::vector<int32_t> logits(1 + rng() % 200);
    for (int32_t& l : logits) l = static_cast<int32_t>(rng()) >> (10 + round % 20);
    SampleSettings s = settings(0.3 + static_cast<double>(rng() % 30) / 10, 1 + rng() % 64,
                                static_cast<double>(rng() % 101) / 100);
    if (round % 8 == 0) s.inverse_temperature = {0, 0};
    const Scale unit = make_scale(1 + rng() % 1000, -static_cast<int>(rng() % 28));
    EXPECT_EQ(sample(logits.data(), static_cast<int>(logits.size()), unit, s, a),
              oracle(logits, unit, s, b));
    EXPECT_EQ(a.state, b.state);
  }
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
