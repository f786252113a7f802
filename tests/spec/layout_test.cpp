// SPDX-License-Identifier: Apache-2.0
// The address arithmetic of the layouts against a plain walk in stream order.
#include "spec/numerics/layout.hpp"

#include <gtest/gtest.h>

#include <algorithm>
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

/// A command with every field at its largest gives back those fields, no bit twice, and each field
/// lies where its handle says.
template <typename Command>
void expect_disjoint(std::initializer_list<std::pair<uint32_t Command::*, Field>> fields) {
  Command all{};
  all.opcode = 0;
  uint32_t bits = 0, set = 0;
  for (const auto& [member, field] : fields) {
    all.*member = field.max();
    bits += field.width;
    Command one{};
    one.opcode = 0;
    one.*member = field.max();
    EXPECT_EQ(one.pack().w[field.word], field.mask());
  }
  const CommandWords words = all.pack();
  for (const uint32_t word : words.w) set += static_cast<uint32_t>(std::popcount(word));
  EXPECT_EQ(set, bits);
  const Command again = Command::unpack(words);
  for (const auto& [member, field] : fields) EXPECT_EQ(again.*member, all.*member);
}

TEST(Command, FieldsDoNotOverlap) {
  using L = LoadCommand;
  expect_disjoint<L>({{&L::wait_load, fields::load::kWaitLoad},
                      {&L::wait_store, fields::load::kWaitStore},
                      {&L::format, fields::load::kFormat},
                      {&L::read_addr, fields::load::kReadAddr},
                      {&L::beats, fields::load::kBeats},
                      {&L::count, fields::load::kCount},
                      {&L::dst, fields::load::kDst}});
  using M = MatmulCommand;
  expect_disjoint<M>({{&M::layout, fields::matmul::kLayout},
                      {&M::planes, fields::matmul::kPlanes},
                      {&M::act_columns, fields::matmul::kActColumns},
                      {&M::max_reg, fields::matmul::kMaxReg},
                      {&M::rows, fields::matmul::kRows},
                      {&M::block, fields::matmul::kBlock},
                      {&M::cols, fields::matmul::kCols},
                      {&M::act_tile, fields::matmul::kActTile},
                      {&M::stripes, fields::matmul::kStripes},
                      {&M::dst, fields::matmul::kDst},
                      {&M::dst_stride, fields::matmul::kDstStride}});
  using V = VectorCommand;
  expect_disjoint<V>({{&V::op, fields::vector::kOp},
                      {&V::reduce, fields::vector::kReduce},
                      {&V::dest, fields::vector::kDest},
                      {&V::shift, fields::vector::kShift},
                      {&V::a, fields::vector::kA},
                      {&V::scalar, fields::vector::kScalar},
                      {&V::act_step, fields::vector::kActStep},
                      {&V::b, fields::vector::kB},
                      {&V::reduce_reg, fields::vector::kReduceReg},
                      {&V::act_column, fields::vector::kActColumn},
                      {&V::dst, fields::vector::kDst},
                      {&V::act_tile, fields::vector::kActTile},
                      {&V::n, fields::vector::kN},
                      {&V::rows, fields::vector::kRows},
                      {&V::act_group, fields::vector::kActGroup},
                      {&V::act_tile_stride, fields::vector::kActTileStride}});
  EXPECT_EQ(opcode_of(MatmulCommand{}.pack()), ChipOpcode::kMatmul);
}

TEST(Parameters, HoldTheConfigurationsAndTheirRules) {
  for (const ChipConfig& config : kConfigs) {
    for (const Parameter& p : kParameters)
      EXPECT_TRUE(p.holds(config.*p.member)) << config.name << ' ' << p.name;
  }
  const auto holds = [](uint32_t ChipConfig::*member, uint32_t value) {
    return std::ranges::find(kParameters, member, &Parameter::member)->holds(value);
  };
  for (const uint32_t columns : {0u, 4u, 12u, 128u})
    EXPECT_FALSE(holds(&ChipConfig::columns, columns));
  for (const uint32_t tokens : {0u, 7u, 1285u}) EXPECT_FALSE(holds(&ChipConfig::key_block, tokens));
  EXPECT_TRUE(holds(&ChipConfig::cmd_depth, ~0u));
}

}  // namespace
}  // namespace tern::spec
