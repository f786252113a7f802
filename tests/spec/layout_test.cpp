// The address arithmetic of the layouts against a plain walk in stream order.
#include "spec/numerics/layout.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tern::spec {
namespace {

/// Walks the stream as the engine does and checks that offset() names every byte once, in order.
void check_stream_order(const MatrixShape& s) {
  uint64_t expected = 0;
  for (uint32_t first = 0; first < s.stripes; first += s.block) {
    const uint32_t end = std::min(s.stripes, first + s.block);
    for (uint32_t tile = 0; tile < s.tiles(); ++tile) {
      for (uint32_t plane = 0; plane < s.planes; ++plane) {
        for (uint32_t stripe = first; stripe < end; ++stripe) {
          for (uint32_t c = 0; c < s.columns; ++c)
            ASSERT_EQ(s.offset(stripe, tile * s.columns + c, plane), expected++);
        }
      }
    }
  }
  EXPECT_EQ(expected, s.bytes());
}

TEST(MatrixShape, OffsetsFollowTheStreamOrder) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    MatrixShape s;
    s.columns = 8u << rng() % 4;
    s.layout = rng() % 2 ? Layout::kPlane : Layout::kValue;
    s.planes = s.layout == Layout::kPlane ? 1 + rng() % 5 : 1;
    s.rows = 1 + rng() % 90;
    s.cols = 1 + rng() % 150;
    s.stripes = ceil_div(s.rows, s.rows_per_stripe());
    s.block = 1 + rng() % 12;
    check_stream_order(s);
  }
}

TEST(KeyCache, AddressOfATokenDoesNotDependOnHowManyFollow) {
  for (uint32_t columns : {8u, 64u}) {
    const MatrixShape full = key_cache_shape(512, 128, 20, columns);
    for (uint32_t tokens : {1u, 19u, 20u, 21u, 500u}) {
      const MatrixShape part = key_cache_shape(tokens, 128, 20, columns);
      check_stream_order(part);
      for (uint32_t d = 0; d < 128; d += 13)
        EXPECT_EQ(part.offset(tokens - 1, d), full.offset(tokens - 1, d));
    }
  }
}

TEST(ValueCache, AddressOfATokenDoesNotDependOnHowManyFollow) {
  for (uint32_t columns : {8u, 64u}) {
    const MatrixShape full = value_cache_shape(512, 100, columns);
    for (uint32_t tokens : {1u, 63u, 64u, 65u, 500u}) {
      const MatrixShape part = value_cache_shape(tokens, 100, columns);
      check_stream_order(part);
      for (uint32_t d = 0; d < 100; d += 7)
        EXPECT_EQ(part.offset(d, tokens - 1), full.offset(d, tokens - 1));
    }
  }
}

TEST(Results, EveryRowAndColumnHasItsOwnWord) {
  for (const ChipConfig& chip : kConfigs) {
    std::set<uint64_t> seen;
    for (uint32_t row = 0; row < 23; ++row) {
      for (uint32_t m = 0; m < chip.act_columns; ++m) {
        const uint64_t at = result_offset(chip, row, m);
        EXPECT_EQ(at % 4, 0u);
        EXPECT_EQ(at / result_entry_bytes(chip), row / 5);
        EXPECT_TRUE(seen.insert(at).second);
      }
    }
    EXPECT_EQ(result_entry_bytes(chip) % chip.columns, 0u);
    EXPECT_GE(result_entry_bytes(chip), 20 * chip.act_columns);
  }
}

TEST(Command, FieldsDoNotOverlap) {
  Command::Words all{};
  for (uint32_t bit = 0; bit < 32; ++bit) {
    for (auto field : {&Command::opcode, &Command::layout, &Command::planes, &Command::act_columns,
                       &Command::tag, &Command::read_addr, &Command::beats, &Command::rows,
                       &Command::cols, &Command::block, &Command::stripes, &Command::result_addr}) {
      const uint32_t width = field == &Command::opcode || field == &Command::tag ? 8
                             : field == &Command::layout                         ? 1
                             : field == &Command::planes                         ? 3
                             : field == &Command::act_columns                    ? 4
                             : field == &Command::block                          ? 16
                                                                                 : 32;
      if (bit >= width) continue;
      Command c;
      c.*field = 1u << bit;
      const Command::Words words = c.pack();
      for (uint32_t w = 0; w < kCommandWords; ++w) {
        EXPECT_EQ(all.w[w] & words.w[w], 0u) << "word " << w << " bit " << bit;
        all.w[w] |= words.w[w];
      }
    }
  }
}

}  // namespace
}  // namespace tern::spec
