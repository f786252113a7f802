#include "golden/matrix.hpp"

#include <algorithm>

#include "golden/kernels.hpp"
#include "spec/numerics/dot.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::golden {

Matrix::Matrix(std::span<const uint8_t> beats, const spec::MatrixShape& shape)
    : rows_(static_cast<int>(shape.rows)),
      cols_(static_cast<int>(shape.cols)),
      stride_(static_cast<int>(spec::align_up(shape.cols, 64))),
      weights_(static_cast<std::size_t>(rows_) * stride_) {
  const uint32_t height = shape.rows_per_stripe();
  for (uint32_t stripe = 0; stripe < spec::ceil_div(shape.rows, height); ++stripe) {
    for (uint32_t col = 0; col < shape.cols; ++col) {
      for (uint32_t plane = 0; plane < shape.planes; ++plane) {
        const uint8_t code = beats[shape.offset(stripe, col, plane)];
        if (shape.layout == spec::Layout::kValue) {
          weights_[static_cast<std::size_t>(stripe) * stride_ + col] =
              static_cast<int8_t>(spec::t5_decode_value(code));
          continue;
        }
        const spec::Trits trits = spec::t5_decode(code);
        for (uint32_t i = 0; i < height && stripe * height + i < shape.rows; ++i) {
          int8_t& w = weights_[static_cast<std::size_t>(stripe * height + i) * stride_ + col];
          w = static_cast<int8_t>(w + trits.t[i] * spec::kPow3[plane]);
        }
      }
    }
  }
}

void Matrix::multiply(std::span<const int8_t> x, std::span<int32_t> out) const {
  std::vector<int8_t> padded(static_cast<std::size_t>(stride_));
  std::copy(x.begin(), x.end(), padded.begin());
  matvec(weights_.data(), rows_, stride_, padded.data(), out.data());
}

}  // namespace tern::golden
