#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::test {

/// One LOAD_ACT and one MATMUL with random contents, the bytes they read, and the result entries
/// that the definition gives. The expected values come from the meaning of the layouts, element by
/// element, not from the order of the stream.
class MatrixCase {
 public:
  struct Shape {
    bool value_layout = false;
    uint32_t planes = 1;       ///< Plane layout only.
    uint32_t act_columns = 1;  ///< Activation columns in use.
    uint32_t rows = 1;         ///< Valid rows.
    uint32_t cols = 1;
    uint32_t block = 1;          ///< Stripes of a row block.
    uint32_t extra_stripes = 0;  ///< Streamed beyond the valid rows.
    double illegal = 0.0;        ///< Probability of an illegal code, in padding columns too.
    uint8_t tag = 0;
  };

  MatrixCase(const spec::ChipConfig& config, const Shape& shape, std::mt19937_64& random);

  /// A random shape that the chip accepts.
  static Shape random_shape(const spec::ChipConfig& config, std::mt19937_64& random);

  const std::vector<std::byte>& activations() const { return activations_; }
  const std::vector<std::byte>& matrix() const { return matrix_; }
  const std::vector<std::byte>& result() const { return result_; }

  /// The commands, for byte addresses that are multiples of 64.
  spec::Command load(uint64_t address) const;
  spec::Command matmul(uint64_t address, uint64_t result_address) const;

  const Shape& shape() const { return shape_; }
  uint32_t tiles() const { return tiles_; }
  uint32_t stripes() const { return stripes_; }
  uint32_t illegal_codes() const { return illegal_codes_; }

 private:
  void fill_activations(std::mt19937_64& random);
  void fill_matrix(std::mt19937_64& random);
  void pack_matrix();
  void expect_result();
  /// The integer at that place of the matrix.
  int weight(uint32_t row, uint32_t col) const;
  uint8_t code(uint32_t plane, uint32_t stripe, uint32_t col) const {
    return codes_[(static_cast<size_t>(plane) * stripes_ + stripe) * tiles_ * config_.columns +
                  col];
  }

  const spec::ChipConfig& config_;
  Shape shape_;
  uint32_t tiles_, stripes_;
  uint32_t illegal_codes_ = 0;
  std::vector<int8_t> x_;       ///< [column][tiles * C], padding included.
  std::vector<uint8_t> codes_;  ///< [plane][stripe][tiles * C].
  std::vector<std::byte> activations_, matrix_, result_;
};

}  // namespace tern::test
