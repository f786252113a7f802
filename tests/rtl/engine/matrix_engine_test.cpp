#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "Vengine_edge_fast.h"
#include "Vengine_nano_tree.h"
#include "Vengine_narrow_tree.h"
#include "Vengine_small_fast.h"
#include "Vengine_small_tree.h"
#include "engine_bench.hpp"
#include "oracle.hpp"

namespace tern::test {
namespace {

constexpr uint32_t kAccDepth = 52;

struct NanoTree {
  using Model = Vengine_nano_tree;
  static constexpr Sizes kSizes = {8, 1, 8};
  static constexpr uint32_t kActDepth = 2048;
};
struct SmallTree {
  using Model = Vengine_small_tree;
  static constexpr Sizes kSizes = {8, 2, 8};
  static constexpr uint32_t kActDepth = 4096;
};
struct SmallFast {
  using Model = Vengine_small_fast;
  static constexpr Sizes kSizes = {8, 2, 8};
  static constexpr uint32_t kActDepth = 4096;
};
/// Fewer lanes than an entry has rows.
struct NarrowTree {
  using Model = Vengine_narrow_tree;
  static constexpr Sizes kSizes = {8, 1, 4};
  static constexpr uint32_t kActDepth = 2048;
};
struct EdgeFast {
  using Model = Vengine_edge_fast;
  static constexpr Sizes kSizes = {64, 8, 32};
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

  /// Queues a product; `make(beat, byte)` gives the weights.
  template <class Make>
  void multiply(const Shape& shape, Make make) {
    std::vector<Beat> beats(beat_count(kSizes, shape));
    for (size_t i = 0; i < beats.size(); ++i) {
      beats[i].bytes.resize(kSizes.columns);
      for (uint32_t c = 0; c < kSizes.columns; ++c) {
        beats[i].bytes[c] = static_cast<uint8_t>(make(i, c));
      }
    }
    beats.back().last = true;
    bench.commands.push_back(matmul_command(kSizes, shape));
    bench.beats.insert(bench.beats.end(), beats.begin(), beats.end());
    products.push_back(expected_product(kSizes, shape, x, beats));
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
    loads.push_back(expected_load(shape, beats));
  }
  LoadShape random_load() {
    LoadShape shape;
    shape.half = between(0, 1);
    shape.beats = between(1, between(0, 3) ? 8 : 60);
    const uint32_t most = shape.beats * kSizes.columns / (shape.half ? 2 : 4);
    shape.count = between(0, 3) ? between(1, most) : most;
    shape.dst = between(0, 0xfffff);
    return shape;
  }

  /// A legal shape with `cols` columns.
  Shape random_shape(uint32_t cols, uint32_t act_columns) {
    Shape shape;
    shape.cols = cols;
    shape.act_columns = between(1, act_columns);
    shape.value_layout = between(0, 1);
    shape.planes = shape.value_layout ? 1 : between(1, 5);
    shape.stripes = between(1, between(0, 3) ? 40 : 4 * kAccDepth);
    if (shape.value_layout) {
      // The only block may have any number of rows; several are of a multiple of five.
      shape.stripes = between(1, between(0, 3) ? 60 : 2 * 5 * kAccDepth);
      shape.block = 5 * between(1, between(0, 2) ? 6 : kAccDepth);
      if (between(0, 3) == 0 && shape.stripes <= 5 * kAccDepth) shape.block = shape.stripes;
    } else {
      shape.block = between(1, between(0, 2) ? 12 : kAccDepth);
    }
    const uint32_t most = shape.value_layout ? shape.stripes : 5 * shape.stripes;
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
    bench.matmuls.clear();
    bench.loads.clear();
    products.clear();
    loads.clear();
  }

  EngineBench<typename Config::Model> bench{kSizes.columns, kSizes.lanes};
  Activations x;
  std::vector<Effect> products, loads;
};

using Configs = testing::Types<NanoTree, SmallTree, SmallFast, NarrowTree, EdgeFast>;
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
    const uint32_t cols = this->between(1, 5 * this->kSizes.columns);
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
  Shape shape = {.rows = 600, .cols = cols, .stripes = 600, .block = block, .value_layout = true};
  shape.act_columns = this->kSizes.act_columns;
  shape.dst_stride = 40;
  this->multiply_random(shape, 0);
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles - start, this->bench.matmul_beats + 80);
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
  for (const bool half : {false, true}) {
    const uint32_t elements = this->kSizes.columns / (half ? 2 : 4);
    const uint32_t writes = (elements + this->kSizes.lanes - 1) / this->kSizes.lanes;
    this->load_random({.beats = beats, .count = beats * elements, .dst = 1001, .half = half});
    const uint64_t start = this->bench.cycles;
    ASSERT_NO_FATAL_FAILURE(this->run_and_check());
    EXPECT_LT(this->bench.cycles - start, beats * writes + 8);
  }
  EXPECT_EQ(this->bench.load_beats, 2 * beats);
}

TYPED_TEST(MatrixEngine, SumsExactlyAtFullScale) {
  const uint32_t cols = TypeParam::kActDepth * this->kSizes.columns;
  this->write_tiles(0, cols, 1, [] { return -128; });
  Shape shape = {.rows = 3, .cols = cols, .stripes = 3, .block = 3};
  shape.value_layout = true;
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
  shape = {.rows = 4, .cols = cols, .stripes = 5, .block = 5, .value_layout = true};
  this->multiply(shape, [](size_t, uint32_t) { return 243; });
  this->multiply(shape, [](size_t, uint32_t) { return 242; });
  this->load_random({.beats = 20, .count = 5});
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.illegal, cols * (5 * 2 + 4));
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
  for (const int kind : {0, 1, 2, 3}) {  // a product or a load, too early or too late
    this->bench.reset();
    this->write_random_tiles(0, 2 * this->kSizes.columns, 1);
    if (kind < 2) {
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
