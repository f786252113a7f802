#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "Vengine_edge_fast.h"
#include "Vengine_small_fast.h"
#include "Vengine_small_tree.h"
#include "engine_bench.hpp"
#include "oracle.hpp"

namespace tern::test {
namespace {

constexpr uint32_t kAccDepth = 52;

struct SmallTree {
  using Model = Vengine_small_tree;
  static constexpr Sizes kSizes = {8, 2};
  static constexpr uint32_t kActDepth = 16384;
};
struct SmallFast {
  using Model = Vengine_small_fast;
  static constexpr Sizes kSizes = {8, 2};
  static constexpr uint32_t kActDepth = 16384;
};
struct EdgeFast {
  using Model = Vengine_edge_fast;
  static constexpr Sizes kSizes = {64, 8};
  static constexpr uint32_t kActDepth = 256;
};

template <class Config>
class MatrixEngine : public testing::Test {
 protected:
  static constexpr Sizes kSizes = Config::kSizes;

  uint32_t between(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(bench.random);
  }

  /// Fills the activation buffer: `make(m, column)` for every column, beyond the matrix too.
  template <class Make>
  void load(uint32_t cols, uint32_t act_columns, Make make) {
    x.assign(act_columns, std::vector<int8_t>(tile_count(kSizes, cols) * kSizes.columns));
    for (uint32_t m = 0; m < act_columns; ++m) {
      for (uint32_t c = 0; c < x[m].size(); ++c) x[m][c] = static_cast<int8_t>(make(m, c));
    }
    bench.commands.push_back(load_command(kSizes, cols, act_columns, 0));
    const auto beats = load_beats(kSizes, x, cols);
    bench.beats.insert(bench.beats.end(), beats.begin(), beats.end());
    ++loads;
  }
  void load_random(uint32_t cols, uint32_t act_columns) {
    load(cols, act_columns, [&](uint32_t, uint32_t) { return between(0, 255); });
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
    const auto results = expected_results(kSizes, shape, x, beats);
    expected.insert(expected.end(), results.begin(), results.end());
  }
  void multiply_random(const Shape& shape, double illegal_rate) {
    multiply(shape, [&](size_t, uint32_t) {
      return std::bernoulli_distribution(illegal_rate)(bench.random) ? between(243, 255)
                                                                     : between(0, 242);
    });
  }

  /// A legal shape on the activations that are loaded, with `cols` columns.
  Shape random_shape(uint32_t cols) {
    Shape shape;
    shape.cols = cols;
    shape.act_columns = between(1, static_cast<uint32_t>(x.size()));
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
    shape.tag = static_cast<uint8_t>(between(0, 255));
    shape.result_unit = between(0, ~uint32_t{0});
    return shape;
  }

  void run_and_check(uint64_t max_cycles = 1'000'000) {
    bench.run(max_cycles);
    ASSERT_EQ(bench.results.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(bench.results[i].addr, expected[i].addr) << "result " << i;
      ASSERT_EQ(bench.results[i].last, expected[i].last) << "result " << i;
      ASSERT_EQ(bench.results[i].words, expected[i].words) << "result " << i;
    }
    EXPECT_EQ(bench.loads_done, loads);
    EXPECT_FALSE(bench.model().shape_error_o);
  }

  EngineBench<typename Config::Model> bench{kSizes.columns, kSizes.act_columns};
  Activations x;
  std::vector<Result> expected;
  uint64_t loads = 0;
};

using Configs = testing::Types<SmallTree, SmallFast, EdgeFast>;
TYPED_TEST_SUITE(MatrixEngine, Configs);

TYPED_TEST(MatrixEngine, EqualsTheDefinitionForRandomShapesGapsAndBackPressure) {
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    this->bench.beat_rate = round % 3 ? 1.0 : 0.6;
    this->bench.result_rate = round % 4 == 0 ? 0.1 : round % 4 == 1 ? 0.5 : 1.0;
    for (uint32_t loads = this->between(1, 3); loads > 0; --loads) {
      const uint32_t cols = this->between(1, 5 * this->kSizes.columns);
      this->load_random(cols, this->between(1, this->kSizes.act_columns));
      for (uint32_t products = this->between(0, 3); products > 0; --products) {
        this->multiply_random(this->random_shape(this->between(1, cols)),
                              this->between(0, 1) ? 0.05 : 0.0);
      }
    }
    ASSERT_NO_FATAL_FAILURE(this->run_and_check());
    this->bench.results.clear();
    this->expected.clear();
  }
}

TYPED_TEST(MatrixEngine, LeavesNoBubbleBetweenManySmallBlocks) {
  const uint32_t cols = 3 * this->kSizes.columns;
  this->load_random(cols, 1);
  const Shape shape = {.rows = 1600, .cols = cols, .stripes = 320, .block = 16};
  this->multiply_random(shape, 0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.matmul_beats, beat_count(this->kSizes, shape));
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles, this->bench.matmul_beats + 80);
}

TYPED_TEST(MatrixEngine, TakesABeatInNinetyEightPercentOfCycles) {
  constexpr uint32_t kSize = 2560;
  this->load_random(kSize, 1);
  const Shape shape = {.rows = kSize, .cols = kSize, .stripes = kSize / 5, .block = 8};
  this->multiply_random(shape, 0);
  while (!this->bench.matmul_beats) this->bench.step();
  const uint64_t start = this->bench.cycles;
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  const uint64_t cycles = this->bench.cycles - start + 1;
  EXPECT_GE(static_cast<double>(this->bench.matmul_beats), 0.98 * static_cast<double>(cycles));
  this->RecordProperty("beats", std::to_string(this->bench.matmul_beats));
  this->RecordProperty("cycles", std::to_string(cycles));
}

TYPED_TEST(MatrixEngine, StreamsTheNextProductWhileTheLastOneDrains) {
  const uint32_t cols = 2 * this->kSizes.columns;
  this->load_random(cols, 1);
  Shape shape = {.rows = 100, .cols = cols, .stripes = 20, .block = 20};
  for (int i = 0; i < 20; ++i) this->multiply_random(shape, 0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.stalled_drain, 0u);
  EXPECT_LT(this->bench.cycles, this->bench.matmul_beats + 20 * 4 + 80);
}

TYPED_TEST(MatrixEngine, SumsExactlyAtFullScale) {
  const uint32_t cols = TypeParam::kActDepth * this->kSizes.columns;
  this->load(cols, 1, [](uint32_t, uint32_t) { return -128; });
  Shape shape = {.rows = 3, .cols = cols, .stripes = 3, .block = 3};
  shape.value_layout = true;
  // Rows of +121, of -121, and of both by turns.
  this->multiply(shape, [](size_t beat, uint32_t c) {
    return beat % 3 == 0 ? 242 : beat % 3 == 1 ? 0 : c % 2 ? 242 : 0;
  });
  shape = {.rows = 10, .cols = cols, .stripes = 2, .block = 2, .planes = 5};
  this->multiply(shape, [](size_t beat, uint32_t) { return beat % 2 ? 242 : 0; });
  EXPECT_EQ(this->expected.front().words[0], -121 * 128 * static_cast<int64_t>(cols));
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, CountsIllegalCodesOfEachCommandWhereTheyAreVisible) {
  const uint32_t cols = this->kSizes.columns + 3;
  this->load_random(cols, 1);
  Shape shape = {.rows = 20, .cols = cols, .stripes = 5, .block = 2, .planes = 2, .tag = 7};
  this->multiply(shape, [](size_t, uint32_t) { return 255; });
  shape = {.rows = 4, .cols = cols, .stripes = 5, .block = 5, .value_layout = true};
  this->multiply(shape, [](size_t, uint32_t) { return 243; });
  this->multiply(shape, [](size_t, uint32_t) { return 242; });
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
  EXPECT_EQ(this->bench.illegal, cols * (5 * 2 + 4));
}

TYPED_TEST(MatrixEngine, KeepsCountsApartWhileResultsWaitAndLoadsComeBetween) {
  this->bench.result_rate = 0.02;
  const uint32_t cols = this->kSizes.columns;
  Shape shape = {.rows = 20, .cols = cols, .stripes = 4, .block = 4};
  for (uint32_t i = 0; i < 12; ++i) {
    if (i % 3 != 1) this->load_random(cols, 1);
    shape.tag = static_cast<uint8_t>(i);
    this->multiply(shape, [i](size_t beat, uint32_t c) { return beat + c < i ? 250 : c; });
  }
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

TYPED_TEST(MatrixEngine, StopsWhenTheSegmentEndsElsewhere) {
  for (const bool early : {true, false}) {
    this->bench.reset();
    this->load_random(2 * this->kSizes.columns, 1);
    this->multiply_random({.rows = 20, .cols = 2 * this->kSizes.columns, .stripes = 4, .block = 2},
                          0);
    this->bench.beats.back().last = false;
    if (early) this->bench.beats[4].last = true;
    EXPECT_THROW(this->bench.run(1000), std::runtime_error);
    EXPECT_TRUE(this->bench.model().shape_error_o);
    EXPECT_TRUE(this->bench.model().busy_o);
    EXPECT_FALSE(this->bench.model().beat_ready_o);
    for (const Result& result : this->bench.results) EXPECT_FALSE(result.last);
  }
  this->bench.reset();
  this->bench.loads_done = this->loads = 0;
  this->expected.clear();
  this->load_random(this->kSizes.columns, 1);
  this->multiply_random({.rows = 5, .cols = this->kSizes.columns}, 0);
  ASSERT_NO_FATAL_FAILURE(this->run_and_check());
}

}  // namespace
}  // namespace tern::test
