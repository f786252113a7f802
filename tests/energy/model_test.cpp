// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tern::energy {
namespace {

constexpr spec::ChipConfig kChip{.name = "test",
                                 .columns = 32,
                                 .act_columns = 4,
                                 .lanes = 16,
                                 .fifo_beats = 64,
                                 .burst_beats = 16,
                                 .cmd_depth = 8,
                                 .acc_depth = 52,
                                 .act_depth = 64,
                                 .row_block = 8,
                                 .key_block = 20,
                                 .scratch_words = 16384};

Figure pj(double value) { return {value, "pJ", Tag::kDerived, "test"}; }

/// Blocks with round numbers: sums can be made by hand.
Technology technology() {
  Technology t;
  t.name = "test";
  const Figure leak{0, "uW", Tag::kMeasured, "test"};
  const auto block = [&](std::map<std::string, Figure, std::less<>> cycle) {
    return Block{std::move(cycle), {}, leak, pj(1), pj(1)};
  };
  t.blocks["array"] = block({{"weights", pj(11)}, {"head", pj(7)}, {"idle", pj(5)}});
  t.blocks["array_m2"] = block({{"weights", pj(21)}, {"head", pj(13)}, {"idle", pj(9)}});
  t.blocks["digit_weight"] = block({{"weights", pj(3)}, {"head", pj(4)}, {"idle", pj(2)}});
  t.blocks["accumulator_bank"] = block({{"bank", pj(60)}, {"idle", pj(52)}});
  t.blocks["vector_lane"] = block({{"idle", pj(10)}});
  t.blocks["vector_lane"].operation = {
      {"scale/element", pj(100)}, {"multiply/element", pj(200)}, {"accumulate/element", pj(300)}};
  t.sram = {{64, 8}, {1 << 20, 8}};  // 1 pJ a byte
  t.sram_tag = Tag::kMeasured;
  t.wires = {1.5, "", Tag::kProjected, "test"};
  return t;
}

Dram memory() {
  Dram d;
  d.activate = {1e-9, "J", Tag::kDerived, "test"};
  d.read = {10e-12, "J/byte", Tag::kDerived, "test"};
  d.write = {20e-12, "J/byte", Tag::kDerived, "test"};
  d.refresh = {100e-9, "J", Tag::kDerived, "test"};
  d.open_standby = {0.2, "W", Tag::kDerived, "test"};
  d.idle_standby = {0.1, "W", Tag::kDerived, "test"};
  d.phy = {5e-12, "J/byte", Tag::kMeasured, "test"};
  d.row_bytes = 8192;
  return d;
}

constexpr ModelOptions kCells{ClockGating::kUnits, false};

/// Whether the report says that something is not in it.
bool names(const Report& report, std::string_view what) {
  return std::any_of(report.missing.begin(), report.missing.end(),
                     [&](const std::string& text) { return text.find(what) != std::string::npos; });
}

TEST(EnergyModel, BeatsOfWeightsCostDecodersOnceAndLanesForEachColumn) {
  Counts c;
  c.plane = {10, 30};
  const Report r = estimate(c, kChip, technology(), memory(), kCells);
  // 2 tiles; decoders 2*11-21 = 1, lanes 21-11 = 10; digits 3; five additions of 60 - 51 = 9.
  EXPECT_NEAR(r.joules(Unit::kCore), (10 * 2 * 1 + 30 * 2 * 10 + 30 * 3 + 30 * 5 * 9) * 1e-12,
              1e-18);
  // FIFO 2 * 10 * 32 bytes, activations 30 * 32 bytes.
  EXPECT_NEAR(r.joules(Unit::kSram), (640 + 960) * 1e-12, 1e-18);
  EXPECT_EQ(r.joules(Unit::kPhy), 0);
  EXPECT_EQ(r.joules(Unit::kDram), 0);
}

TEST(EnergyModel, BeatsOfValuesAddOnceAColumn) {
  Counts c;
  c.value = {10, 20};
  const Report r = estimate(c, kChip, technology(), memory(), kCells);
  EXPECT_NEAR(r.joules(Unit::kCore), (10 * 2 * 1 + 20 * 2 * 6 + 20 * 4 + 20 * 9) * 1e-12, 1e-18);
}

TEST(EnergyModel, StepsOfSignsCostAsManyTreesAsThereAre) {
  Counts c;
  c.sign = {10, 30};
  const Report five = estimate(c, kChip, technology(), memory(), kCells);
  EXPECT_NEAR(five.joules(Unit::kCore), (10 * 2 * 1 + 30 * 2 * 10 + 30 * 3 + 30 * 5 * 9) * 1e-12,
              1e-18);
  // Ten steps are 50 rows, of which a beat has eight.
  EXPECT_NEAR(five.joules(Unit::kSram), (2 * 6.25 * 32 + 960) * 1e-12, 1e-18);
  spec::ChipConfig chip = kChip;
  chip.trees = 8;
  const Report eight = estimate(c, chip, technology(), memory(), kCells);
  EXPECT_NEAR(eight.joules(Unit::kCore),
              (10 * 2 * 1 + 30 * 1.6 * 2 * 10 + 30 * 1.6 * 3 + 30 * 8 * 9) * 1e-12, 1e-18);
  EXPECT_NEAR(eight.joules(Unit::kSram), (640 + 960) * 1e-12, 1e-18);
}

TEST(EnergyModel, WithoutGatingWhatIsUnusedIsClocked) {
  Counts c;
  c.cycles = 100;
  c.plane = {10, 30};
  const double gated = estimate(c, kChip, technology(), memory(), kCells).joules();
  const double all =
      estimate(c, kChip, technology(), memory(), {ClockGating::kNone, false}).joules();
  // Decoders 2*5-9 = 1 in 90 cycles, lanes 4 in 400 - 30, both of 2 tiles; digits 2 in 370; banks
  // 52 in 100 * 4 * 5 less the 150/52 that additions clock; 16 lanes of the vector unit.
  const double unused = 90 * 2 * 1 + 370 * 2 * 4 + 370 * 2 + (2000 - 150.0 / 52) * 52 + 1600 * 10;
  EXPECT_NEAR(all - gated, unused * 1e-12, 1e-17);
}

TEST(EnergyModel, VectorElementsAndMemoriesAddUp) {
  Counts c;
  c.vector = {5, 7, 9};
  c.scratch_reads = 11;
  c.scratch_writes = 13;
  c.activation_bytes = 17;
  c.controller_accesses = 19;
  c.load_beats = 2;
  const Report r = estimate(c, kChip, technology(), memory(), kCells);
  EXPECT_NEAR(r.joules(Unit::kCore), (500 + 1400 + 2700) * 1e-12, 1e-18);
  EXPECT_NEAR(r.joules(Unit::kSram), (11 * 4 + 13 * 4 + 17 + 19 * 4 + 2 * 2 * 32) * 1e-12, 1e-18);
}

TEST(EnergyModel, ControllerCostsByWhatItDoes) {
  Technology t = technology();
  t.blocks["controller"] =
      Block{{{"work", pj(20)}, {"poll", pj(30)}, {"stall", pj(10)}, {"firmware", pj(1000)}},
            {},
            {},
            {},
            {}};
  Counts c;
  c.controller_cycles = 3;
  c.controller_polls = 5;
  c.controller_stalls = 7;
  const Report r = estimate(c, kChip, t, memory(), kCells);
  EXPECT_NEAR(r.joules(Unit::kCore), (60 + 150 + 70) * 1e-12, 1e-18);
  EXPECT_EQ(r.tag(Unit::kCore), Tag::kDerived);
  // An instruction is fetched in each cycle but the stalled ones.
  EXPECT_NEAR(r.joules(Unit::kSram), (3 + 5) * 4 * 1e-12, 1e-18);
}

TEST(EnergyModel, WithoutAMeasuredControllerItsCoreIsLeftOutAndNamed) {
  Counts c;
  c.controller_stalls = 7;
  const Report without = estimate(c, kChip, technology(), memory(), kCells);
  EXPECT_EQ(without.joules(), 0);
  EXPECT_TRUE(names(without, "the controller's core"));
  Technology t = technology();
  t.blocks["controller"] =
      Block{{{"work", pj(1)}, {"poll", pj(1)}, {"stall", pj(1)}}, {}, {}, {}, {}};
  EXPECT_FALSE(names(estimate(c, kChip, t, memory(), kCells), "the controller's core"));
}

TEST(EnergyModel, DramCostsEventsAndTime) {
  Counts c;
  c.dram = {1000, 100, 3, 2, 1e-6, 2e-6};
  const Report r = estimate(c, kChip, technology(), memory(), kCells);
  EXPECT_NEAR(r.joules(Unit::kDram), 10e-9 + 2e-9 + 3e-9 + 200e-9 + 0.2e-6 + 0.2e-6, 1e-15);
  EXPECT_NEAR(r.joules(Unit::kPhy), 5.5e-9, 1e-15);
}

TEST(EnergyModel, AStreamOpensEachRowOnce) {
  Dram d = memory();
  d.refresh_seconds = 2e-6;
  const DramCounts c = stream_counts(81'920'000, 8'192, 1e-3, d);
  EXPECT_NEAR(c.activates, 10'001, 1e-6);
  EXPECT_NEAR(c.refreshes, 500, 1e-6);
  EXPECT_EQ(c.open_seconds, 1e-3);
  d.row_bytes = d.refresh_seconds = 0;  // part of what a byte costs
  EXPECT_EQ(stream_counts(81'920'000, 0, 1e-3, d).activates, 0);
  EXPECT_EQ(stream_counts(81'920'000, 0, 1e-3, d).refreshes, 0);
}

TEST(EnergyModel, LeakageIsThatOfAllTreesAndBanks) {
  Technology t = technology();
  t.blocks["array"].leakage.value = 100;
  t.blocks["array_m2"].leakage.value = 160;
  t.blocks["digit_weight"].leakage.value = 3;
  t.blocks["accumulator_bank"].leakage.value = 7;
  t.blocks["vector_lane"].leakage.value = 11;
  Counts c;
  c.seconds = 1;
  // 2 tiles of 40 for the decoders and 60 for each of 4 columns; digit weights, five banks a
  // column; 16 lanes.
  EXPECT_NEAR(estimate(c, kChip, t, memory(), kCells).joules(Unit::kCore),
              (2 * (40 + 4 * 60) + 4 * 3 + 4 * 5 * 7 + 16 * 11) * 1e-6, 1e-12);
  spec::ChipConfig eight = kChip;
  eight.trees = 8;
  EXPECT_NEAR(estimate(c, eight, t, memory(), kCells).joules(Unit::kCore),
              (2 * (40 + 4 * 1.6 * 60) + 4 * 1.6 * 3 + 4 * 8 * 7 + 16 * 11) * 1e-6, 1e-12);
}

TEST(EnergyModel, ScalesOfGroupsPassTheFifo) {
  Counts c;
  c.scale_beats = 10;
  EXPECT_NEAR(estimate(c, kChip, technology(), memory(), kCells).joules(), 2 * 10 * 32e-12, 1e-18);
}

TEST(EnergyModel, WhatIsRecalledMarksItsPart) {
  Technology t = technology();
  t.sram_recalled = true;
  Counts c;
  c.vector.scale = 10;
  EXPECT_FALSE(estimate(c, kChip, t, memory(), kCells).recalled());
  c.scratch_reads = 1;
  const Report r = estimate(c, kChip, t, memory(), kCells);
  EXPECT_TRUE(r.recalled(Unit::kSram));
  EXPECT_FALSE(r.recalled(Unit::kCore));
  EXPECT_TRUE(r.recalled());
}

TEST(EnergyModel, WiresAreAFactorOnTheCore) {
  Counts c;
  c.vector.scale = 10;
  const Report r = estimate(c, kChip, technology(), memory());
  EXPECT_NEAR(r.joules(Unit::kCore), 1500e-12, 1e-18);
  EXPECT_EQ(r.tag(Unit::kCore), Tag::kProjected);
}

TEST(EnergyModel, ATotalIsWorthItsWeakestTerm) {
  Counts c;
  c.vector.scale = 10;
  EXPECT_EQ(estimate(c, kChip, technology(), memory(), kCells).tag(), Tag::kDerived);
  c.tag = Tag::kProjected;
  EXPECT_EQ(estimate(c, kChip, technology(), memory(), kCells).tag(), Tag::kProjected);
}

TEST(EnergyModel, WhatIsNotMeasuredIsNamed) {
  Technology t = technology();
  t.blocks.erase("vector_lane");
  Counts c;
  c.controller_cycles = 1;
  const Report r = estimate(c, kChip, t, memory(), kCells);
  EXPECT_TRUE(names(r, "vector lanes"));
  EXPECT_TRUE(names(r, "the controller's core"));
}

// Time and activity are parts of a run as much as two stretches of it are.
TEST(EnergyModel, PartsOfARunAddUpToIt) {
  Technology t = technology();
  t.blocks["controller"] =
      Block{{{"work", pj(20)}, {"poll", pj(30)}, {"stall", pj(10)}}, {}, {}, {}, {}};
  t.blocks["digit_weight"].leakage.value = 3;
  Counts moves, time;
  moves.plane = {10, 30};
  moves.sign = {11, 13};
  moves.value = {17, 170};
  moves.vector = {5, 7, 9};
  moves.scale_beats = 3;
  moves.load_beats = 4;
  moves.scratch_reads = 19;
  moves.activation_bytes = 23;
  moves.dram = {1000, 100, 3, 0, 0, 0};
  time.cycles = 100;
  time.seconds = 1e-6;
  time.controller_cycles = 29;
  time.controller_stalls = 71;
  time.controller_accesses = 31;
  time.dram = {0, 0, 0, 2, 1e-6, 2e-6};
  Counts all = moves;
  all += time;
  const double whole = estimate(all, kChip, t, memory()).joules();
  EXPECT_NEAR(
      estimate(moves, kChip, t, memory()).joules() + estimate(time, kChip, t, memory()).joules(),
      whole, 1e-14 * whole);
}

TEST(EnergyModel, CountsOfRunsAddUp) {
  Counts a, b;
  a.plane = {1, 2};
  b.plane = {3, 4};
  b.dram.activates = 5;
  b.tag = Tag::kDerived;
  a += b;
  EXPECT_EQ(a.plane.beats, 4u);
  EXPECT_EQ(a.plane.column_beats, 6u);
  EXPECT_EQ(a.dram.activates, 5);
  EXPECT_EQ(a.tag, Tag::kDerived);
}

}  // namespace
}  // namespace tern::energy
