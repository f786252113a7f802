// SPDX-License-Identifier: Apache-2.0
#include "io/trit_quantiser.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "spec/numerics/t5.hpp"

namespace tern::io {

namespace {

/// What a step makes of weights: squared error, and the step that fits its integers best.
struct Fit {
  float error, step;
};

Fit fit(std::span<const float> weights, float largest, float step) {
  const float inverse = 1 / step;
  float error = 0, products = 0, squares = 0;
  for (const float w : weights) {
    const float q = std::clamp(std::nearbyint(w * inverse), -largest, largest);
    const float rest = w - q * step;
    error += rest * rest;
    products += w * q;
    squares += q * q;
  }
  return {error, squares > 0 ? products / squares : step};
}

}  // namespace

int largest_weight(std::uint32_t trits) { return (spec::kPow3[trits - 1] * 3 - 1) / 2; }

double quantise_group(std::span<const float> weights, std::uint32_t trits, double step,
                      std::span<std::int8_t> out) {
  const int most = largest_weight(trits);
  double error = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double q = step == 0 ? 0 : std::clamp<double>(std::round(weights[i] / step), -most, most);
    error += (weights[i] - q * step) * (weights[i] - q * step);
    out[i] = static_cast<std::int8_t>(q);
  }
  return error;
}

double best_step(std::span<const float> weights, std::uint32_t trits) {
  const auto largest = static_cast<float>(largest_weight(trits));
  float range = 0;
  for (const float w : weights) range = std::max(range, std::abs(w));
  if (range == 0) return 0;
  constexpr int kSteps = 12;
  float best = 0, least = INFINITY;
  for (int i = 0; i < kSteps; ++i) {
    float step = range / largest * (0.3f + 0.7f * static_cast<float>(i + 1) / kSteps);
    for (int refined = 0; refined < 2; ++refined) {
      const Fit f = fit(weights, largest, step);
      if (f.error < least) {
        least = f.error;
        best = step;
      }
      step = f.step;
    }
  }
  return best;
}

}  // namespace tern::io
