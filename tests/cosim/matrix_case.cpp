#include "matrix_case.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace tern::test {
namespace {

using Random = std::mt19937_64;

uint32_t between(Random& random, uint32_t low, uint32_t high) {
  return std::uniform_int_distribution<uint32_t>(low, high)(random);
}

bool chance(Random& random, double probability) {
  return std::uniform_real_distribution<double>(0, 1)(random) < probability;
}

/// Trit `digit` of a T5 code; 0 for an illegal one.
int trit(uint8_t code, uint32_t digit) {
  if (code >= spec::kT5Codes) return 0;
  for (uint32_t i = 0; i < digit; ++i) code /= 3;
  return code % 3 - 1;
}

int power_of_3(uint32_t exponent) { return exponent == 0 ? 1 : 3 * power_of_3(exponent - 1); }

}  // namespace

MatrixCase::MatrixCase(const spec::ChipConfig& config, const Shape& shape, Random& random)
    : config_(config),
      shape_(shape),
      tiles_((shape.cols + config.columns - 1) / config.columns),
      stripes_((shape.value_layout ? shape.rows : (shape.rows + 4) / 5) + shape.extra_stripes) {
  fill_activations(random);
  fill_matrix(random);
  pack_matrix();
  expect_result();
}

MatrixCase::Shape MatrixCase::random_shape(const spec::ChipConfig& config, Random& random) {
  Shape shape;
  shape.value_layout = chance(random, 0.5);
  shape.planes = shape.value_layout ? 1 : between(random, 1, spec::kMaxPlanes);
  shape.act_columns = between(random, 1, config.act_columns);
  shape.rows = chance(random, 0.5) ? between(random, 1, 40) : between(random, 1, 700);
  shape.cols = chance(random, 0.5) ? between(random, 1, 2 * config.columns)
                                   : between(random, 1, 12 * config.columns);
  if (chance(random, 0.3)) shape.extra_stripes = between(random, 1, 12);
  const uint32_t depth = config.acc_depth;
  if (!shape.value_layout) {
    shape.block = between(random, 1, depth);
  } else if (const uint32_t stripes = shape.rows + shape.extra_stripes;
             stripes <= 5 * depth && chance(random, 0.3)) {
    shape.block = between(random, stripes, 5 * depth);
  } else {
    shape.block = 5 * between(random, 1, depth);
  }
  shape.illegal = chance(random, 0.3) ? 0.02 : 0.0;
  shape.tag = static_cast<uint8_t>(between(random, 0, 255));
  return shape;
}

void MatrixCase::fill_activations(Random& random) {
  // One case in four is at the ends of the range, where sums are largest.
  const bool extreme = chance(random, 0.25);
  const size_t width = static_cast<size_t>(tiles_) * config_.columns;
  x_.resize(shape_.act_columns * width);
  for (int8_t& x : x_) {
    x = static_cast<int8_t>(extreme ? (chance(random, 0.5) ? -128 : 127)
                                    : static_cast<int>(between(random, 0, 255)) - 128);
  }
  activations_.resize(x_.size());
  std::memcpy(activations_.data(), x_.data(), x_.size());
}

void MatrixCase::fill_matrix(Random& random) {
  const bool extreme = chance(random, 0.25);
  codes_.resize(static_cast<size_t>(shape_.planes) * stripes_ * tiles_ * config_.columns);
  for (uint8_t& code : codes_) {
    code = static_cast<uint8_t>(extreme ? (chance(random, 0.5) ? 0 : spec::kT5Codes - 1)
                                        : between(random, 0, spec::kT5Codes - 1));
    if (chance(random, shape_.illegal)) {
      code = static_cast<uint8_t>(between(random, spec::kT5Codes, 255));
    }
  }
}

void MatrixCase::pack_matrix() {
  matrix_.reserve(codes_.size());
  for (uint32_t first = 0; first < stripes_; first += shape_.block) {
    const uint32_t end = std::min(first + shape_.block, stripes_);
    for (uint32_t tile = 0; tile < tiles_; ++tile) {
      for (uint32_t plane = 0; plane < shape_.planes; ++plane) {
        for (uint32_t stripe = first; stripe < end; ++stripe) {
          for (uint32_t c = 0; c < config_.columns; ++c) {
            matrix_.push_back(std::byte{code(plane, stripe, tile * config_.columns + c)});
          }
        }
      }
    }
  }
}

int MatrixCase::weight(uint32_t row, uint32_t col) const {
  int sum = 0;
  if (shape_.value_layout) {
    for (uint32_t i = 0; i < 5; ++i) sum += power_of_3(i) * trit(code(0, row, col), i);
  } else {
    for (uint32_t p = 0; p < shape_.planes; ++p) {
      sum += power_of_3(p) * trit(code(p, row / 5, col), row % 5);
    }
  }
  return sum;
}

void MatrixCase::expect_result() {
  const uint32_t columns = config_.act_columns;
  const uint32_t entries = shape_.value_layout ? (stripes_ + 4) / 5 : stripes_;
  const size_t entry_bytes =
      (20 * columns + config_.columns - 1) / config_.columns * config_.columns;
  const size_t width = static_cast<size_t>(tiles_) * config_.columns;
  result_.assign((entries + 1) * entry_bytes, std::byte{0});
  std::vector<uint32_t> max_abs(columns, 0);
  const auto put = [&](uint32_t entry, uint32_t word, uint32_t value) {
    std::memcpy(result_.data() + entry * entry_bytes + 4 * word, &value, 4);
  };
  std::vector<int64_t> sums(columns);
  for (uint32_t row = 0; row < shape_.rows; ++row) {
    std::fill(sums.begin(), sums.end(), 0);
    for (uint32_t col = 0; col < shape_.cols; ++col) {
      const int value = weight(row, col);
      for (uint32_t m = 0; m < shape_.act_columns; ++m) sums[m] += value * x_[m * width + col];
    }
    for (uint32_t m = 0; m < shape_.act_columns; ++m) {
      max_abs[m] = std::max(max_abs[m], static_cast<uint32_t>(std::llabs(sums[m])));
      put(row / 5, row % 5 * columns + m, static_cast<uint32_t>(sums[m]));
    }
  }
  for (uint32_t plane = 0; plane < shape_.planes; ++plane) {
    for (uint32_t stripe = 0; stripe < stripes_; ++stripe) {
      if (shape_.value_layout && stripe >= shape_.rows) continue;
      for (uint32_t col = 0; col < shape_.cols; ++col) {
        illegal_codes_ += code(plane, stripe, col) >= spec::kT5Codes;
      }
    }
  }
  for (uint32_t m = 0; m < columns; ++m) put(entries, m, max_abs[m]);
  put(entries, columns, illegal_codes_);
  put(entries, columns + 1, shape_.tag);
}

spec::Command MatrixCase::load(uint64_t address) const {
  spec::Command command;
  command.opcode = static_cast<uint32_t>(spec::Opcode::kLoadAct);
  command.act_columns = shape_.act_columns;
  command.tag = shape_.tag;
  command.read_addr = static_cast<uint32_t>(address / spec::kAddrUnit);
  command.beats = shape_.act_columns * tiles_;
  command.cols = shape_.cols;
  return command;
}

spec::Command MatrixCase::matmul(uint64_t address, uint64_t result_address) const {
  spec::Command command;
  command.opcode = static_cast<uint32_t>(spec::Opcode::kMatmul);
  command.layout = shape_.value_layout;
  command.planes = shape_.planes;
  command.act_columns = shape_.act_columns;
  command.tag = shape_.tag;
  command.read_addr = static_cast<uint32_t>(address / spec::kAddrUnit);
  command.beats = tiles_ * shape_.planes * stripes_;
  command.rows = shape_.rows;
  command.cols = shape_.cols;
  command.block = shape_.block;
  command.stripes = stripes_;
  command.result_addr = static_cast<uint32_t>(result_address / spec::kAddrUnit);
  return command;
}

}  // namespace tern::test
