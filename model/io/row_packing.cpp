// SPDX-License-Identifier: Apache-2.0
#include "io/row_packing.hpp"

#include <algorithm>

#include "spec/numerics/t5.hpp"

namespace tern::io {

void pack_planes(std::span<const std::int8_t> weights, std::uint32_t planes,
                 std::span<std::uint8_t> codes) {
  const std::size_t cols = weights.size() / spec::kTritsPerByte;
  for (std::size_t c = 0; c < cols; ++c) {
    spec::Trits digits[spec::kTritsPerByte];
    for (std::uint32_t i = 0; i < spec::kTritsPerByte; ++i)
      digits[i] = spec::t5_decode(spec::t5_pack_value(weights[i * cols + c]));
    for (std::uint32_t plane = 0; plane < planes; ++plane) {
      spec::Trits trits;
      for (std::uint32_t i = 0; i < spec::kTritsPerByte; ++i) trits.t[i] = digits[i].t[plane];
      codes[plane * cols + c] = spec::t5_pack(trits);
    }
  }
}

void pack_signs(std::span<const std::int8_t> weights, std::span<std::uint8_t> bits) {
  const std::size_t cols = weights.size() / spec::kSignRows;
  std::fill(bits.begin(), bits.end(), std::uint8_t{0});
  for (std::size_t row = 0; row < spec::kSignRows; ++row) {
    const std::uint32_t bit = spec::MatrixShape::row_bit(static_cast<std::uint32_t>(row));
    std::uint8_t* line = &bits[row / 8 * cols];
    for (std::size_t c = 0; c < cols; ++c)
      line[c] = static_cast<std::uint8_t>(line[c] | (weights[row * cols + c] > 0) << bit);
  }
}

}  // namespace tern::io
