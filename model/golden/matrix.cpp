#include "golden/matrix.hpp"

#include <algorithm>
#include <array>

#include "golden/kernels.hpp"
#include "spec/numerics/dot.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::golden {

namespace {

/// All codes decoded once: loading a matrix of billions of trits is then a walk over bytes.
constexpr std::array<spec::Trits, 256> kTrits = [] {
  std::array<spec::Trits, 256> table{};
  for (int code = 0; code < 256; ++code) table[code] = spec::t5_decode(static_cast<uint8_t>(code));
  return table;
}();

}  // namespace

Matrix::Matrix(std::span<const uint8_t> beats, const spec::MatrixShape& shape)
    : rows_(static_cast<int>(shape.rows)),
      cols_(static_cast<int>(shape.cols)),
      stride_(static_cast<int>(spec::align_up(shape.cols, 64))),
      weights_(static_cast<std::size_t>(rows_) * stride_) {
  // In stream order: row block, tile, plane, stripe.
  const uint8_t* beat = beats.data();
  for (uint32_t first = 0; first < shape.stripes; first += shape.block) {
    const uint32_t end = std::min(shape.stripes, first + shape.block);
    for (uint32_t tile = 0; tile < shape.tiles(); ++tile) {
      for (uint32_t plane = 0; plane < shape.planes; ++plane) {
        for (uint32_t stripe = first; stripe < end; ++stripe, beat += shape.columns) {
          unpack(beat, shape, stripe, tile * shape.columns, spec::kPow3[plane]);
        }
      }
    }
  }
}

/// Adds one beat, weighted by `weight`, to the rows of `stripe` from column `col` on.
void Matrix::unpack(const uint8_t* beat, const spec::MatrixShape& shape, uint32_t stripe,
                    uint32_t col, int32_t weight) {
  const uint32_t n = std::min(shape.columns, shape.cols - col);
  const uint32_t height = shape.rows_per_stripe();
  const uint32_t first = stripe * height;
  for (uint32_t i = 0; i < height && first + i < shape.rows; ++i) {
    int8_t* w = &weights_[static_cast<std::size_t>(first + i) * stride_ + col];
    for (uint32_t c = 0; c < n; ++c) {
      const int32_t value = height == 1 ? spec::t5_decode_value(beat[c]) : kTrits[beat[c]].t[i];
      w[c] = static_cast<int8_t>(w[c] + value * weight);
    }
  }
}

void Matrix::multiply(std::span<const int8_t> x, std::span<int32_t> out) const {
  std::vector<int8_t> padded(static_cast<std::size_t>(stride_));
  std::copy(x.begin(), x.end(), padded.begin());
  matvec(weights_.data(), rows_, stride_, padded.data(), out.data());
}

}  // namespace tern::golden
