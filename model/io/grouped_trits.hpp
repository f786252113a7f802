// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "io/tensor_types.hpp"

namespace tern::io {

/// How the ternary weights of a matrix are scaled.
struct TernaryFormat {
  std::uint32_t group =
      0;               ///< 0: one scale for the matrix; 64 or 128: one a row and so many columns
  bool signs = false;  ///< no weight is 0, but where its scale is
  bool operator==(const TernaryFormat&) const = default;
};

/// Rows of trits with a scale for each group of columns: weight[r][c] = trits[r * cols + c] *
/// scales[r * groups() + c / group].
struct GroupedTrits {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  std::uint32_t group = 128;
  std::vector<std::int8_t> trits;  ///< -1, 0, +1; of a tensor of signs never 0
  std::vector<float> scales;       ///< [rows][groups], each >= 0

  std::uint64_t groups() const { return (cols + group - 1) / group; }
};

/// Of a tensor of a ternary type. Groups are as wide as the blocks allow: of 64 where a type has
/// blocks of 64 and neighbours differ.
TernaryFormat ternary_format(const GgufTensor& tensor);

/// Rows [first, first + rows) of such a tensor. `group` is 64 or 128; scales must not differ within
/// one. Throws Error, naming the tensor, if they do, if a code is not a trit, if a scale is not
/// finite, or if the order of the weights is not known.
GroupedTrits decode_grouped(const GgufTensor& tensor, std::uint64_t first, std::uint64_t rows,
                            std::uint32_t group);

/// The magnitude that every element has that is not 0; 0 if all are; nothing if there are several.
std::optional<float> only_magnitude(std::span<const float> values);

}  // namespace tern::io
