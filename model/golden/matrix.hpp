#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spec/numerics/layout.hpp"

namespace tern::golden {

/// A matrix unpacked from its beats to one int8 a weight, row after row.
class Matrix {
 public:
  Matrix() = default;
  /// beats: shape.bytes() bytes in stream order.
  Matrix(std::span<const uint8_t> beats, const spec::MatrixShape& shape);

  /// x [cols] -> out [rows], exact.
  void multiply(std::span<const int8_t> x, std::span<int32_t> out) const;

  int rows() const { return rows_; }
  int cols() const { return cols_; }
  int8_t at(int row, int col) const {
    return weights_[static_cast<std::size_t>(row) * stride_ + col];
  }

 private:
  void unpack(const uint8_t* beat, const spec::MatrixShape& shape, uint32_t stripe, uint32_t col,
              int32_t weight);

  int rows_ = 0;
  int cols_ = 0;
  int stride_ = 0;  ///< cols rounded up to 64
  std::vector<int8_t> weights_;
};

}  // namespace tern::golden
