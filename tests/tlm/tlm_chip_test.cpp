// SPDX-License-Identifier: Apache-2.0
// The performance model as a whole: what can be told without RTL.
#include "tlm_chip.hpp"

#include <gtest/gtest.h>

#include <map>

#include "io/error.hpp"
#include "io/synth.hpp"
#include "timing_run.hpp"

namespace tern::tlm {
namespace {

io::Skeleton demo(const spec::ChipConfig& chip, int layers = 0) {
  return io::make_skeleton(io::config_of(io::find_preset("demo"), {.layers = layers}), chip,
                           "demo");
}

/// What the firmware asks for follows from the shape alone.
TEST(TlmChip, StreamsWhatTheShapeNeeds) {
  for (const spec::ChipConfig& chip : spec::kConfigs) {
    PerfConfig config;
    config.chip = chip;
    TlmChip model(config);
    const io::Skeleton skeleton = demo(chip);
    TimingRun run(model, skeleton);
    const Counters c = run.decode(100, 1);
    const spec::ModelDescriptor& m = skeleton.model;
    uint64_t beats = m.head.beats;
    for (const spec::LayerDescriptor& l : skeleton.layers) {
      for (const spec::MatrixDescriptor& w : l.matrix) beats += w.beats;
    }
    const auto keys = spec::key_cache_shape(101, m.head_dim, m.key_block, chip.columns).beats();
    const auto values = spec::value_cache_shape(101, m.head_dim, chip.columns).beats();
    // With one activation column every query head and limb reads the cache for itself.
    const uint64_t reads = chip.act_columns == 1 ? m.heads / m.kv_heads : 1;
    const uint64_t limbs = chip.act_columns == 1 ? 2 : 1;
    beats += m.layers * m.kv_heads * reads * (keys + limbs * values);
    EXPECT_EQ(c.beats, beats) << chip.name;
    EXPECT_GT(work_cycles(c), beats);
  }
}

TEST(TlmChip, SaysTheSameEveryTime) {
  PerfConfig config;
  const io::Skeleton skeleton = demo(config.chip);
  const auto ask = [&] {
    TlmChip model(config);
    TimingRun run(model, skeleton);
    run.prefill(0, 20);
    return run.decode(20, 5);
  };
  const Counters a = ask(), b = ask();
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.stall_idle, b.stall_idle);
  EXPECT_EQ(a.stall_wait, b.stall_wait);
}

/// A token at a position costs the same whether the tokens before it were run or not.
TEST(TimingRun, ReachesAPositionWithoutTheTokensBefore) {
  PerfConfig config;
  const io::Skeleton skeleton = demo(config.chip);
  TlmChip a(config), b(config);
  TimingRun run(a, skeleton), jump(b, skeleton);
  run.prefill(0, 63);
  run.decode(63, 2);
  const Counters there = run.decode(70, 3);
  jump.decode(2, 1);
  const Counters jumped = jump.decode(70, 3);
  EXPECT_EQ(there.cycles, jumped.cycles);
  EXPECT_EQ(there.beats, jumped.beats);
}

TEST(TimingRun, RefusesPositionsThatDoNotFit) {
  PerfConfig config;
  const io::Skeleton skeleton = demo(config.chip);
  TlmChip chip(config);
  TimingRun run(chip, skeleton);
  EXPECT_THROW(run.decode(512, 1), Error);
  EXPECT_THROW(run.decode(0, 2), Error);
  EXPECT_THROW(run.prefill(500, 13), Error);
  EXPECT_GT(work_cycles(run.prefill(500, 12)), 0u);
}

TEST(PerfConfig, RefusesWhatTheRtlDoesNotTake) {
  const auto refused = [](auto change) {
    PerfConfig config;
    change(config);
    try {
      TlmChip chip(config);
    } catch (const Error&) {
      return true;
    }
    return false;
  };
  EXPECT_FALSE(refused([](PerfConfig&) {}));
  EXPECT_TRUE(refused([](PerfConfig& c) { c.chip.columns = 48; }));
  EXPECT_TRUE(refused([](PerfConfig& c) { c.chip.lanes = 128; }));
  EXPECT_TRUE(refused([](PerfConfig& c) { c.chip.fifo_beats = 16; }));
  EXPECT_TRUE(refused([](PerfConfig& c) { c.memory.read_latency = 0; }));
}

/// What a change of a parameter must do, whatever the figures.
TEST(TlmChip, AnswersToItsParameters) {
  const auto cycles = [](auto change) {
    PerfConfig config;
    change(config);
    TlmChip chip(config);
    const io::Skeleton skeleton = demo(config.chip, 2);
    TimingRun run(chip, skeleton);
    return work_cycles(run.decode(300, 2));
  };
  const uint64_t base = cycles([](PerfConfig&) {});
  EXPECT_GT(cycles([](PerfConfig& c) { c.memory.read_latency = 400; }), base);
  EXPECT_GT(cycles([](PerfConfig& c) { c.chip.lanes = 8; }), base);
  EXPECT_GT(cycles([](PerfConfig& c) {
              c.chip.columns = 16;
              c.chip.lanes = 16;
              c.chip.act_depth = 1024;
            }),
            base);
  EXPECT_GT(cycles([](PerfConfig& c) {
              c.chip.fifo_beats = 32;
              c.memory.read_latency = 200;
            }),
            cycles([](PerfConfig& c) { c.memory.read_latency = 200; }));
}

/// Nothing moves but by a command, and what the controller counts is its own.
TEST(Activity, OfAllCommandsAndOfTheControllerIsAll) {
  for (const spec::ChipConfig& chip : spec::kConfigs) {
    PerfConfig config;
    config.chip = chip;
    TlmChip model(config);
    const io::Skeleton skeleton = demo(chip);
    Activity commands;
    model.observe([&](const Executed& e) {
      EXPECT_EQ(e.activity.commands, 1u);
      commands += e.activity;
    });
    TimingRun run(model, skeleton);
    run.prefill(3, 9);
    run.decode(30, 2);
    commands += of_controller(model.activity());
    EXPECT_EQ(named(commands), named(model.activity())) << chip.name;
  }
}

/// Bytes that move are beats of the bus, and what the engine multiplies is what it was given.
TEST(Activity, AgreesWithTheEventCounters) {
  PerfConfig config;
  const io::Skeleton skeleton = demo(config.chip);
  TlmChip chip(config);
  TimingRun run(chip, skeleton);
  run.decode(10, 1);
  const Activity before = chip.activity();
  const Counters c = run.prefill(20, 16);
  const Activity a = chip.activity() - before;
  uint64_t beats = 0, tiles = 0;
  for (const auto& layout : a.matrix_beats) {
    for (std::size_t m = 0; m < layout.size(); ++m) {
      beats += layout[m];
      tiles += m * layout[m];
    }
  }
  EXPECT_NEAR(static_cast<double>(beats), static_cast<double>(c.beats), 64);
  EXPECT_EQ(tiles, a.act_tile_reads);
  // A prompt's request ends before its last commands do.
  EXPECT_NEAR(static_cast<double>(a.commands), static_cast<double>(c.commands),
              config.chip.cmd_depth);
  EXPECT_EQ(a.memory_read_bytes, a.fifo_beats * config.chip.columns);
  EXPECT_EQ(a.memory_write_bursts, c.store_beats);
  // Per token and layer: keys and values of two heads of 64 as bytes, their scales as words.
  EXPECT_EQ(a.memory_write_bytes, 16u * 5 * (2 * 2 * 64 + 2 * 2 * 4));
  // Every name once, and every count of the struct among them unless it is 0.
  std::map<std::string, uint64_t> names;
  for (const auto& [name, count] : named(a)) EXPECT_TRUE(names.emplace(name, count).second) << name;
  EXPECT_EQ(names.at("matrix_beats.plane.8"), a.matrix_beats[0][8]);
  EXPECT_EQ(names.at("memory_write_bytes"), a.memory_write_bytes);
}

}  // namespace
}  // namespace tern::tlm
