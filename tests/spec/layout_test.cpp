// The address arithmetic of the layouts against a plain walk in stream order.
#include "spec/numerics/layout.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <initializer_list>
#include <random>
#include <set>
#include <utility>

namespace tern::spec {
namespace {

/// Of the layout Sign: five beats of eight rows each for every eight stripes.
void check_sign_beats(const MatrixShape& s, uint32_t first, uint32_t end, uint32_t tile,
                      uint64_t& expected) {
  for (uint32_t row = 5 * first; row < 5 * end; row += 8) {
    for (uint32_t c = 0; c < s.columns; ++c, ++expected) {
      for (uint32_t bit = 0; bit < 8; ++bit) {
        ASSERT_EQ(s.sign_offset(row + bit, tile * s.columns + c), expected);
        ASSERT_EQ(MatrixShape::row_bit(row + bit), bit);
      }
    }
  }
}

/// Walks the stream as the engine does and checks that offset() names every byte once, in order.
void check_stream_order(const MatrixShape& s) {
  uint64_t expected = 0;
  const uint32_t group = s.group == Group::kNone ? 0 : s.group == Group::kColumns64 ? 64 : 128;
  for (uint32_t first = 0; first < s.stripes; first += s.block) {
    const uint32_t end = std::min(s.stripes, first + s.block);
    for (uint32_t tile = 0; tile < s.tiles(); ++tile) {
      if (group != 0 && tile * s.columns % group == 0) {
        for (uint32_t stripe = first; stripe < end; ++stripe) {
          for (uint32_t c = tile * s.columns; c < tile * s.columns + group; ++c)
            ASSERT_EQ(s.scale_offset(stripe, c), expected + 8 * (stripe - first));
        }
        expected += (8 * (end - first) + s.columns - 1) / s.columns * s.columns;
      }
      if (s.layout == Layout::kSign) {
        check_sign_beats(s, first, end, tile, expected);
        continue;
      }
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
    if (s.layout == Layout::kValue) continue;
    s.group = rng() % 2 ? Group::kColumns64 : Group::kColumns128;
    s.cols = 1 + rng() % 300;
    check_stream_order(s);
  }
}

TEST(MatrixShape, SignsFollowTheStreamOrder) {
  std::mt19937 rng(2);
  for (int round = 0; round < 100; ++round) {
    MatrixShape s;
    s.columns = 8u << rng() % 4;
    s.layout = Layout::kSign;
    s.rows = 1 + rng() % 300;
    s.cols = 1 + rng() % 300;
    s.stripes = stripes_for(s.rows, s.layout);
    s.block = 8 * (1 + rng() % 6);
    s.group = static_cast<Group>(rng() % kGroupCount);
    EXPECT_EQ(s.stripes % 8, 0u);
    EXPECT_GE(5 * s.stripes, s.rows);
    EXPECT_LT(5 * s.stripes, s.rows + 40);
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

/// A command with every field at its largest gives back those fields, and no bit twice.
template <typename Command>
void expect_disjoint(std::initializer_list<std::pair<uint32_t Command::*, uint32_t>> fields) {
  Command all{};
  all.opcode = 0;
  uint32_t bits = 0, set = 0;
  for (const auto& [member, width] : fields) {
    all.*member = width == 32 ? ~0u : (1u << width) - 1;
    bits += width;
  }
  const CommandWords words = all.pack();
  for (const uint32_t word : words.w) set += static_cast<uint32_t>(std::popcount(word));
  EXPECT_EQ(set, bits);
  const Command again = Command::unpack(words);
  for (const auto& [member, width] : fields) EXPECT_EQ(again.*member, all.*member);
}

TEST(Command, FieldsDoNotOverlap) {
  using L = LoadCommand;
  expect_disjoint<L>({{&L::wait_load, LoadBits::wait_load},
                      {&L::wait_store, LoadBits::wait_store},
                      {&L::format, LoadBits::format},
                      {&L::read_addr, LoadBits::read_addr},
                      {&L::beats, LoadBits::beats},
                      {&L::count, LoadBits::count},
                      {&L::dst, LoadBits::dst}});
  using M = MatmulCommand;
  expect_disjoint<M>({{&M::layout, MatmulBits::layout},
                      {&M::planes, MatmulBits::planes},
                      {&M::act_columns, MatmulBits::act_columns},
                      {&M::max_reg, MatmulBits::max_reg},
                      {&M::rows, MatmulBits::rows},
                      {&M::block, MatmulBits::block},
                      {&M::cols, MatmulBits::cols},
                      {&M::act_tile, MatmulBits::act_tile},
                      {&M::stripes, MatmulBits::stripes},
                      {&M::dst, MatmulBits::dst},
                      {&M::dst_stride, MatmulBits::dst_stride}});
  using V = VectorCommand;
  expect_disjoint<V>({{&V::op, VectorBits::op},
                      {&V::reduce, VectorBits::reduce},
                      {&V::dest, VectorBits::dest},
                      {&V::shift, VectorBits::shift},
                      {&V::a, VectorBits::a},
                      {&V::scalar, VectorBits::scalar},
                      {&V::act_step, VectorBits::act_step},
                      {&V::b, VectorBits::b},
                      {&V::reduce_reg, VectorBits::reduce_reg},
                      {&V::act_column, VectorBits::act_column},
                      {&V::dst, VectorBits::dst},
                      {&V::act_tile, VectorBits::act_tile},
                      {&V::n, VectorBits::n},
                      {&V::rows, VectorBits::rows},
                      {&V::act_group, VectorBits::act_group},
                      {&V::act_tile_stride, VectorBits::act_tile_stride}});
  EXPECT_EQ(MatmulCommand{}.pack().w[0] & 0xff, static_cast<uint32_t>(ChipOpcode::kMatmul));
}

}  // namespace
}  // namespace tern::spec
