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

}  // namespace

uint32_t tile_count(const Sizes& sizes, uint32_t cols) {
  return (cols + sizes.columns - 1) / sizes.columns;
}

uint64_t beat_count(const Sizes& sizes, const Shape& shape) {
  const uint64_t planes = shape.value_layout ? 1 : shape.planes;
  return uint64_t{tile_count(sizes, shape.cols)} * planes * shape.stripes;
}

Command load_command(const LoadShape& shape) {
  return {1 | (uint32_t{shape.half} << 8),
          0x01020304,
          0x12345678,
          shape.beats,
          shape.count,
          shape.dst,
          0,
          0};
}

Command matmul_command(const Sizes& sizes, const Shape& shape) {
  return {2 | (uint32_t{shape.value_layout} << 8) | (shape.planes << 9) |
              (shape.act_columns << 12) | (shape.max_reg << 16),
          0x05060708,
          0x9abcdef0,
          static_cast<uint32_t>(beat_count(sizes, shape)),
          shape.rows | (shape.block << 20),
          shape.cols | (shape.act_tile << 18),
          shape.stripes,
          shape.dst | (shape.dst_stride << 20)};
}

Effect expected_product(const Sizes& sizes, const Shape& shape, const Activations& x,
                        const std::vector<Beat>& beats) {
  const uint32_t tiles = tile_count(sizes, shape.cols);
  const size_t first = size_t{shape.act_tile} * sizes.columns;
  const uint32_t planes = shape.value_layout ? 1 : shape.planes;
  const uint32_t entries = shape.value_layout ? (shape.stripes + 4) / 5 : shape.stripes;
  std::vector<std::vector<int64_t>> sums(5 * entries, std::vector<int64_t>(shape.act_columns));

  auto beat = beats.begin();
  for (uint32_t start = 0; start < shape.stripes; start += shape.block) {
    const uint32_t end = std::min(start + shape.block, shape.stripes);
    for (uint32_t t = 0; t < tiles; ++t) {
      int64_t weight = 1;
      for (uint32_t p = 0; p < planes; ++p, weight *= 3) {
        for (uint32_t s = start; s < end; ++s, ++beat) {
          for (uint32_t c = 0; c < sizes.columns; ++c) {
            const uint32_t column = t * sizes.columns + c;
            if (column >= shape.cols || (shape.value_layout && s >= shape.rows)) continue;
            const uint8_t code = beat->bytes.at(c);
            int64_t value = 0;
            int64_t power = 1;
            for (int i = 0; i < 5; ++i, power *= 3) {
              const int64_t trit = trit_of(code, i);
              value += power * trit;
              if (shape.value_layout) continue;
              for (uint32_t m = 0; m < shape.act_columns; ++m) {
                sums[5 * s + i][m] += weight * trit * x[m][first + column];
              }
            }
            if (!shape.value_layout) continue;
            for (uint32_t m = 0; m < shape.act_columns; ++m) {
              sums[s][m] += value * x[m][first + column];
            }
          }
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

Effect expected_load(const LoadShape& shape, const std::vector<Beat>& beats) {
  std::vector<uint8_t> bytes;
  for (const Beat& beat : beats) bytes.insert(bytes.end(), beat.bytes.begin(), beat.bytes.end());
  Effect effect;
  for (uint32_t i = 0; i < shape.count; ++i) {
    uint32_t word = 0;
    if (shape.half) {
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
