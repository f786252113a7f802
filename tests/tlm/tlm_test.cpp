// The performance model by itself: what can be told without RTL.
#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "command_timing.hpp"
#include "event_log.hpp"
#include "firmware_image.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/synth.hpp"
#include "port.hpp"
#include "prefetch.hpp"
#include "scoreboard.hpp"
#include "timing_run.hpp"
#include "tlm_chip.hpp"

namespace tern::tlm {
namespace {

using spec::Unit;

io::Skeleton demo(const spec::ChipConfig& chip, int layers = 0) {
  return io::make_skeleton(io::config_of(io::find_preset("demo"), {.layers = layers}), chip,
                           "demo");
}

TEST(FixedMemory, GivesABeatACycleAfterTheLatencyInOrder) {
  FixedMemory memory({.read_latency = 10, .write_latency = 3, .max_outstanding = 2});
  const ReadBurst a = memory.read(100, 0, 4);
  EXPECT_EQ(a.accepted, 100u);
  EXPECT_EQ(a.first, 110u);
  EXPECT_EQ(a.last, 113u);
  // Its first beat follows the last one before it.
  const ReadBurst b = memory.read(101, 256, 2);
  EXPECT_EQ(b.first, 114u);
  EXPECT_EQ(b.last, 115u);
  // The third waits until the first has ended.
  const ReadBurst c = memory.read(102, 512, 1);
  EXPECT_EQ(c.accepted, 114u);
  EXPECT_EQ(c.first, 124u);
  const WriteBeat w = memory.write(50, 0);
  EXPECT_EQ(w.response, 53u);
}

TEST(Scoreboard, KnowsWhichCommandACountNames) {
  Scoreboard board;
  for (int i = 0; i < 300; ++i) {
    board.issue(Unit::kVector);
    board.complete(Unit::kVector, 1000 + 10 * i);
  }
  // 300 commands: count 44 is the 300th, count 40 the 296th.
  EXPECT_EQ(board.named(Unit::kVector, 44), 300u);
  EXPECT_EQ(board.named(Unit::kVector, 40), 296u);
  EXPECT_EQ(board.done_at(Unit::kVector, 296), 1000u + 2950 + 1);
  EXPECT_EQ(board.named(Unit::kStore, 0), 0u);
  // A count of a time before the first command.
  EXPECT_EQ(board.named(Unit::kStore, 250), 0u);
  EXPECT_EQ(board.done_at(Unit::kStore, 0), 0u);
}

TEST(Scoreboard, ShowsACommandAsDoneTheCycleAfterItsPulse) {
  Scoreboard board;
  board.issue(Unit::kLoad);
  board.complete(Unit::kLoad, 20);
  EXPECT_EQ(board.done(20), 0u);
  EXPECT_EQ(board.next_change(), 21u);
  EXPECT_EQ(board.done(21), 1u);
  EXPECT_EQ(board.next_change(), kNever);
}

TEST(Port, GivesWhatTheUnitBeforeLeaves) {
  Port port;
  port.reserve(10, 20, 1);  // every cycle
  port.reserve(30, 40, 2);  // 30, 32, ... 38
  EXPECT_EQ(port.nth(0, 5), 4u);
  EXPECT_EQ(port.nth(8, 2), 9u);
  EXPECT_EQ(port.nth(8, 3), 20u);
  EXPECT_EQ(port.nth(12, 1), 20u);
  EXPECT_EQ(port.nth(30, 1), 31u);
  EXPECT_EQ(port.nth(30, 5), 39u);
  EXPECT_EQ(port.nth(30, 6), 40u);
  port.forget_before(25);
  EXPECT_EQ(port.nth(8, 3), 10u);
}

/// The beats of one segment, alone, by hand from rtl/core/stream_reader.sv.
TEST(Prefetch, TakesTheReaderAndTheFifoTheirCycles) {
  PerfConfig config;
  config.memory.read_latency = 7;
  FixedMemory memory(config.memory);
  Activity activity;
  Prefetch prefetch(config, memory, activity);
  // Taken in 100, burst issued in 101, on the bus in 102, first beat in 109, through the FIFO in
  // 111.
  EXPECT_EQ(prefetch.start(100, 0, 40), 100u);
  const Prefetch::Taken a = prefetch.take(30, 0);
  EXPECT_EQ(a.first, 111u);
  EXPECT_EQ(a.last, 140u);
  const Prefetch::Taken b = prefetch.take(10, 500);
  EXPECT_EQ(b.first, 500u);
  EXPECT_EQ(b.last, 509u);
  EXPECT_EQ(activity.memory_read_bursts, 3u);
  EXPECT_EQ(activity.memory_read_bytes, 40u * 64);
}

TEST(Prefetch, ReadsAheadAsFarAsTheFifoReaches) {
  PerfConfig config;
  config.chip.fifo_beats = 32;
  config.memory.read_latency = 100;
  FixedMemory memory(config.memory);
  Activity activity;
  Prefetch prefetch(config, memory, activity);
  prefetch.start(0, 0, 3200);
  const Prefetch::Taken taken = prefetch.take(3200, 0);
  // 32 beats a round trip: request, latency, two cycles of the FIFO, and the credit.
  const double per_beat = static_cast<double>(taken.last - taken.first) / 3200;
  EXPECT_GT(per_beat, 100.0 / 32);
  EXPECT_LT(per_beat, 125.0 / 32);
}

TEST(EventLog, CountsEachCycleOfWorkOnce) {
  EventLog log;
  log.set_working(10, true);
  log.add_held(5, 21);
  log.add_engine({.begin = 20, .end = 50, .beats = 25, .stall_read = 5});
  log.add_engine({.begin = 60, .end = 70, .load_beats = 4});
  log.set_working(100, false);
  Counters half = log.at(35);
  EXPECT_EQ(half.stall_wait, 10u);
  EXPECT_NEAR(static_cast<double>(half.beats), 12.5, 1);
  const Counters c = log.at(200);
  EXPECT_EQ(c.beats, 25u);
  EXPECT_EQ(c.load_beats, 4u);
  EXPECT_EQ(c.stall_read, 5u);
  EXPECT_EQ(c.stall_wait, 10u);
  EXPECT_EQ(work_cycles(c), 90u);
}

TEST(TopKList, InsertsEverythingFirstAndLittleLater) {
  TopKList list;
  list.clear(64);
  const uint32_t first = list.insert(96, 32);
  EXPECT_EQ(first, 3u * 31);
  EXPECT_EQ(list.count(), 64u);
  const uint32_t second = list.insert(320, 32);
  EXPECT_GT(second, 0u);
  EXPECT_LT(second, first);
  for (int i = 0; i < 1000; ++i) list.insert(320, 32);
  EXPECT_EQ(list.insert(320, 32), 0u);
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
      for (const spec::MatrixDescriptor* w :
           {&l.attn_q, &l.attn_k, &l.attn_v, &l.attn_output, &l.ffn_gate, &l.ffn_up, &l.ffn_down})
        beats += w->beats;
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
  EXPECT_EQ(a.commands, c.commands);
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
