// SPDX-License-Identifier: Apache-2.0
// What lies between the units of the performance model: memory, reader, ports, scoreboard,
// counters.
#include <gtest/gtest.h>

#include "event_log.hpp"
#include "port.hpp"
#include "prefetch.hpp"
#include "scoreboard.hpp"
#include "statistical_memory.hpp"
#include "tape_player.hpp"
#include "timing_run.hpp"

namespace tern::tlm {
namespace {

using spec::Unit;

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

TEST(StatisticalMemory, KeepsItsRateAndPausesForRefresh) {
  const auto last_of = [](const StatisticalMemoryTiming& timing) {
    StatisticalMemory memory(timing);
    ReadBurst burst{};
    for (int i = 0; i < 1000; ++i) burst = memory.read(i, 0, 16);
    return static_cast<double>(burst.last);
  };
  StatisticalMemoryTiming timing;
  timing.read_latency = 30;
  EXPECT_NEAR(last_of(timing), 30 + 16000, 2);
  timing.beats_per_cycle = 0.8;
  EXPECT_NEAR(last_of(timing), 30 + 16000 / 0.8, 4);
  timing.refresh_interval = 1000;
  timing.refresh_cycles = 50;
  EXPECT_NEAR(last_of(timing), 30 + 16000 / 0.8 / 0.95, 100);
}

TEST(StatisticalMemory, WritesTakeTheirBeatsAndATurnFromTheReads) {
  const auto last_of = [](double turnaround, int groups) {
    StatisticalMemoryTiming timing;
    timing.turnaround = turnaround;
    StatisticalMemory memory(timing);
    ReadBurst burst{};
    for (int i = 0; i < 1000; ++i) {
      burst = memory.read(16 * i, 0, 16);
      for (int w = 0; w < 4 && i % 100 == 50 && i / 100 < groups; ++w) memory.write(16 * i + w, 0);
    }
    return static_cast<double>(burst.last);
  };
  EXPECT_NEAR(last_of(20, 5) - last_of(20, 0), 5 * (20 + 4), 5);
  EXPECT_NEAR(last_of(0, 5) - last_of(0, 0), 5 * 4, 5);
}

/// Every beat of the RTL's memory comes with probability 1 - p.
TEST(StatisticalMemory, TakesStallsAsAverages) {
  const auto t = StatisticalMemoryTiming::with_stalls({.read_latency = 10}, 0.2);
  EXPECT_DOUBLE_EQ(t.beats_per_cycle, 0.8);
  EXPECT_DOUBLE_EQ(t.address_wait, 0.25);
  EXPECT_DOUBLE_EQ(t.read_latency, 10.25);
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

/// The beats of one segment, alone, by hand from rtl/cluster/stream_reader.sv.
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

/// A tape of commands in words of which only the opcode counts, by hand from
/// rtl/chip/tape_player.sv.
class TapeTimes : public testing::Test {
 protected:
  using Opcode = spec::ChipOpcode;
  /// Written to the register in cycle 100.
  void start(const std::vector<Opcode>& opcodes) {
    memory_.assign(2 * spec::kCommandWords, 0);  // the tape lies behind two commands of others
    for (const Opcode opcode : opcodes) {
      memory_.push_back(static_cast<uint32_t>(opcode));
      memory_.insert(memory_.end(), spec::kCommandWords - 1, 7);
    }
    player_.set_memory(memory_);
    player_.start(spec::mmio::tape::kCommands.put(static_cast<uint32_t>(opcodes.size())) |
                      spec::mmio::tape::kStart.put(2 * spec::mmio::cmd::kBytes),
                  3, 100);
  }
  std::vector<uint32_t> memory_;
  std::vector<Cycle> offered_;
  std::vector<spec::CommandWords> commands_;
  Cycle checker_free_ = 0;
  TapePlayer player_{[this](const spec::CommandWords& words, Cycle at) {
    commands_.push_back(words);
    offered_.push_back(at);
    return std::max(at, checker_free_);
  }};
};

TEST_F(TapeTimes, ACommandEveryEightCyclesAScalarOneEveryFive) {
  start({Opcode::kVector, Opcode::kVector, Opcode::kScalar, Opcode::kScalar, Opcode::kStore});
  EXPECT_EQ(player_.finish(), 137u);
  EXPECT_EQ(offered_, (std::vector<Cycle>{110, 118, 123, 128, 136}));
  EXPECT_EQ(commands_[0].w[spec::fields::kWaits.word], 10u);  // waits are added
  EXPECT_EQ(opcode_of(commands_[4]), Opcode::kStore);
  EXPECT_FALSE(player_.busy());
}

TEST_F(TapeTimes, WhatHasToWaitTakesTwoMore) {
  start({Opcode::kVector, Opcode::kVector, Opcode::kVector});
  checker_free_ = 130;
  EXPECT_EQ(player_.finish(), 149u);
  EXPECT_EQ(offered_, (std::vector<Cycle>{110, 140, 148}));
}

/// Each access of the controller takes a cycle in which a word would have been read.
TEST_F(TapeTimes, TheControllersAccessesGoFirst) {
  start({Opcode::kVector, Opcode::kVector});
  for (const Cycle at : {103u, 104u, 107u}) player_.yield(at);
  EXPECT_EQ(player_.finish(), 122u);
  EXPECT_EQ(offered_, (std::vector<Cycle>{113, 121}));
}

/// Word 0 of the next command is not dropped if the controller was in its way.
TEST_F(TapeTimes, AnAccessBeforeAWaitingCommandCostsNothing) {
  start({Opcode::kVector, Opcode::kVector});
  checker_free_ = 111;
  player_.yield(109);  // where word 0 of the second command would be read
  EXPECT_EQ(player_.finish(), 120u);
  EXPECT_EQ(offered_, (std::vector<Cycle>{110, 119}));
}

TEST_F(TapeTimes, IsPlayedNoFurtherThanAsked) {
  start({Opcode::kVector, Opcode::kVector});
  EXPECT_EQ(player_.next_offer(), 101u);
  player_.advance(110);
  EXPECT_TRUE(offered_.empty());
  EXPECT_EQ(player_.next_offer(), 110u);
  player_.advance(111);
  EXPECT_EQ(offered_.size(), 1u);
  EXPECT_TRUE(player_.busy());
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

}  // namespace
}  // namespace tern::tlm
