// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "io/image_parts.hpp"
#include "io/image_writer.hpp"
#include "io/model_files.hpp"

namespace tern::io {

/// A matrix as an image holds it, its rows made when they are asked for: real weight = integer *
/// scale of its group * unit.
struct WeightRows {
  std::uint64_t cols = 0;
  double unit = 0;
  std::vector<std::uint16_t> scales;  ///< [rows][groups], or empty: all 1
  /// Fills a row of integers [cols].
  std::function<void(std::uint64_t row, std::span<std::int8_t> weights)> row;
};

/// Trits with one scale, as the file has them.
WeightRows one_scale_rows(const ModelFiles& files, std::string_view tensor);

/// Trits as the file has them, with group scales that are the nearest of 12 bits.
WeightRows grouped_rows(const ModelFiles& files, std::string_view tensor, spec::Group group);

/// Float weights, or any others as floats, quantised to integers of `trits` trits: for each group
/// of columns of a row the integers and the 12-bit scale that make the squared error small. Reads
/// the tensor three times.
WeightRows quantised_rows(const ModelFiles& files, std::string_view tensor, std::uint32_t trits,
                          spec::Group group);

/// Appends such a matrix, and sets its offset; its scale is the caller's. `stored(row)`: which row
/// of the source is row `row`.
void append_rows(ImageWriter& writer, const WeightRows& source, spec::MatrixDescriptor& m,
                 const std::function<std::uint64_t(std::uint64_t)>& stored);

}  // namespace tern::io
