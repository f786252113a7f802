#pragma once

#include "spec/numerics/head.hpp"
#include "spec/numerics/scale.hpp"

/// sample: the next token from logits, in integers, so that every backend draws the same token from
/// the same seed. The kCandidates largest logits (ties: lower index first) are the candidates;
/// weights are 2^(logit - max) in Q30 at the given temperature; the shortest prefix that reaches
/// top_p of their sum stays; a 32-bit random number picks one.
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

/// logits [n] worth logit_scale each.
constexpr int sample(const int32_t* logits, int n, Scale logit_scale,
                     const SampleSettings& settings, Random& random) {
  if (settings.inverse_temperature.m == 0) return arg_max(logits, n);
  int index[kCandidates] = {};
  int count = 0;
  const int limit = settings.top_k < static_cast<uint32_t>(kCandidates)
                        ? static_cast<int>(settings.top_k)
                        : kCandidates;
  for (int i = 0; i < n; ++i) {
    if (count == limit && logits[i] <= logits[index[count - 1]]) continue;
    int at = count < limit ? count++ : count - 1;
    for (; at > 0 && logits[index[at - 1]] < logits[i]; --at) index[at] = index[at - 1];
    index[at] = i;
  }
  const Scale log2e = make_scale(0x5c551d95u, -30);  // 1.4426950408889634
  const Scale unit = scale_mul(scale_mul(logit_scale, settings.inverse_temperature), log2e);
  uint64_t weight[kCandidates] = {};
  uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const int64_t below = static_cast<int64_t>(logits[index[i]]) - logits[index[0]];
    int32_t d = scale_apply(sat32(below), unit, 16);
    if (d < -(40 << 16)) d = -(40 << 16);
    weight[i] = exp2_q30(d);
    sum += weight[i];
  }
  const uint64_t enough =
      (sum >> 16) * settings.top_p_q16 + (((sum & 0xffff) * settings.top_p_q16) >> 16);
  uint64_t kept = 0;
  int last = 0;
  for (; last < count; ++last) {
    kept += weight[last];
    if (kept >= enough) break;
  }
  // kept < 2^37, so its product with 27 random bits fits.
  uint64_t draw = (kept * (random.next() >> 37)) >> 27;
  for (int i = 0; i < count; ++i) {
    if (draw < weight[i]) return index[i];
    draw -= weight[i];
  }
  return index[0];
}

namespace sample_examples {
inline constexpr int32_t kLogits[3] = {5, 900, 7};
constexpr int draw(Scale inverse_temperature) {
  Random random{42};
  return sample(kLogits, 3, make_scale(1), {inverse_temperature, 64, 65536}, random);
}
static_assert(draw({0, 0}) == 1 && draw(make_scale(1)) == 1);
constexpr uint64_t first(uint64_t seed) {
  Random random{seed};
  return random.next();
}
static_assert(first(0) == 0xe220a8397b1dcdafull);  // published first output for seed 0
}  // namespace sample_examples

}  // namespace tern::spec
