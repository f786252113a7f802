// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tern::io {

/// The scales of groups as an image holds them: real scale = unit * s.
struct GroupScales {
  double unit = 0;                    ///< 0 if all scales are
  std::vector<std::uint16_t> scales;  ///< [rows][groups], at most ScaleMax
};

/// The smallest unit with which no scale leaves ScaleMax and no row can leave GroupedSumMax
/// (group_scale.hpp), and the nearest scales in it. real, weights [rows][groups]: the real scale of
/// each group, >= 0, and the sum of its weights' magnitudes.
GroupScales fit_scales(std::span<const float> real, std::span<const std::uint16_t> weights,
                       std::uint64_t groups);

/// By how much the row with the largest bound exceeds GroupedSumMax: at most 1 if none does.
double bound_ratio(std::span<const std::uint16_t> scales, std::span<const std::uint16_t> weights,
                   std::uint64_t groups);

}  // namespace tern::io
