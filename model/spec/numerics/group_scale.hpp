// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/layout.hpp"

/// Group scales: weights whose scale differs from group to group of 64 or 128 columns in each row.
/// A result is the sum over groups of s[row][group] times the exact sum of w * x over the group's
/// columns, int32. s is unsigned, 12 bits; the real scale of a group is s times that of the matrix
/// (Bonsai and other models with blocks of weights; TriLM's scales of row blocks are equal in all
/// groups). Whoever makes an image sees to it that no sum can leave GroupedSumMax, whatever the
/// activations: 127 * sum over groups of s * sum of |w| of every row. So every order of summation,
/// and every size of tile, gives the same bits, and results can be rotated without overflow.
namespace tern::spec {

/// The scale of row `row` of a stripe, from the stripe's scale word, little-endian.
constexpr uint32_t scale_of(uint64_t word, uint32_t row) {
  return static_cast<uint32_t>(word >> (12 * row)) & kScaleMax;
}

/// The scale word of five scales, each at most ScaleMax.
constexpr uint64_t scale_word(const uint32_t (&scales)[kTritsPerByte]) {
  uint64_t word = 0;
  for (uint32_t i = 0; i < kTritsPerByte; ++i) word |= uint64_t{scales[i]} << (12 * i);
  return word;
}

/// Largest magnitude of an activation: the bound of a row of a matrix with group scales is this
/// times the sum over groups of s * sum of |w|.
inline constexpr uint64_t kActivationBound = kActMax;

namespace group_scale_examples {
inline constexpr uint32_t kScales[kTritsPerByte] = {1, 2, 4095, 0, 7};
static_assert(scale_word(kScales) == 0x007000fff002001);
static_assert(scale_of(scale_word(kScales), 2) == 4095 && scale_of(scale_word(kScales), 4) == 7);
}  // namespace group_scale_examples

}  // namespace tern::spec
