#pragma once

#include <cstdint>
#include <vector>

#include "engine_bench.hpp"

namespace tern::test {

/// A matrix product as the command describes it: shapes, and where its results go.
struct Shape {
  uint32_t rows = 1, cols = 1, stripes = 1, block = 1, planes = 1, act_columns = 1;
  bool value_layout = false;
  uint32_t act_tile = 0, dst = 0, dst_stride = 0, max_reg = 0;
};

/// What a LOAD reads and where it goes.
struct LoadShape {
  uint32_t beats = 1, count = 1, dst = 0;
  bool half = false;
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

/// Column tiles of a matrix, and beats of its stream.
uint32_t tile_count(const Sizes& sizes, uint32_t cols);
uint64_t beat_count(const Sizes& sizes, const Shape& shape);

/// What the beats of a product must write: decoded byte by byte and summed in 64 bits, straight
/// from the definition of the layouts. Throws if a sum leaves int32.
Effect expected_product(const Sizes& sizes, const Shape& shape, const Activations& x,
                        const std::vector<Beat>& beats);

/// What the beats of a LOAD must write.
Effect expected_load(const LoadShape& shape, const std::vector<Beat>& beats);

}  // namespace tern::test
