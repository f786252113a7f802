// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "Vactivations_0.h"
#include "Vactivations_1.h"
#include "bits.hpp"

namespace tern::test {
namespace {

constexpr uint32_t kColumns = 32, kActColumns = 3, kActDepth = 16, kLanes = 8;

template <class Model>
class ActivationBuffer : public testing::Test {};
using Bodies = testing::Types<Vactivations_0, Vactivations_1>;
TYPED_TEST_SUITE(ActivationBuffer, Bodies);

TYPED_TEST(ActivationBuffer, KeepsMaskedBytesAndReadsPlanesWhileItIsWritten) {
  VerilatedContext context;
  TypeParam m(&context);
  std::mt19937 random(7);
  const auto between = [&](uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random);
  };
  using Tile = std::array<uint8_t, kColumns>;
  std::array<std::array<Tile, kActDepth>, kActColumns> stored{};
  std::array<Tile, kActColumns> read{};

  const auto clock = [&] {
    m.clk_i = 0;
    m.eval();
    m.clk_i = 1;
    m.eval();
  };
  const auto write = [&](uint32_t column, uint32_t tile, uint32_t offset, uint32_t mask) {
    m.write_i = 1;
    m.write_column_i = column;
    m.write_tile_i = tile;
    m.write_offset_i = offset;
    m.write_mask_i = mask;
    uint64_t data = (uint64_t{random()} << 32) | random();
    m.write_data_i = data;
    for (uint32_t i = 0; i < kLanes; ++i, data >>= 8) {
      if (mask >> i & 1) stored[column][tile][offset * kLanes + i] = static_cast<uint8_t>(data);
    }
  };
  m.read_i = 0;
  for (uint32_t column = 0; column < kActColumns; ++column) {
    for (uint32_t tile = 0; tile < kActDepth; ++tile) {
      for (uint32_t offset = 0; offset < kColumns / kLanes; ++offset) {
        write(column, tile, offset, 0xff);
        clock();
      }
    }
  }

  for (int cycle = 0; cycle < 5000; ++cycle) {
    m.read_i = cycle == 0 || between(0, 3) != 0;
    m.read_tile_i = between(0, kActDepth - 1);
    m.read_columns_i = cycle == 0 ? kActColumns : between(1, kActColumns);
    if (m.read_i) {  // before the write: a read gives the old bytes
      for (uint32_t column = 0; column < m.read_columns_i; ++column) {
        read[column] = stored[column][m.read_tile_i];
      }
    }
    m.write_i = 0;
    if (between(0, 1)) {
      write(between(0, kActColumns - 1), between(0, kActDepth - 1),
            between(0, kColumns / kLanes - 1), between(0, 255));
    }
    clock();
    for (uint32_t column = 0; column < kActColumns; ++column) {
      for (uint32_t b = 0; b < 8; ++b) {
        uint32_t expected = 0;
        for (uint32_t c = 0; c < kColumns; ++c) {
          expected |= uint32_t{read[column][c] >> b & 1u} << c;
        }
        ASSERT_EQ(get_word(m.planes_o, 8 * column + b), expected)
            << "cycle " << cycle << " column " << column << " plane " << b;
      }
    }
  }
  m.final();
}

}  // namespace
}  // namespace tern::test
