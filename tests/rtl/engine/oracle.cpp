// SPDX-License-Identifier: Apache-2.0
#include "oracle.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <stdexcept>

namespace tern::test {
namespace {

int trit_of(uint8_t code, int index) {
  if (code > 242) return 0;
  int rest = code;
  for (int i = 0; i < index; ++i) rest /= 3;
  return rest % 3 - 1;
}

int32_t to_int32(int64_t sum) {
  if (sum < std::numeric_limits<int32_t>::min() || sum > std::numeric_limits<int32_t>::max()) {
    throw std::runtime_error("oracle: a sum leaves int32");
  }
  return static_cast<int32_t>(sum);
}

std::vector<uint8_t> joined(const std::vector<Beat>& beats) {
  std::vector<uint8_t> bytes;
  for (const Beat& beat : beats) bytes.insert(bytes.end(), beat.bytes.begin(), beat.bytes.end());
  return bytes;
}

}  // namespace

spec::MatrixShape matrix_shape(const Sizes& sizes, const Shape& s) {
  return {s.rows, s.cols, s.stripes, s.block, s.planes, s.layout, sizes.columns, s.group};
}

uint32_t tile_count(const Sizes& sizes, uint32_t cols) {
  return (cols + sizes.columns - 1) / sizes.columns;
}

uint64_t beat_count(const Sizes& sizes, const Shape& shape) {
  return matrix_shape(sizes, shape).beats();
}

uint32_t elements_of(spec::Format format, uint32_t columns) {
  return format == spec::Format::kTrit   ? 5 * columns
         : format == spec::Format::kHalf ? columns / 2
                                         : columns / 4;
}

uint32_t elements_at_once(spec::Format format, uint32_t columns, uint32_t lanes) {
  if (format != spec::Format::kTrit) return std::min(elements_of(format, columns), lanes);
  uint32_t codes = 1;
  while (5 * 2 * codes <= lanes && 2 * codes <= columns / 2) codes *= 2;
  return 5 * codes;
}

Command load_command(const LoadShape& shape) {
  return {1 | static_cast<uint32_t>(shape.format) << 8,
          0x01020304,
          0x12345678,
          shape.beats,
          shape.count,
          shape.dst,
          0,
          0};
}

Command matmul_command(const Sizes& sizes, const Shape& shape) {
  return {2 | static_cast<uint32_t>(shape.layout) << 8 | shape.act_columns << 12 |
              shape.max_reg << 16 | shape.planes << 24 | static_cast<uint32_t>(shape.group) << 27,
          0x05060708,
          0x9abcdef0,
          static_cast<uint32_t>(beat_count(sizes, shape)),
          shape.rows | (shape.block << 20),
          shape.cols | (shape.act_tile << 18),
          shape.stripes,
          shape.dst | (shape.dst_stride << 20)};
}

Effect expected_product(const Sizes& sizes, const Shape& shape, const Activations& x,
                        const std::vector<Beat>& beats, uint64_t& illegal) {
  const spec::MatrixShape matrix = matrix_shape(sizes, shape);
  const std::vector<uint8_t> bytes = joined(beats);
  const bool value = shape.layout == spec::Layout::kValue;
  const uint32_t height = value ? 1 : 5;
  const size_t first = size_t{shape.act_tile} * sizes.columns;
  std::vector<std::vector<int64_t>> sums(height * shape.stripes,
                                         std::vector<int64_t>(shape.act_columns));
  const auto add = [&](uint32_t row, uint32_t col, int64_t weight) {
    int64_t scale = 1;
    if (shape.group != spec::Group::kNone) {
      const uint64_t at = matrix.scale_offset(row / 5, col);
      uint64_t word = 0;
      for (uint32_t k = 8; k-- > 0;) word = word * 256 + bytes.at(at + k);
      scale = static_cast<int64_t>(word >> (12 * (row % 5)) & 0xfff);
    }
    for (uint32_t m = 0; m < shape.act_columns; ++m) {
      sums[row][m] += scale * weight * x[m][first + col];
    }
  };

  for (uint32_t stripe = 0; stripe < shape.stripes; ++stripe) {
    for (uint32_t col = 0; col < shape.cols; ++col) {
      if (value && stripe >= shape.rows) continue;
      if (shape.layout == spec::Layout::kSign) {
        for (uint32_t row = 5 * stripe; row < 5 * stripe + 5; ++row) {
          const uint8_t byte = bytes.at(matrix.sign_offset(row, col));
          add(row, col, byte >> matrix.row_bit(row) & 1 ? 1 : -1);
        }
        continue;
      }
      int64_t weight = 1;
      for (uint32_t plane = 0; plane < shape.planes; ++plane, weight *= 3) {
        const uint8_t code = bytes.at(matrix.offset(stripe, col, plane));
        illegal += code > 242;
        int64_t power = 1;
        for (int i = 0; i < 5; ++i, power *= 3) {
          add(value ? stripe : 5 * stripe + static_cast<uint32_t>(i), col,
              (value ? power : weight) * trit_of(code, i));
        }
      }
    }
  }

  Effect effect;
  for (uint32_t m = 0; m < shape.act_columns; ++m) {
    uint32_t greatest = 0;
    for (uint32_t r = 0; r < shape.rows; ++r) {
      const int32_t sum = to_int32(sums[r][m]);
      effect.words[(shape.dst + m * shape.dst_stride * 16 + r) & 0xfffff] = sum;
      greatest = std::max(greatest, static_cast<uint32_t>(std::abs(int64_t{sum})));
    }
    effect.scalars.emplace_back((shape.max_reg + m) & 0xff, greatest);
  }
  return effect;
}

Effect expected_load(const LoadShape& shape, const std::vector<Beat>& beats, uint64_t& illegal) {
  const std::vector<uint8_t> bytes = joined(beats);
  Effect effect;
  for (uint32_t i = 0; i < shape.count; ++i) {
    uint32_t word = 0;
    if (shape.format == spec::Format::kTrit) {
      word = static_cast<uint32_t>(trit_of(bytes.at(i / 5), static_cast<int>(i % 5)));
      illegal += i % 5 == 0 && bytes.at(i / 5) > 242;
    } else if (shape.format == spec::Format::kHalf) {
      word = bytes.at(2 * i) + 256u * bytes.at(2 * i + 1);
      if (word >= 0x8000) word -= 0x10000;
    } else {
      for (uint32_t k = 4; k-- > 0;) word = word * 256 + bytes.at(4 * i + k);
    }
    effect.words[(shape.dst + i) & 0xfffff] = static_cast<int32_t>(word);
  }
  return effect;
}

}  // namespace tern::test
