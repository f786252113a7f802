// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/fixed.hpp"
#include "spec/numerics/t5.hpp"

/// How large the results of a matrix can be, whatever its weights and inputs: |result| < 2^bits.
/// What comes behind a matrix shifts wide results right by what its own width does not hold.
namespace tern::spec {

struct ResultBits {
  int bits;
};

/// Of `inputs` columns of trits or signs with one scale.
constexpr ResultBits result_bits(uint32_t inputs) {
  return {bit_width(uint64_t{inputs} * kActMax)};
}

/// Of any matrix: group scales are made so that results stay below GroupedSumMax + 1.
constexpr ResultBits result_bits(const MatrixDescriptor& m) {
  if (m.group != static_cast<uint32_t>(Group::kNone)) return {bit_width(kGroupedSumMax)};
  int32_t weight = 0;
  for (uint32_t plane = 0; plane < m.planes && plane < kMaxPlanes; ++plane) weight += kPow3[plane];
  if (m.layout == static_cast<uint32_t>(Layout::kValue)) weight = kValueMax;
  return {bit_width(uint64_t{m.cols} * kActMax * static_cast<uint32_t>(weight))};
}

static_assert(result_bits(131072).bits == 24 && result_bits(1).bits == 7);
static_assert(result_bits(MatrixDescriptor{.cols = 256, .planes = 1}).bits == 15);
static_assert(result_bits(MatrixDescriptor{.cols = 4096, .planes = 5}).bits == 26);
static_assert(result_bits(MatrixDescriptor{.cols = 64, .planes = 1, .group = 1}).bits == 30);

}  // namespace tern::spec
