#pragma once

#include <cstdint>
#include <vector>

#include "engine_bench.hpp"

namespace tern::test {

/// A matrix product as the command describes it: shapes, and where its results go.
struct Shape {
  uint32_t rows = 1, cols = 1, stripes = 1, block = 1, planes = 1, act_columns = 1;
  bool value_layout = false;
  uint8_t tag = 0;
  uint32_t result_unit = 0;  // result address / 64
};

/// Activations [m][column] of the whole buffer, padding included.
using Activations = std::vector<std::vector<int8_t>>;

/// A chip's sizes, as far as the layouts depend on them.
struct Sizes {
  uint32_t columns, act_columns;
};

/// Words of the commands.
Command load_command(const Sizes& sizes, uint32_t cols, uint32_t act_columns, uint8_t tag);
Command matmul_command(const Sizes& sizes, const Shape& shape);

/// Column tiles of a matrix, and beats of its stream.
uint32_t tile_count(const Sizes& sizes, uint32_t cols);
uint64_t beat_count(const Sizes& sizes, const Shape& shape);

/// Beats of a LOAD_ACT.
std::vector<Beat> load_beats(const Sizes& sizes, const Activations& x, uint32_t cols);

/// Result entries and trailer that the beats of a product must give: decoded byte by byte and
/// summed in 64 bits, straight from the definition of the layouts. Throws if a sum leaves int32.
std::vector<Result> expected_results(const Sizes& sizes, const Shape& shape, const Activations& x,
                                     const std::vector<Beat>& beats);

}  // namespace tern::test
