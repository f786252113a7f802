// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "Vall_counters.h"
#include "Vall_counters___024root.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

/// The counters in the order of their registers.
enum Counter : uint32_t {
  kWork,
  kBeats,
  kLoadBeats,
  kStallRead,
  kStallDrain,
  kStallWait,
  kStallIdle,
  kStoreBeats,
  kVectorBusy,
  kCommands,
  kSaturations,
  kIllegal,
  kBusErrors,
  kCounters
};

class EventCounters : public testing::Test {
 protected:
  EventCounters() {
    quiet();
    counters.reset();
  }

  void quiet() {
    counters->working_i = counters->beat_i = counters->load_beat_i = 0;
    counters->stall_drain_i = counters->stall_read_i = counters->stall_wait_i = 0;
    counters->store_beat_i = counters->vector_busy_i = counters->command_i = 0;
    counters->saturated_i = counters->illegal_i = counters->bus_errors_i = 0;
  }

  /// Registers hold these numbers from now on, as if so much had happened.
  void set(uint32_t count, uint64_t cycles) {
    auto& r = *counters->rootp;
    for (IData* counter : {&r.all_counters__DOT__u_cluster__DOT__work_q,
                           &r.all_counters__DOT__u_cluster__DOT__beats_q,
                           &r.all_counters__DOT__u_cluster__DOT__load_beats_q,
                           &r.all_counters__DOT__u_cluster__DOT__stall_read_q,
                           &r.all_counters__DOT__u_cluster__DOT__stall_drain_q,
                           &r.all_counters__DOT__u_cluster__DOT__stall_wait_q,
                           &r.all_counters__DOT__u_cluster__DOT__idle_q,
                           &r.all_counters__DOT__u_cluster__DOT__store_beats_q,
                           &r.all_counters__DOT__u_cluster__DOT__illegal_q,
                           &r.all_counters__DOT__u_cluster__DOT__bus_errors_q,
                           &r.all_counters__DOT__u_chip__DOT__vector_q,
                           &r.all_counters__DOT__u_chip__DOT__commands_q,
                           &r.all_counters__DOT__u_chip__DOT__saturations_q}) {
      *counter = count;
    }
    r.all_counters__DOT__u_chip__DOT__cycles_o = cycles;
    expected.fill(count);
    this->cycles = cycles;
  }

  /// A cycle of random events, counted as the registers' descriptions have it.
  void step() {
    const auto flip = [&] { return static_cast<CData>(dice.between(0, 1)); };
    counters->working_i = dice.chance(0.8);
    counters->beat_i = dice.chance(0.2);
    counters->load_beat_i = dice.chance(0.2);
    counters->stall_drain_i = dice.chance(0.3);
    counters->stall_read_i = dice.chance(0.3);
    counters->stall_wait_i = flip();
    counters->store_beat_i = flip();
    counters->vector_busy_i = flip();
    counters->command_i = flip();
    counters->saturated_i = static_cast<CData>(dice.between(0, 31));
    counters->illegal_i = static_cast<CData>(dice.between(0, 127));
    counters->bus_errors_i = static_cast<CData>(dice.between(0, 2));
    const bool moves = counters->beat_i || counters->load_beat_i;
    if (counters->working_i || moves) {
      ++expected[kWork];
      const Counter cause = counters->beat_i          ? kBeats
                            : counters->load_beat_i   ? kLoadBeats
                            : counters->stall_drain_i ? kStallDrain
                            : counters->stall_read_i  ? kStallRead
                            : counters->stall_wait_i  ? kStallWait
                                                      : kStallIdle;
      ++expected[cause];
    }
    expected[kStoreBeats] += counters->store_beat_i;
    expected[kVectorBusy] += counters->vector_busy_i;
    expected[kCommands] += counters->command_i;
    expected[kSaturations] += counters->saturated_i;
    expected[kIllegal] += counters->illegal_i;
    expected[kBusErrors] += counters->bus_errors_i;
    ++cycles;
    counters.tick();
    counters.settle();
    ASSERT_EQ(counters->cycles_o, cycles);
    for (uint32_t i = 0; i < kCounters; ++i) ASSERT_EQ(counters->counters_o[i], expected[i]) << i;
  }

  Clocked<Vall_counters> counters;
  Dice dice{5};
  std::array<uint32_t, kCounters> expected{};
  uint64_t cycles = 0;
};

TEST_F(EventCounters, BeginAtZeroAndCountWhatHappens) {
  cycles = 0;
  counters.reset();
  EXPECT_EQ(counters->cycles_o, 0u);
  for (uint32_t i = 0; i < kCounters; ++i) EXPECT_EQ(counters->counters_o[i], 0u);
  for (int i = 0; i < 5000 && !HasFatalFailure(); ++i) step();
}

/// Every bit of every counter takes a carry, and the last one wraps.
TEST_F(EventCounters, CountOverTheirWholeWidth) {
  for (uint32_t bit = 8; bit <= 64; ++bit) {
    const uint64_t line = bit == 64 ? 0 : uint64_t{1} << bit;
    set(static_cast<uint32_t>(line) - 10, line - 10);
    for (int i = 0; i < 300 && !HasFatalFailure(); ++i) step();
    ASSERT_FALSE(HasFatalFailure()) << "bit " << bit;
  }
}

TEST_F(EventCounters, ForgetAllOnAReset) {
  set(~0u, ~uint64_t{0});
  counters.reset();
  EXPECT_EQ(counters->cycles_o, 0u);
  for (uint32_t i = 0; i < kCounters; ++i) EXPECT_EQ(counters->counters_o[i], 0u) << i;
}

}  // namespace
}  // namespace tern::test
