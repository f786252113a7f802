#include "oracle.hpp"

#include <algorithm>
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

Command load_command(const Sizes& sizes, uint32_t cols, uint32_t act_columns, uint8_t tag) {
  return {1 | (act_columns << 16) | (uint32_t{tag} << 24),
          0,
          act_columns * tile_count(sizes, cols),
          0,
          cols,
          0,
          0,
          0};
}

Command matmul_command(const Sizes& sizes, const Shape& shape) {
  return {2 | (uint32_t{shape.value_layout} << 8) | (shape.planes << 9) |
              (shape.act_columns << 16) | (uint32_t{shape.tag} << 24),
          0,
          static_cast<uint32_t>(beat_count(sizes, shape)),
          shape.rows,
          shape.cols,
          shape.block,
          shape.stripes,
          shape.result_unit};
}

std::vector<Beat> load_beats(const Sizes& sizes, const Activations& x, uint32_t cols) {
  std::vector<Beat> beats;
  for (const auto& column : x) {
    for (uint32_t t = 0; t < tile_count(sizes, cols); ++t) {
      Beat& beat = beats.emplace_back();
      for (uint32_t c = 0; c < sizes.columns; ++c) {
        beat.bytes.push_back(static_cast<uint8_t>(column[t * sizes.columns + c]));
      }
    }
  }
  beats.back().last = true;
  return beats;
}

std::vector<Result> expected_results(const Sizes& sizes, const Shape& shape, const Activations& x,
                                     const std::vector<Beat>& beats) {
  const uint32_t tiles = tile_count(sizes, shape.cols);
  const uint32_t planes = shape.value_layout ? 1 : shape.planes;
  const uint32_t entries = shape.value_layout ? (shape.stripes + 4) / 5 : shape.stripes;
  std::vector<std::vector<int64_t>> sums(5 * entries, std::vector<int64_t>(shape.act_columns));
  uint32_t illegal = 0;

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
            illegal += code > 242;
            int64_t value = 0;
            int64_t power = 1;
            for (int i = 0; i < 5; ++i, power *= 3) {
              const int64_t trit = trit_of(code, i);
              value += power * trit;
              if (shape.value_layout) continue;
              for (uint32_t m = 0; m < shape.act_columns; ++m) {
                sums[5 * s + i][m] += weight * trit * x[m][column];
              }
            }
            if (!shape.value_layout) continue;
            for (uint32_t m = 0; m < shape.act_columns; ++m) {
              sums[s][m] += value * x[m][column];
            }
          }
        }
      }
    }
  }

  const uint32_t words = 5 * sizes.act_columns;
  const uint64_t pitch = (4 * words + sizes.columns - 1) / sizes.columns * sizes.columns;
  std::vector<Result> results;
  std::vector<int32_t> greatest(shape.act_columns);
  for (uint32_t e = 0; e <= entries; ++e) {
    Result& result = results.emplace_back();
    result.addr = uint64_t{shape.result_unit} * 64 + e * pitch;
    result.words.resize(words);
    if (e == entries) break;
    for (uint32_t b = 0; b < 5; ++b) {
      if (5 * e + b >= shape.rows) continue;
      for (uint32_t m = 0; m < shape.act_columns; ++m) {
        const int32_t sum = to_int32(sums[5 * e + b][m]);
        result.words[b * sizes.act_columns + m] = sum;
        greatest[m] = std::max(greatest[m], std::abs(sum));
      }
    }
  }
  Result& trailer = results.back();
  trailer.last = true;
  std::copy(greatest.begin(), greatest.end(), trailer.words.begin());
  trailer.words[sizes.act_columns] = static_cast<int32_t>(illegal);
  trailer.words[sizes.act_columns + 1] = shape.tag;
  return results;
}

}  // namespace tern::test
