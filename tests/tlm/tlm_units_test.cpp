// SPDX-License-Identifier: Apache-2.0
// The units of the performance model, by hand from the RTL that each stands for.
#include <gtest/gtest.h>

#include "units.hpp"

namespace tern::tlm {
namespace {

using spec::Unit;

constexpr const spec::ChipConfig& kEdge = spec::kConfigs[1];  // 32 lanes

/// The table of docs/vector.md, for 7 lines of 32 and 3 rows.
TEST(VectorCycles, AreThoseOfTheUnit) {
  using spec::Reduce;
  using spec::ScalarOp;
  using spec::VectorOp;
  TopKList list;
  const auto vector = [&](VectorOp op, Reduce reduce = Reduce::kNone, uint32_t shift = 0) {
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(op);
    c.reduce = static_cast<uint32_t>(reduce);
    c.shift = shift;
    c.n = 32 * 7 - 5;
    c.rows = 3;
    return vector_cycles(c, kEdge, list);
  };
  for (VectorOp op : {VectorOp::kCopy, VectorOp::kScale, VectorOp::kSquare}) {
    EXPECT_EQ(vector(op), 31u);
    EXPECT_EQ(vector(op, Reduce::kMaxAbs), 34u);
  }
  for (VectorOp op : {VectorOp::kAdd, VectorOp::kSub, VectorOp::kMul, VectorOp::kMac}) {
    EXPECT_EQ(vector(op), 52u);
    EXPECT_EQ(vector(op, Reduce::kSum), 55u);
  }
  EXPECT_EQ(vector(VectorOp::kSumSquares, Reduce::kSum), 31u);
  EXPECT_EQ(vector(VectorOp::kJoin, Reduce::kMaxAbs), 52u);
  for (VectorOp op : {VectorOp::kExp2, VectorOp::kSilu}) {
    EXPECT_EQ(vector(op), 94u);
    EXPECT_EQ(vector(op, Reduce::kSum), 97u);
  }
  EXPECT_EQ(vector(VectorOp::kRope, Reduce::kMaxAbs), 98u);
  EXPECT_EQ(vector(VectorOp::kButterfly, Reduce::kNone, 4), 31u);
  EXPECT_EQ(vector(VectorOp::kButterfly, Reduce::kNone, 5), 32u);
  const auto scalar = [](ScalarOp op) {
    spec::ScalarCommand c;
    c.op = static_cast<uint32_t>(op);
    c.rows = 5;
    return scalar_cycles(c, kEdge);
  };
  EXPECT_EQ(scalar(ScalarOp::kBits), 16u);
  EXPECT_EQ(scalar(ScalarOp::kBits64), 16u);
  EXPECT_EQ(scalar(ScalarOp::kCommonExponent), 16u);
  EXPECT_EQ(scalar(ScalarOp::kScaleShift), 21u);
  EXPECT_EQ(scalar(ScalarOp::kFactor), 21u);
  EXPECT_EQ(scalar(ScalarOp::kMakeScale), 26u);
  EXPECT_EQ(scalar(ScalarOp::kScaleMul), 31u);
  EXPECT_EQ(scalar(ScalarOp::kScaleAdd), 31u);
  EXPECT_EQ(scalar(ScalarOp::kScaleSqrt), 106u);
  EXPECT_EQ(scalar(ScalarOp::kScaleDiv), 111u);
  EXPECT_EQ(scalar(ScalarOp::kMultiplier), 121u);
  EXPECT_EQ(scalar(ScalarOp::kTopKClear), 2u);
}

/// The store unit alone, by hand from rtl/cluster/store_unit.sv, for 64 bytes a beat and 32 lanes.
class StoreTimes : public testing::Test {
 protected:
  /// Cycle in which done_o pulses for a command pushed in 100, and so accepted in 102.
  Cycle done(const spec::StoreCommand& c) {
    Scoreboard board;
    FixedMemory memory({.write_latency = 8});
    StoreUnit unit(config_, memory, board, ports_, log_, activity_);
    unit.push(100, c.pack());
    unit.finish(1);
    return board.done_at(Unit::kStore, 1) - 1;
  }
  static spec::StoreCommand words(uint32_t count, uint32_t address = 0) {
    spec::StoreCommand c;
    c.format = static_cast<uint32_t>(spec::StoreFormat::kWord);
    c.addr_low = address;
    c.count = count;
    c.rows = 1;
    c.beat_stride = 1;
    return c;
  }
  PerfConfig config_;
  Ports ports_;
  EventLog log_;
  Activity activity_;
};

TEST_F(StoreTimes, OneBeatTakesTheWayThroughTheUnit) {
  EXPECT_EQ(done(words(4)), 102u + 7 + 8);
  EXPECT_EQ(activity_.memory_write_bytes, 16u);
  EXPECT_EQ(activity_.memory_write_bursts, 1u);
  // 16 words fill a beat; a line of 32 takes a step for each of its two beats.
  EXPECT_EQ(done(words(32)), 102u + 8 + 8);
  // From word 12 on: 4 words, then 16, then 12, from lines of 20 and 12.
  EXPECT_EQ(done(words(32, 48)), 102u + 9 + 8);
}

TEST_F(StoreTimes, ScatteredElementsAreABeatEach) {
  spec::StoreCommand c = words(64);
  c.format = static_cast<uint32_t>(spec::StoreFormat::kCode);
  c.scatter = 1;
  c.rows = 2;
  EXPECT_EQ(done(c), 102u + 7 + 127 + 8);
  EXPECT_EQ(activity_.scratch_store_reads, 4u);
}

TEST_F(StoreTimes, LinesWaitForTheVectorUnit) {
  ports_.read.reserve(103, 113, 1);
  EXPECT_EQ(done(words(4)), 102u + 10 + 7 + 8);
}

/// The checker hands a command over two cycles after it took it; a queue of three holds three.
TEST(Units, AFullQueueHoldsUpTheController) {
  PerfConfig config;
  config.chip.cmd_depth = 3;
  FixedMemory memory(config.memory);
  Units units(config, memory);
  spec::VectorCommand c;
  c.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
  c.n = 1;
  c.rows = 1000;  // 1010 cycles
  const auto issue = [&] { return units.issue(0, c.pack()); };
  EXPECT_EQ(issue(), 0u);  // at the unit in cycle 4
  EXPECT_EQ(issue(), 2u);
  EXPECT_EQ(issue(), 4u);
  EXPECT_EQ(issue(), 6u);
  EXPECT_EQ(issue(), 8u);             // stays in the checker until the second has begun
  EXPECT_EQ(issue(), 4u + 1010 + 1);  // and the sixth outside until then
  EXPECT_EQ(issue(), 4u + 2 * 1010 + 1);
  // The first is done a cycle after the second was accepted, and counts as done the cycle after.
  EXPECT_EQ(units.done(4 + 1010 + 1).counts, 0u);
  EXPECT_EQ(units.done(4 + 1010 + 2).counts, 1u << 16);
}

TEST(Units, StoresHaveAQueueOfTheirOwn) {
  PerfConfig config;
  config.chip.cmd_depth = 3;
  FixedMemory memory(config.memory);
  Units units(config, memory);
  spec::StoreCommand c;
  c.scatter = 1;
  c.count = 1000;  // as many beats: the unit is free 1005 cycles after it took the command
  c.rows = 1;
  c.beat_stride = 1;
  for (Cycle taken : {0u, 2u, 4u, 6u, 8u, 4u + 1005 + 1})
    EXPECT_EQ(units.issue(0, c.pack()), taken);
}

TEST(Units, StoresReadBehindTheVectorUnit) {
  PerfConfig config;
  FixedMemory memory(config.memory);
  Units units(config, memory);
  spec::VectorCommand copy;
  copy.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
  copy.n = 1;
  copy.rows = 1000;
  units.issue(0, copy.pack());  // reads in cycles 5 to 1004
  spec::StoreCommand store;
  store.count = 4;
  store.rows = 1;
  store.beat_stride = 1;
  units.issue(0, store.pack());  // would read in cycle 7
  EXPECT_EQ(spec::mmio::done::kStore.get(units.done(1005 + 14).counts), 0u);
  EXPECT_EQ(spec::mmio::done::kStore.get(units.done(1005 + 15).counts), 1u);
}

/// A LOAD brings a line a beat, and each waits for those of the vector unit.
TEST(Units, LoadsWriteBehindTheVectorUnit) {
  PerfConfig config;
  config.memory.read_latency = 1;
  FixedMemory memory(config.memory);
  const auto loaded = [&](bool beside) {
    Units units(config, memory);
    if (beside) {
      spec::VectorCommand copy;
      copy.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
      copy.dest = static_cast<uint32_t>(spec::Dest::kScratch);
      copy.n = 1;
      copy.rows = 1000;
      units.issue(0, copy.pack());
    }
    spec::LoadCommand load;
    load.beats = 50;
    load.count = 800;
    units.issue(0, load.pack());
    return units.done(0).changes;
  };
  EXPECT_LT(loaded(false), 100u);
  EXPECT_GT(loaded(true), 1000u);
}

TEST(TopKList, InsertsEverythingFirstAndLittleLater) {
  TopKList list;
  list.clear(64);
  const uint32_t first = list.insert(96, kEdge);
  EXPECT_EQ(first, 3u * 31);
  EXPECT_EQ(list.count(), 64u);
  const uint32_t second = list.insert(320, kEdge);
  EXPECT_GT(second, 0u);
  EXPECT_LT(second, first);
  for (int i = 0; i < 1000; ++i) list.insert(320, kEdge);
  EXPECT_EQ(list.insert(320, kEdge), 0u);
}

}  // namespace
}  // namespace tern::tlm
