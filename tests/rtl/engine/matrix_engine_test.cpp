// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "Vengine_edge_fast.h"
#include "Vengine_middle_tree.h"
#include "Vengine_nano_tree.h"
#include "Vengine_narrow_tree.h"
#include "Vengine_small_fast.h"
#include "Vengine_small_tree.h"
#include "engine_bench.hpp"
#include "oracle.hpp"

namespace tern::test {
namespace {

using spec::Format;
using spec::Group;
using spec::Layout;

constexpr uint32_t kAccDepth = 52;

struct NanoTree {
  using Model = Vengine_nano_tree;
  static constexpr bool kGroups = true, kSigns = true;
  static constexpr Sizes kSizes = {8, 1, 8};
  static constexpr uint32_t kTrees = 8;
  static constexpr uint32_t kActDepth = 2048;
};
struct SmallTree {
  using Model = Vengine_small_tree;
  static constexpr bool kGroups = false, kSigns = false;
  static constexpr Sizes kSizes = {8, 2, 8};
  static constexpr uint32_t kTrees = 5;
  static constexpr uint32_t kActDepth = 4096;
};
struct SmallFast {
  using Model = Vengine_small_fast;
  static constexpr bool kGroups = true, kSigns = true;
  static constexpr Sizes kSizes = {8, 2, 8};
  static constexpr uint32_t kTrees = 5;
  static constexpr uint32_t kActDepth = 4096;
};
struct MiddleTree {
  using Model = Vengine_middle_tree;
  static constexpr bool kGroups = true, kSigns = true;
  static constexpr Sizes kSizes = {16, 3, 16};
  static constexpr uint32_t kTrees = 5;
  static constexpr uint32_t kActDepth = 1024;
};
/// Fewer lanes than an entry has rows.
struct NarrowTree {
  using Model = Vengine_narrow_tree;
  static constexpr bool kGroups = false, kSigns = false;
  static constexpr Sizes kSizes = {8, 1, 4};
  static constexpr uint32_t kTrees = 5;
  static constexpr uint32_t kActDepth = 2048;
};
struct EdgeFast {
  using Model = Vengine_edge_fast;
  static constexpr bool kGroups = true, kSigns = true;
  static constexpr Sizes kSizes = {64, 8, 32};
  static constexpr uint32_t kTrees = 8;
  static constexpr uint32_t kActDepth = 2048;
};

template <class Config>
class MatrixEngine : public testing::Test {
 protected:
  static constexpr Sizes kSizes = Config::kSizes;

  MatrixEngine() {
    x.assign(kSizes.act_columns, std::vector<int8_t>(size_t{Config::kActDepth} * kSizes.columns));
  }

  uint32_t between(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(bench.random);
  }

  /// Writes one group of activations, the bytes of the mask only.
  template <class Make>
  void write_group(uint32_t m, uint32_t tile, uint32_t offset, uint32_t mask, Make make) {
    std::vector<int8_t> bytes(kSizes.lanes);
    const size_t first = size_t{tile} * kSizes.columns + offset * kSizes.lanes;
    for (uint32_t i = 0; i < kSizes.lanes; ++i) {
      bytes[i] = static_cast<int8_t>(make());
      if (mask >> i & 1) x[m][first + i] = bytes[i];
    }
    bench.write_activations(m, tile, offset, mask, bytes.data());
  }
  template <class Make>
  void write_tiles(uint32_t first, uint32_t cols, uint32_t act_columns, Make make) {
    for (uint32_t m = 0; m < act_columns; ++m) {
      for (uint32_t t = 0; t < tile_count(kSizes, cols); ++t) {
        for (uint32_t offset = 0; offset < kSizes.columns / kSizes.lanes; ++offset) {
          write_group(m, first + t, offset, ~0u, make);
        }
      }
    }
  }
  void write_random_tiles(uint32_t first, uint32_t cols, uint32_t act_columns) {
    write_tiles(first, cols, act_columns, [&] { return between(0, 255); });
  }

  /// Largest scale with which no sum can leave its bound.
  static uint32_t largest_scale(const Shape& shape) {
    uint64_t most = 128 * uint64_t{shape.cols};
    for (uint32_t p = 0, power = 1; p + 1 < shape.planes; ++p)
      most += (power *= 3) * 128ull * shape.cols;
    return static_cast<uint32_t>(std::min<uint64_t>(spec::kScaleMax, spec::kGroupedSumMax / most));
  }

  /// Queues a product; `make(beat, byte)` gives the weights, and random scales of up to `largest`
  /// go to their places.
  template <class Make>
  void multiply(const Shape& shape, Make make, uint32_t largest = 0) {
    std::vector<Beat> beats(beat_count(kSizes, shape));
    for (size_t i = 0; i < beats.size(); ++i) {
      beats[i].bytes.resize(kSizes.columns);
      for (uint32_t c = 0; c < kSizes.columns; ++c) {
        beats[i].bytes[c] = static_cast<uint8_t>(make(i, c));
      }
    }
    const spec::MatrixShape matrix = matrix_shape(kSizes, shape);
    for (uint32_t g = 0; g < matrix.groups(); ++g) {
      for (uint32_t stripe = 0; stripe < shape.stripes; ++stripe) {
        uint32_t scales[5];
        for (uint32_t& s : scales) {
          s = largest ? largest : between(0, largest_scale(shape)) >> (between(0, 3) ? 0 : 6);
        }
        const uint64_t at = matrix.scale_offset(stripe, g * spec::group_columns(shape.group));
        for (uint32_t i = 0; i < 8; ++i) {
          beats.at((at + i) / kSizes.columns).bytes[(at + i) % kSizes.columns] =
              static_cast<uint8_t>(spec::scale_word(scales) >> (8 * i));
        }
      }
    }
    beats.back().last = true;
    bench.commands.push_back(matmul_command(kSizes, shape));
    bench.beats.insert(bench.beats.end(), beats.begin(), beats.end());
    products.push_back(expected_product(kSizes, shape, x, beats, illegal));
  }
  void multiply_random(const Shape& shape, double illegal_rate) {
    multiply(shape, [&](size_t, uint32_t) {
      return std::bernoulli_distribution(illegal_rate)(bench.random) ? between(243, 255)
                                                                     : between(0, 242);
    });
  }

  void load_random(const LoadShape& shape) {
    std::vector<Beat> beats(shape.beats);
    for (Beat& beat : beats) {
      beat.bytes.resize(kSizes.columns);
      for (uint8_t& byte : beat.bytes) byte = static_cast<uint8_t>(between(0, 255));
    }
    beats.back().last = true;
    bench.commands.push_back(load_command(shape));
    bench.beats.insert(bench.beats.end(), beats.begin(), beats.end());
    loads.push_back(expected_load(shape, beats, illegal));
  }
  LoadShape random_load() {
    LoadShape shape;
    shape.format = static_cast<Format>(between(0, Config::kGroups ? 2 : 1));
    shape.beats = between(1, between(0, 3) ? 8 : 60);
    const uint32_t most = shape.beats * elements_of(shape.format, kSizes.columns);
    shape.count = between(0, 3) ? between(1, most) : most;
    shape.dst = between(0, 0xfffff);
    return shape;
  }

  /// A legal shape with `cols` columns.
  Shape random_shape(uint32_t cols, uint32_t act_columns) {
    Shape shape;
    shape.cols = cols;
    shape.act_columns = between(1, act_columns);
    const bool value = between(0, 1);
    if (value) shape.layout = Layout::kValue;
    if (!value && Config::kSigns && between(0, 1)) shape.layout = Layout::kSign;
    if (!value && Config::kGroups) shape.group = static_cast<Group>(between(0, 2));
    const bool sign = shape.layout == Layout::kSign;
    shape.planes = value || sign ? 1 : between(1, 5);
    shape.stripes = between(1, between(0, 3) ? 40 : 4 * kAccDepth);
    if (value) {
      // The only block may have any number of rows; several are of a multiple of five.
      shape.stripes = between(1, between(0, 3) ? 60 : 2 * 5 * kAccDepth);
      shape.block = 5 * between(1, between(0, 2) ? 6 : kAccDepth);
      if (between(0, 3) == 0 && shape.stripes <= 5 * kAccDepth) shape.block = shape.stripes;
    } else if (sign) {
      shape.stripes = 8 * between(1, between(0, 3) ? 6 : 20);
      shape.block = 8 * between(1, between(0, 2) ? 2 : kAccDepth / 8);
    } else {
      shape.block = between(1, between(0, 2) ? 12 : kAccDepth);
    }
    const uint32_t most = value ? shape.stripes : 5 * shape.stripes;
    shape.rows = between(0, 3) ? between(1, most) : most;
    shape.dst = between(0, 0xfffff);
    shape.dst_stride = (shape.rows + 15) / 16 + between(0, 100);
    shape.max_reg = between(0, 255);
    return shape;
  }

  static void expect_equal(const std::vector<Effect>& got, const std::vector<Effect>& expected,
                           const char* what) {
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(got[i].words.size(), expected[i].words.size()) << what << " " << i;
      ASSERT_EQ(got[i].words, expected[i].words) << what << " " << i;
      ASSERT_EQ(got[i].scalars, expected[i].scalars) << what << " " << i;
    }
  }
  void run_and_check(uint64_t max_cycles = 1'000'000) {
    bench.run(max_cycles);
    ASSERT_NO_FATAL_FAILURE(expect_equal(bench.matmuls, products, "product"));
    ASSERT_NO_FATAL_FAILURE(expect_equal(bench.loads, loads, "load"));
    EXPECT_TRUE(bench.nothing_unreported());
    EXPECT_FALSE(bench.model().shape_error_o);
    EXPECT_EQ(bench.illegal, illegal);
    bench.matmuls.clear();
    bench.loads.clear();
    products.clear();
    loads.clear();
  }

  EngineBench<typename Config::Model> bench{kSizes.columns, kSizes.lanes};
  Activations x;
  std::vector<Effect> products, loads;
  uint64_t illegal = 0;
};

using Configs = testing::Types<NanoTree, SmallTree, SmallFast, MiddleTree, NarrowTree, EdgeFast>;
TYPED_TEST_SUITE(MatrixEngine, Configs);

TYPED_TEST(MatrixEngine, EqualsTheDefinitionForRandomCommandsGapsAndBackPressure) {
  const auto rate = [&](int round, int period) {
    return round % period == 0 ? 0.1 : round % period == 1 ? 0.5 : 1.0;
  };
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    this->bench.beat_rate = round % 3 ? 1.0 : 0.6;
    this->bench.result_rate = rate(round, 4);
    this->bench.load_rate = rate(round, 5);
    this->bench.max_rate = rate(round, 7);
    const uint32_t cols =
        this->between(1, round % 3 ? 5 * this->kSizes.columns : 150 + 2 * this->kSizes.columns);
    const uint32_t act_columns = this->between(1, this->kSizes.act_columns);
    const uint32_t tile = this->between(0, TypeParam::kActDepth - tile_count(this->kSizes, cols));
    this->write_random_tiles(tile, cols, act_columns);
    for (int i = 0; i < 5; ++i) {
      this->write_group(this->between(0, act_columns - 1),
                        tile + this->between(0, tile_count(this->kSizes, cols) - 1),
                        this->between(0, this->kSizes.columns / this->kSizes.lanes - 1),
                        this->between(0, 0xffff), [&] { return this->between(0, 255); });
    }
    for (uint32_t commands = this->between(1, 8); commands > 0; --commands) {
      if (this->between(0, 2) == 0) {
        this->load_random(this->random_load());
        continue;
      }
      const uint32_t used = this->between(1, cols);
      Shape shape = this->random_shape(used, act_columns);
      shape.act_tile =
          tile + this->between(0, tile_count(this->kSizes, cols) - tile_count(this->kSizes, used));
      this->multiply_random(shape, this->between(0, 1) ? 0.05 : 0.0);
    }
    ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  }
}

TYPED_TEST(MatrixEngine, TakesActivationsWhileAProductReadsOthers) {
  const uint32_t cols = 4 * this->kSizes.columns;
  const uint32_t groups = this->kSizes.columns / this->kSizes.lanes;
  this->write_random_tiles(0, cols, this->kSizes.act_columns);
  Shape shape = {.rows = 400, .cols = cols, .stripes = 80, .block = 16};
  shape.act_columns = this->kSizes.act_columns;
  shape.dst_stride = 30;
  this->multiply_random(shape, 0);
  // Tiles 4 to 7, all of them more than once, in any order.
  for (uint32_t m = 0; m < this->kSizes.act_columns; ++m) {
    for (uint32_t i = 0; i < 8 * groups; ++i) {
      this->write_group(m, 4 + i % 4, i / 4 % groups, ~0u, [&] { return this->between(0, 255); });
    }
  }
  EXPECT_TRUE(this->bench.model().busy_o);
  EXPECT_GT(this->bench.matmul_beats, 0u);
  shape.act_tile = 4;
  this->multiply_random(shape, 0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, LeavesNoBubbleBetweenManySmallBlocks) {
  const uint32_t cols = 3 * this->kSizes.columns;
  this->write_random_tiles(0, cols, 1);
  const Shape shape = {.rows = 1600, .cols = cols, .stripes = 320, .block = 16};
  this->multiply_random(shape, 0);
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.matmul_beats, beat_count(this->kSizes, shape));
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles - start, this->bench.matmul_beats + 80);
}

TYPED_TEST(MatrixEngine, TakesABeatInNinetyNinePercentOfCyclesWithAllColumns) {
  constexpr uint32_t kSize = 2560;
  this->write_random_tiles(0, kSize, this->kSizes.act_columns);
  Shape shape = {.rows = kSize, .cols = kSize, .stripes = kSize / 5, .block = 8};
  shape.act_columns = this->kSizes.act_columns;
  shape.dst_stride = kSize / 16;
  this->multiply_random(shape, 0);
  while (!this->bench.matmul_beats) this->bench.step();
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  const uint64_t cycles = this->bench.cycles - start + 1;
  EXPECT_GE(static_cast<double>(this->bench.matmul_beats), 0.99 * static_cast<double>(cycles));
  this->RecordProperty("beats", std::to_string(this->bench.matmul_beats));
  this->RecordProperty("cycles", std::to_string(cycles));
}

// Two tiles a block, as many columns as the chip has: what the attention scores ask for.
TYPED_TEST(MatrixEngine, KeepsPaceWithTheKeysOfTheCache) {
  const uint32_t cols = 128;
  this->write_random_tiles(0, cols, this->kSizes.act_columns);
  const uint32_t block = this->kSizes.columns == 8 ? 5 : 20;
  Shape shape = {
      .rows = 600, .cols = cols, .stripes = 600, .block = block, .layout = Layout::kValue};
  shape.act_columns = this->kSizes.act_columns;
  shape.dst_stride = 40;
  this->multiply_random(shape, 0);
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles - start, this->bench.matmul_beats + 80);
}

/// More rows than an output head has, one beat each.
TYPED_TEST(MatrixEngine, CountsTheRowsOfATallMatrix) {
  const uint32_t cols = this->kSizes.columns;
  this->write_random_tiles(0, cols, 1);
  this->multiply_random(
      {.rows = 140'000, .cols = cols, .stripes = 140'000, .block = 20, .layout = Layout::kValue},
      0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, StreamsTheNextProductWhileTheLastOneDrains) {
  // An entry drains in as many cycles as it has writes, and is made in as many as there are tiles.
  const uint32_t tiles = this->kSizes.lanes < 5 ? 3 : 2;
  const uint32_t cols = tiles * this->kSizes.columns;
  this->write_random_tiles(0, cols, 1);
  Shape shape = {.rows = 100, .cols = cols, .stripes = 20, .block = 20};
  for (int i = 0; i < 20; ++i) this->multiply_random(shape, 0);
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles - start, this->bench.matmul_beats + 20 * 4 + 80);
}

TYPED_TEST(MatrixEngine, LoadsABeatInEveryCycleInWhichItsWritesAllowIt) {
  const uint32_t beats = 200;
  for (const Format format : {Format::kWord, Format::kHalf, Format::kTrit}) {
    if (format == Format::kTrit && !TypeParam::kGroups) continue;
    const uint32_t elements = elements_of(format, this->kSizes.columns);
    const uint32_t writes =
        elements / elements_at_once(format, this->kSizes.columns, this->kSizes.lanes);
    this->load_random({.beats = beats, .count = beats * elements, .dst = 1001, .format = format});
    const uint64_t start = this->bench.cycles;
    ASSERT_NO_FATAL_FAILURE(this->run_and_check());
    EXPECT_LT(this->bench.cycles - start, beats * writes + 8);
  }
  EXPECT_EQ(this->bench.load_beats, (TypeParam::kGroups ? 3 : 2) * beats);
}

TYPED_TEST(MatrixEngine, SumsExactlyAtFullScale) {
  const uint32_t cols = TypeParam::kActDepth * this->kSizes.columns;
  this->write_tiles(0, cols, 1, [] { return -128; });
  Shape shape = {.rows = 3, .cols = cols, .stripes = 3, .block = 3};
  shape.layout = Layout::kValue;
  // Rows of +121, of -121, and of both by turns.
  this->multiply(shape, [](size_t beat, uint32_t c) {
    return beat % 3 == 0 ? 242 : beat % 3 == 1 ? 0 : c % 2 ? 242 : 0;
  });
  shape = {.rows = 10, .cols = cols, .stripes = 2, .block = 2, .planes = 5};
  this->multiply(shape, [](size_t beat, uint32_t) { return beat % 2 ? 242 : 0; });
  EXPECT_EQ(this->products.front().words[0], -121 * 128 * static_cast<int64_t>(cols));
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, CountsIllegalCodesWhereTheyAreVisible) {
  const uint32_t cols = this->kSizes.columns + 3;
  this->write_random_tiles(0, cols, 1);
  Shape shape = {.rows = 20, .cols = cols, .stripes = 5, .block = 2, .planes = 2};
  this->multiply(shape, [](size_t, uint32_t) { return 255; });
  shape = {.rows = 4, .cols = cols, .stripes = 5, .block = 5, .layout = Layout::kValue};
  this->multiply(shape, [](size_t, uint32_t) { return 243; });
  this->multiply(shape, [](size_t, uint32_t) { return 242; });
  this->load_random({.beats = 20, .count = 5});
  if (TypeParam::kSigns) {
    shape = {.rows = 40, .cols = cols, .stripes = 8, .block = 8, .layout = Layout::kSign};
    this->multiply(shape, [](size_t, uint32_t) { return 255; });
  }
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.illegal, cols * (5 * 2 + 4));

  // Of the second code of trits one element is written, of the third none.
  if (!TypeParam::kGroups) return;
  this->load_random({.beats = 1, .count = 6, .format = Format::kTrit});
  for (uint8_t& byte : this->bench.beats.back().bytes) byte = 250;
  this->loads.clear();
  this->bench.run();
  EXPECT_EQ(this->bench.illegal, cols * (5 * 2 + 4) + 2);
  ASSERT_EQ(this->bench.loads.size(), 1u);
  for (const auto& [word, value] : this->bench.loads[0].words) EXPECT_EQ(value, 0) << word;
}

// What the beats of scales cost, and five beats of signs: a cycle each with eight trees, else
// eight.
TYPED_TEST(MatrixEngine, TakesScalesAndSignsAtTheRateOfTheirBeats) {
  if (!TypeParam::kGroups || !TypeParam::kSigns) GTEST_SKIP() << "built without them";
  const uint32_t cols = 256;
  this->write_random_tiles(0, cols, 1);
  const uint32_t tiles = tile_count(this->kSizes, cols);
  for (const Group group : {Group::kNone, Group::kColumns64, Group::kColumns128}) {
    for (const Layout layout : {Layout::kPlane, Layout::kSign}) {
      for (const uint32_t block : {8u, 16u, 24u}) {
        const Shape shape = {.rows = 5 * 96,
                             .cols = cols,
                             .stripes = 96,
                             .block = block,
                             .layout = layout,
                             .group = group};
        this->multiply_random(shape, 0);
        const uint64_t start = this->bench.cycles, beats = this->bench.matmul_beats;
        const uint64_t stalls = this->bench.stalled_read;
        ASSERT_NO_FATAL_FAILURE(this->run_and_check());
        const uint64_t scales =
            group == Group::kNone
                ? 0
                : 96 / block * matrix_shape(this->kSizes, shape).groups() *
                      ((8 * block + this->kSizes.columns - 1) / this->kSizes.columns);
        EXPECT_EQ(this->bench.matmul_beats - beats,
                  scales + tiles * (layout == Layout::kSign ? 60 : 96));
        EXPECT_EQ(this->bench.stalled_read - stalls, 0u);
        EXPECT_EQ(this->bench.stalled_drain, 0u);
        const bool eights = layout == Layout::kSign && TypeParam::kTrees == 8;
        EXPECT_LT(this->bench.cycles - start, scales + tiles * (eights ? 60 : 96) + 80);
      }
    }
  }
}

// As large as a sum may be, with the largest scale.
TYPED_TEST(MatrixEngine, ScalesExactlyAtFullScale) {
  if (!TypeParam::kGroups) GTEST_SKIP() << "built without scales";
  const uint32_t cols = spec::kGroupedSumMax / (128 * spec::kScaleMax);
  this->write_tiles(0, cols, 1, [] { return -128; });
  Shape shape = {.rows = 40, .cols = cols, .stripes = 8, .block = 8, .group = Group::kColumns128};
  this->multiply(
      shape, [](size_t, uint32_t) { return 242; }, spec::kScaleMax);
  EXPECT_EQ(this->products.back().words[0], -128 * 4095 * static_cast<int64_t>(cols));
  if (TypeParam::kSigns) {
    shape.layout = Layout::kSign;
    this->multiply(
        shape, [](size_t, uint32_t) { return 0; }, spec::kScaleMax);
    EXPECT_EQ(this->products.back().words[0], 128 * 4095 * static_cast<int64_t>(cols));
  }
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

// Blocks so short that scales of later groups come while sums of earlier ones are in the array.
TYPED_TEST(MatrixEngine, KeepsScalesOfShortBlocksApart) {
  if (!TypeParam::kGroups) GTEST_SKIP() << "built without scales";
  const uint32_t cols = 700;
  this->write_random_tiles(0, cols, 1);
  for (const uint32_t block : {1u, 2u, 3u, kAccDepth}) {
    for (const Group group : {Group::kColumns64, Group::kColumns128}) {
      this->multiply_random(
          {.rows = 5 * 60, .cols = cols, .stripes = 60, .block = block, .group = group}, 0.01);
    }
  }
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, KeepsCommandsApartWhileResultsWaitAndLoadsComeBetween) {
  this->bench.result_rate = 0.02;
  this->bench.max_rate = 0.1;
  const uint32_t cols = this->kSizes.columns;
  this->write_random_tiles(0, cols, 1);
  Shape shape = {.rows = 20, .cols = cols, .stripes = 4, .block = 4};
  for (uint32_t i = 0; i < 12; ++i) {
    if (i % 3 != 1) this->load_random(this->random_load());
    shape.max_reg = 10 * i;
    shape.dst = 1000 * i;
    this->multiply(shape, [i](size_t beat, uint32_t c) { return beat + c < i ? 250 : c; });
  }
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, StopsWhenTheSegmentEndsElsewhere) {
  // A product or a load, too early or too late; then products of signs, and with scales.
  for (const int kind : {0, 1, 2, 3, 4, 5, 6, 7}) {
    if (kind >= 4 && !(TypeParam::kSigns && TypeParam::kGroups)) continue;
    this->bench.reset();
    this->write_random_tiles(0, 2 * this->kSizes.columns, 1);
    if (kind >= 4) {
      Shape shape = {.rows = 80, .cols = 2 * this->kSizes.columns, .stripes = 16, .block = 8};
      if (kind < 6) {
        shape.layout = Layout::kSign;
      } else {
        shape.group = Group::kColumns64;
      }
      this->multiply_random(shape, 0);
    } else if (kind < 2) {
      this->multiply_random(
          {.rows = 20, .cols = 2 * this->kSizes.columns, .stripes = 4, .block = 2}, 0);
    } else {
      this->load_random({.beats = 8, .count = 8});
    }
    this->bench.beats.back().last = false;
    if (kind % 2 == 0) this->bench.beats[4].last = true;
    EXPECT_THROW(this->bench.run(1000), std::runtime_error);
    EXPECT_TRUE(this->bench.model().shape_error_o);
    EXPECT_TRUE(this->bench.model().busy_o);
    EXPECT_FALSE(this->bench.model().beat_ready_o);
    EXPECT_TRUE(this->bench.matmuls.empty());
    EXPECT_TRUE(this->bench.loads.empty());
  }
  this->bench.reset();
  this->products.clear();
  this->loads.clear();
  this->load_random({.beats = 3, .count = 6});
  this->multiply_random({.rows = 5, .cols = this->kSizes.columns}, 0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

}  // namespace
}  // namespace tern::test
