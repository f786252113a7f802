// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "engine_bench.hpp"
#include "spec/numerics/group_scale.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::test {

/// A matrix product as the command describes it: shapes, and where its results go.
struct Shape {
  uint32_t rows = 1, cols = 1, stripes = 1, block = 1, planes = 1, act_columns = 1;
  spec::Layout layout = spec::Layout::kPlane;
  spec::Group group = spec::Group::kNone;
  uint32_t act_tile = 0, dst = 0, dst_stride = 0, max_reg = 0;
};

/// What a LOAD reads and where it goes.
struct LoadShape {
  uint32_t beats = 1, count = 1, dst = 0;
  spec::Format format = spec::Format::kWord;
};

/// Activations [m][byte] of the whole buffer.
using Activations = std::vector<std::vector<int8_t>>;

/// A chip's sizes, as far as the layouts depend on them.
struct Sizes {
  uint32_t columns, act_columns, lanes;
};

/// Words of the commands; the fields that the engine has no use for are filled all the same.
Command load_command(const LoadShape& shape);
Command matmul_command(const Sizes& sizes, const Shape& shape);

/// The matrix as the contract describes it.
spec::MatrixShape matrix_shape(const Sizes& sizes, const Shape& shape);

/// Column tiles of a matrix, and beats of its stream.
uint32_t tile_count(const Sizes& sizes, uint32_t cols);
uint64_t beat_count(const Sizes& sizes, const Shape& shape);

/// Elements of a beat in a format, and of one write: as many as there are lanes, or whole codes.
uint32_t elements_of(spec::Format format, uint32_t columns);
uint32_t elements_at_once(spec::Format format, uint32_t columns, uint32_t lanes);

/// What the beats of a product must write: decoded byte by byte and summed in 64 bits, from the
/// places that the layouts define. Adds the illegal codes that count to `illegal`. Throws if a sum
/// leaves int32.
Effect expected_product(const Sizes& sizes, const Shape& shape, const Activations& x,
                        const std::vector<Beat>& beats, uint64_t& illegal);

/// What the beats of a LOAD must write; the illegal codes that count are added to `illegal`.
Effect expected_load(const LoadShape& shape, const std::vector<Beat>& beats, uint64_t& illegal);

}  // namespace tern::test
