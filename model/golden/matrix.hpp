// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "golden/kernels.hpp"
#include "golden/workers.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::golden {

/// A matrix that stays as it lies in an image: five trits, one value or eight signs a byte, and the
/// scales of groups.
class Matrix {
 public:
  Matrix() = default;
  /// beats: shape.bytes() bytes in stream order, which must outlive the matrix.
  Matrix(std::span<const uint8_t> beats, const spec::MatrixShape& shape)
      : beats_(beats), shape_(shape) {}

  /// x [cols] -> out [rows], exact.
  void multiply(std::span<const int8_t> x, std::span<int32_t> out, Workers& workers) const;
  /// The same on the caller's thread alone.
  void multiply(std::span<const int8_t> x, std::span<int32_t> out) const {
    multiply_beats(beats_.data(), shape_, x.data(), out.data());
  }

  int rows() const { return static_cast<int>(shape_.rows); }
  int cols() const { return static_cast<int>(shape_.cols); }
  /// Before its scale.
  int at(int row, int col) const {
    return weight_at(beats_.data(), shape_, static_cast<uint32_t>(row), static_cast<uint32_t>(col));
  }
  /// Of the group of a weight; 1 without group scales.
  uint32_t scale(int row, int col) const {
    return scale_at(beats_.data(), shape_, static_cast<uint32_t>(row), static_cast<uint32_t>(col));
  }

 private:
  std::span<const uint8_t> beats_;
  spec::MatrixShape shape_;
};

}  // namespace tern::golden
