// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"

/// sample: the next token from logits, in integers, so that every backend draws the same token from
/// the same seed. The kCandidates largest logits (ties: lower index first) are the candidates;
/// weights are 2^(logit - max) in Q30 at the given temperature; the shortest prefix that reaches
/// top_p of their sum stays; a random number picks one. Selection and draw are apart, because a
/// chip selects in hardware.
namespace tern::spec {

inline constexpr int kCandidates = 64;

/// SplitMix64 (Steele, Lea, Flood 2014, figure 16).
struct Random {
  uint64_t state;
  constexpr uint64_t next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
};

struct SampleSettings {
  Scale inverse_temperature{0, 0};  ///< 1 / temperature; 0 means greedy.
  uint32_t top_k = kCandidates;     ///< 1 to kCandidates.
  uint32_t top_p_q16 = 65536;       ///< top_p in Q16.
};

/// A logit and the token that it belongs to.
struct Candidate {
  int32_t value;
  uint32_t index;
};

/// Candidates that the settings ask for among n tokens: top_k, but at least 1 and at most
/// kCandidates and n.
constexpr int candidate_count(int n, const SampleSettings& settings) {
  const uint32_t k = settings.top_k < 1 ? 1 : settings.top_k;
  const int limit = k < static_cast<uint32_t>(kCandidates) ? static_cast<int>(k) : kCandidates;
  return n < limit ? n : limit;
}

/// The `count` largest of logits [n], 1 <= count <= n, largest first, lower index first among
/// equals.
constexpr void select_candidates(const int32_t* logits, int n, int count, Candidate* sorted) {
  int held = 0;
  for (int i = 0; i < n; ++i) {
    if (held == count && logits[i] <= sorted[held - 1].value) continue;
    int at = held < count ? held++ : held - 1;
    for (; at > 0 && sorted[at - 1].value < logits[i]; --at) sorted[at] = sorted[at - 1];
    sorted[at] = {logits[i], static_cast<uint32_t>(i)};
  }
}

inline constexpr Scale kLog2E = make_scale(0x5c551d95u, -30);  // 1.4426950408889634

/// The draw: place of one of `count` candidates, whose weights weight(0), weight(1), ... have the
/// sum `sum`, largest first. Asks for as few weights as it can.
template <typename Weights>
constexpr uint32_t draw(const Weights& weight, uint32_t count, uint64_t sum, uint32_t top_p_q16,
                        Random& random) {
  const uint64_t enough = (sum >> 16) * top_p_q16 + (((sum & 0xffff) * top_p_q16) >> 16);
  uint64_t kept = sum;
  if (enough < sum) {
    kept = 0;
    for (uint32_t i = 0; i < count && (i == 0 || kept < enough); ++i) kept += weight(i);
  }
  // kept < 2^37, so its product with 27 random bits fits.
  uint64_t left = (kept * (random.next() >> 37)) >> 27;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t w = weight(i);
    if (left < w) return i;
    left -= w;
  }
  return 0;
}

/// sorted [count] as select_candidates() leaves them, worth logit_scale each, with count =
/// candidate_count(). The greedy choice takes the first and draws no number.
constexpr int sample_from(const Candidate* sorted, int count, Scale logit_scale,
                          const SampleSettings& settings, Random& random) {
  if (settings.inverse_temperature.m == 0) return static_cast<int>(sorted[0].index);
  const Scale unit = scale_mul(scale_mul(logit_scale, settings.inverse_temperature), kLog2E);
  uint32_t weight[kCandidates] = {};
  uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const int64_t below = static_cast<int64_t>(sorted[i].value) - sorted[0].value;
    int32_t d = scale_apply(sat32(below), unit, 16);
    if (d < -(40 << 16)) d = -(40 << 16);
    weight[i] = exp2_q30(d);
    sum += weight[i];
  }
  const uint32_t place = draw([&](uint32_t i) { return weight[i]; }, static_cast<uint32_t>(count),
                              sum, settings.top_p_q16, random);
  return static_cast<int>(sorted[place].index);
}

/// logits [n] worth logit_scale each, n >= 1.
constexpr int sample(const int32_t* logits, int n, Scale logit_scale,
                     const SampleSettings& settings, Random& random) {
  Candidate sorted[kCandidates] = {};
  const int count = candidate_count(n, settings);
  select_candidates(logits, n, count, sorted);
  return sample_from(sorted, count, logit_scale, settings, random);
}

namespace sample_examples {
inline constexpr int32_t kLogits[3] = {5, 900, 7};
constexpr int sampled(Scale inverse_temperature) {
  Random random{42};
  return sample(kLogits, 3, make_scale(1), {inverse_temperature, 64, 65536}, random);
}
static_assert(sampled({0, 0}) == 1 && sampled(make_scale(1)) == 1);
constexpr uint32_t selected(int place) {
  constexpr int32_t kTied[5] = {7, 9, 7, 9, 8};
  Candidate sorted[3] = {};
  select_candidates(kTied, 5, 3, sorted);
  return sorted[place].index;
}
static_assert(selected(0) == 1 && selected(1) == 3 && selected(2) == 4);
static_assert(candidate_count(3, {}) == 3 && candidate_count(100, {}) == 64);
static_assert(candidate_count(100, {{0, 0}, 0, 65536}) == 1);
constexpr uint64_t first(uint64_t seed) {
  Random random{seed};
  return random.next();
}
static_assert(first(0) == 0xe220a8397b1dcdafull);  // published first output for seed 0
}  // namespace sample_examples

}  // namespace tern::spec
