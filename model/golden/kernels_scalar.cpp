// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "golden/kernels.hpp"
#include "golden/scales.hpp"
#include "spec/numerics/group_scale.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::golden {

int32_t weight_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row,
                  uint32_t col) {
  switch (shape.layout) {
    case spec::Layout::kValue:
      return spec::t5_decode_value(beats[shape.offset(row, col)]);
    case spec::Layout::kSign:
      return beats[shape.sign_offset(row, col)] >> spec::MatrixShape::row_bit(row) & 1 ? 1 : -1;
    case spec::Layout::kPlane:
      break;
  }
  int32_t weight = 0;
  for (uint32_t plane = 0; plane < shape.planes; ++plane) {
    const uint8_t code = beats[shape.offset(row / spec::kTritsPerByte, col, plane)];
    weight += spec::t5_decode(code).t[row % spec::kTritsPerByte] * spec::kPow3[plane];
  }
  return weight;
}

uint32_t scale_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row,
                  uint32_t col) {
  if (shape.group == spec::Group::kNone) return 1;
  const uint8_t* word = beats + shape.scale_offset(row / spec::kTritsPerByte, col);
  return spec::scale_of(scale_word_at(word), row % spec::kTritsPerByte);
}

void multiply_rows_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                          uint32_t first, uint32_t last, int32_t* out) {
  for (uint32_t row = first; row < last; ++row) {
    uint32_t sum = 0;  // wraps where scales break their bound
    for (uint32_t col = 0; col < shape.cols; ++col) {
      const int32_t product = weight_at(beats, shape, row, col) * x[col];
      sum += static_cast<uint32_t>(product) * scale_at(beats, shape, row, col);
    }
    out[row] = static_cast<int32_t>(sum);
  }
}

}  // namespace tern::golden
