// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hwy/aligned_allocator.h>

#include <cstdint>

#include "spec/numerics/layout.hpp"

namespace tern::golden {

/// A vector as the kernels of this machine read it: by groups of columns (one without group
/// scales), each padded with zeros to whole SIMD vectors.
struct Operand {
  std::size_t stride = 0;                 ///< Bytes of a group.
  hwy::AlignedFreeUniquePtr<int8_t[]> x;  ///< [groups][stride]
  hwy::AlignedFreeUniquePtr<int32_t[]>
      sums;  ///< Of each group, as many as a SIMD vector has lanes.
};

/// x [shape.cols]
Operand make_operand(const spec::MatrixShape& shape, const int8_t* x);

/// The rows of `count` row blocks from block `first` on of a product of a matrix as an image holds
/// it: beats [shape.bytes()] in stream order, out [shape.rows], of which only these rows are
/// written. Decodes on the way, in registers. Illegal codes count as zeros. SIMD for the widest
/// instruction set of this machine; equal to the scalar function to the bit, because integer sums
/// have no order.
void multiply_blocks(const uint8_t* beats, const spec::MatrixShape& shape, const Operand& x,
                     uint32_t first, uint32_t count, int32_t* out);

/// Row blocks that hold rows.
constexpr uint32_t row_blocks(const spec::MatrixShape& shape) {
  return spec::ceil_div(spec::ceil_div(shape.rows, shape.rows_per_stripe()), shape.block);
}

/// The whole product. x [shape.cols]
inline void multiply_beats(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                           int32_t* out) {
  multiply_blocks(beats, shape, make_operand(shape, x), 0, row_blocks(shape), out);
}

/// The same product, rows `first` to `last` - 1, weight by weight: by weight_at() and scale_at().
void multiply_rows_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                          uint32_t first, uint32_t last, int32_t* out);

inline void multiply_beats_scalar(const uint8_t* beats, const spec::MatrixShape& shape,
                                  const int8_t* x, int32_t* out) {
  multiply_rows_scalar(beats, shape, x, 0, shape.rows, out);
}

/// One weight of such a matrix, without its scale; 0 in place of illegal codes.
int32_t weight_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row, uint32_t col);

/// The group scale of a weight; 1 where there are none.
uint32_t scale_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row, uint32_t col);

}  // namespace tern::golden
