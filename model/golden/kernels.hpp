#pragma once

#include <cstdint>

#include "spec/numerics/layout.hpp"

namespace tern::golden {

/// The product of a matrix as an image holds it: results of rows with group scales are sums of the
/// groups' sums times their scales. beats [shape.bytes()] in stream order, x
/// [shape.cols], out [shape.rows]. Decodes on the way, in the cache of the processor. Illegal codes
/// count as zeros. Without scales and signs by SIMD for the widest instruction set of this machine;
/// equal to the scalar function to the bit, because integer sums have no order.
void multiply_beats(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                    int32_t* out);

/// One weight of such a matrix, before its scale; 0 in place of illegal codes.
int32_t weight_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row, uint32_t col);

/// The scale of the group of a weight; 1 without group scales.
uint32_t scale_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row, uint32_t col);

/// The same product by spec::t5_decode() and spec::t5_decode_value().
void multiply_beats_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                           int32_t* out);

/// The same for matrices with group scales, of signs, or both: plain loops.
void multiply_grouped_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                             int32_t* out);

/// Sum of (code[i] - 121) * x[i] over n bytes of value layout, all legal codes.
int32_t dot_codes(const uint8_t* code, const int8_t* x, int n);
int32_t dot_codes_scalar(const uint8_t* code, const int8_t* x, int n);

}  // namespace tern::golden
