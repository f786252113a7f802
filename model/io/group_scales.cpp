// SPDX-License-Identifier: Apache-2.0
#include "io/group_scales.hpp"

#include <algorithm>
#include <cmath>

#include "spec/numerics/group_scale.hpp"

namespace tern::io {

double bound_ratio(std::span<const std::uint16_t> scales, std::span<const std::uint16_t> weights,
                   std::uint64_t groups) {
  std::uint64_t largest = 0;
  for (std::size_t row = 0; row < scales.size(); row += groups) {
    std::uint64_t sum = 0;
    for (std::size_t i = row; i < row + groups; ++i) sum += std::uint64_t{scales[i]} * weights[i];
    largest = std::max(largest, sum);
  }
  return static_cast<double>(largest * spec::kActivationBound) / spec::kGroupedSumMax;
}

GroupScales fit_scales(std::span<const float> real, std::span<const std::uint16_t> weights,
                       std::uint64_t groups) {
  GroupScales out;
  out.scales.resize(real.size());
  for (std::size_t row = 0; row < real.size(); row += groups) {
    double sum = 0;
    for (std::size_t i = row; i < row + groups; ++i) {
      sum += static_cast<double>(real[i]) * weights[i];
      out.unit = std::max(out.unit, static_cast<double>(real[i]) / spec::kScaleMax);
    }
    out.unit = std::max(out.unit, sum * spec::kActivationBound / spec::kGroupedSumMax);
  }
  if (out.unit == 0) return out;
  for (;;) {
    for (std::size_t i = 0; i < real.size(); ++i)
      out.scales[i] = static_cast<std::uint16_t>(
          std::min<long long>(std::llround(real[i] / out.unit), spec::kScaleMax));
    // Rounding may have gone up.
    const double ratio = bound_ratio(out.scales, weights, groups);
    if (ratio <= 1) return out;
    out.unit *= ratio * (1 + 1e-6);
  }
}

}  // namespace tern::io
