// SPDX-License-Identifier: Apache-2.0
#include "io/byte_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "spec/numerics/t5.hpp"

namespace tern::io {

ByteSampler::ByteSampler(std::span<const double> weights) {
  constexpr int64_t kColumn = 1 << 24;  // units in a column; 256 columns hold 2^32 units
  double sum = 0;
  for (double w : weights) sum += w;
  // Units of every byte. Rounding leaves a few too many or too few; the likeliest byte takes them.
  std::array<int64_t, 256> units{};
  int64_t rest = 256 * kColumn;
  for (std::size_t b = 0; b < weights.size(); ++b) {
    units[b] = std::llround(std::ldexp(weights[b] / sum, 32));
    rest -= units[b];
  }
  *std::max_element(units.begin(), units.end()) += rest;

  std::vector<uint8_t> small, large;
  for (int b = 0; b < 256; ++b)
    (units[b] < kColumn ? small : large).push_back(static_cast<uint8_t>(b));
  std::size_t next = 0;
  while (!small.empty()) {
    const uint8_t low = small.back();
    small.pop_back();
    // What is left always adds up to full columns, so a short one finds its other byte.
    const uint8_t high = large.back();
    columns_[next++] = {static_cast<uint32_t>(units[low]), low, high};
    units[high] -= kColumn - units[low];
    if (units[high] < kColumn) {
      large.pop_back();
      small.push_back(high);
    }
  }
  for (uint8_t b : large) columns_[next++] = {kColumn, b, b};
}

ByteSampler ByteSampler::trits(double zeros) {
  std::array<double, spec::kT5Codes> weights{};
  for (uint32_t code = 0; code < spec::kT5Codes; ++code) {
    weights[code] = 1;
    for (int8_t t : spec::t5_decode(static_cast<uint8_t>(code)).t)
      weights[code] *= t == 0 ? zeros : (1 - zeros) / 2;
  }
  return ByteSampler(weights);
}

ByteSampler ByteSampler::normal_values(double sigma) {
  std::array<double, spec::kT5Codes> weights{};
  for (uint32_t code = 0; code < spec::kT5Codes; ++code) {
    const double x = spec::t5_decode_value(static_cast<uint8_t>(code)) / sigma;
    weights[code] = std::exp(-x * x / 2);
  }
  return ByteSampler(weights);
}

void ByteSampler::fill(spec::Random& random, std::span<uint8_t> out) const {
  std::size_t i = 0;
  for (; i + 2 <= out.size(); i += 2) {
    const uint64_t bits = random.next();
    out[i] = draw(static_cast<uint32_t>(bits));
    out[i + 1] = draw(static_cast<uint32_t>(bits >> 32));
  }
  if (i < out.size()) out[i] = draw(static_cast<uint32_t>(random.next()));
}

}  // namespace tern::io
