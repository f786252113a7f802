// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "../engine/bits.hpp"
#include "Vstore_unit_edge.h"
#include "Vstore_unit_nano.h"
#include "Vstore_unit_wide.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

struct Nano {
  using Block = Vstore_unit_nano;
  static constexpr uint32_t kColumns = 8, kLanes = 8;
};
struct Edge {
  using Block = Vstore_unit_edge;
  static constexpr uint32_t kColumns = 64, kLanes = 32;
};
struct Wide {
  using Block = Vstore_unit_wide;
  static constexpr uint32_t kColumns = 64, kLanes = 8;
};
constexpr uint32_t kMaxWrites = 16;
constexpr uint64_t kMemory = uint64_t{1} << 40;  // bytes that can be addressed

struct Rates {
  double read = 1, aw = 1, w = 1, b = 1;
  uint32_t latency = 1;
};

struct Command {
  bool code = false, scatter = false;
  uint64_t addr = 0;
  uint32_t count = 1, src = 0, rows = 1, src_stride = 0, beat_stride = 1, row_stride = 0;
};

template <typename Variant>
class StoreUnit : public testing::Test {
 protected:
  static constexpr uint32_t kColumns = Variant::kColumns;
  static constexpr uint32_t kLanes = Variant::kLanes;

  struct Beat {
    std::vector<uint8_t> data;
    std::vector<bool> strobe;
  };
  struct Answer {
    bool bad;
    uint64_t ready;
  };

  StoreUnit() {
    unit->stop_i = 0;
    unit->cmd_valid_i = 0;
    unit->rd_ready_i = 0;
    unit->rd_data_valid_i = 0;
    unit->aw_ready_i = 0;
    unit->w_ready_i = 0;
    unit->b_valid_i = 0;
  }

  static uint32_t word_at(uint32_t address) {
    return (address & 0xfffff) * 0x9e3779b1u ^ 0x5bd1e995;
  }

  /// Queues a command and writes what it stands for into the expected memory, byte by byte.
  void add(const Command& c) {
    commands.push_back(c);
    uint64_t beats = 0;
    for (uint32_t r = 0; r < c.rows; ++r) {
      const uint64_t start = c.addr + uint64_t{r} * c.row_stride * 64;
      uint64_t address = start;
      for (uint32_t i = 0; i < c.count; ++i) {
        const uint32_t word = word_at(c.src + r * c.src_stride + i);
        const uint32_t size = c.code ? 1 : 4;
        if (c.scatter) address = start + uint64_t{i} * c.beat_stride * kColumns;
        beats += i == 0 || c.scatter || address % kColumns == 0;
        for (uint32_t k = 0; k < size; ++k) {
          expected[address + k] =
              c.code ? static_cast<uint8_t>(word + 121) : static_cast<uint8_t>(word >> (8 * k));
        }
        address += size;
        if (address % kColumns == 0) {
          address += uint64_t{c.beat_stride - 1} * kColumns;
        }
      }
    }
    all_beats += beats;
    command_ends.push_back(all_beats);
  }

  void drive_command() {
    if (unit->cmd_valid_i || commands.empty()) return;
    const Command& c = commands.front();
    const uint32_t words[8] = {5u | uint32_t{c.code} << 8 | uint32_t{c.scatter} << 9,
                               0x01020304,
                               static_cast<uint32_t>(c.addr),
                               static_cast<uint32_t>(c.addr >> 32) | c.count << 16,
                               c.src | c.rows << 20,
                               c.src_stride | c.beat_stride << 16,
                               c.row_stride,
                               0};
    for (uint32_t i = 0; i < 8; ++i) set_word(unit->cmd_i, i, words[i]);
    unit->cmd_valid_i = 1;
  }

  void step(const Rates& rates) {
    drive_command();
    unit->rd_ready_i = dice.chance(rates.read);
    unit->aw_ready_i = dice.chance(rates.aw);
    unit->w_ready_i = dice.chance(rates.w);
    unit->rd_data_valid_i = !reads.empty() && reads.front().second == unit.cycle();
    if (unit->rd_data_valid_i) {
      for (uint32_t i = 0; i < kLanes; ++i) {
        set_word(unit->rd_data_i, i, word_at(reads.front().first + i));
      }
      reads.pop_front();
    } else {
      for (uint32_t i = 0; i < kLanes; ++i) set_word(unit->rd_data_i, i, 0xdeadbeef);
    }
    if (!unit->b_valid_i && !answers.empty() && answers.front().ready <= unit.cycle() &&
        dice.chance(rates.b)) {
      unit->b_valid_i = 1;
      unit->b_resp_i = answers.front().bad ? 2 : 0;
    }
    unit.settle();
    const bool taken = unit->cmd_valid_i && unit->cmd_ready_o;
    if (unit->rd_valid_o && unit->rd_ready_i) {
      reads.emplace_back(unit->rd_addr_o, unit.cycle() + 2);
      ++reads_done;
    }
    if (unit->aw_valid_o && unit->aw_ready_i) accept_address();
    if (unit->w_valid_o && unit->w_ready_i) accept_beat();
    EXPECT_EQ(unit->beat_o, unit->w_valid_o && unit->w_ready_i);
    while (!addresses.empty() && !beats.empty()) commit(rates);
    const bool answered = unit->b_valid_i && unit->b_ready_o;
    if (answered) {
      ++answered_beats;
      answers.pop_front();
    }
    errors += unit->error_o;
    if (unit->done_o) {
      ASSERT_FALSE(command_ends.empty());
      ASSERT_EQ(answered_beats, command_ends.front()) << "done before or after its last answer";
      command_ends.pop_front();
    }
    unit.tick();
    if (taken) {
      commands.pop_front();
      unit->cmd_valid_i = 0;
    }
    if (answered) unit->b_valid_i = 0;
  }

  void accept_address() {
    ASSERT_EQ(unit->aw_addr_o % kColumns, 0u);
    ASSERT_EQ(unit->aw_len_o, 0u);
    addresses.push_back(unit->aw_addr_o);
    ASSERT_LE(addresses.size() + answers.size(), kMaxWrites);
  }

  void accept_beat() {
    Beat beat;
    for (uint32_t i = 0; i < kColumns; ++i) {
      const auto byte = static_cast<uint8_t>(get_word(unit->w_data_o, i / 4) >> (8 * (i % 4)));
      const bool parity = get_word(unit->w_parity_o, i / 32) >> (i % 32) & 1;
      const bool strobe = get_word(unit->w_strb_o, i / 32) >> (i % 32) & 1;
      ASSERT_EQ((std::popcount(byte) + parity) % 2, 1) << "parity of byte " << i;
      if (!strobe) {
        ASSERT_EQ(byte, 0) << "byte " << i;
      }
      beat.data.push_back(byte);
      beat.strobe.push_back(strobe);
    }
    ASSERT_EQ(unit->w_last_o, 1);
    beats.push_back(beat);
  }

  void commit(const Rates& rates) {
    const uint64_t address = addresses.front();
    bool any = false;
    for (uint32_t i = 0; i < kColumns; ++i) {
      if (!beats.front().strobe[i]) continue;
      memory[address + i] = beats.front().data[i];
      any = true;
    }
    ASSERT_TRUE(any) << "a beat without a byte";
    const bool bad = bad_address != 0 && bad_address - address < kColumns;
    answers.push_back({bad, unit.cycle() + rates.latency});
    addresses.pop_front();
    beats.pop_front();
  }

  bool busy() const { return !commands.empty() || !command_ends.empty() || !answers.empty(); }
  void run(const Rates& rates, uint64_t limit) {
    for (uint64_t i = 0; i < limit && busy() && !this->HasFatalFailure(); ++i) step(rates);
    ASSERT_FALSE(this->HasFatalFailure());
    ASSERT_FALSE(busy()) << "not all commands were done within " << limit << " cycles";
    ASSERT_EQ(memory, expected);
    EXPECT_EQ(answered_beats, all_beats);
    EXPECT_EQ(unit->idle_o, 1);
  }

  Command random_command() {
    Command c;
    c.code = dice.between(0, 1);
    c.scatter = dice.between(0, 2) == 0;
    c.count = static_cast<uint32_t>(dice.between(1, dice.between(0, 2) ? 40 : 300));
    c.rows = static_cast<uint32_t>(dice.between(1, dice.between(0, 1) ? 1 : 6));
    c.addr = dice.between(0, kMemory - 1) & ~uint64_t{c.code ? 0u : 3u};
    c.src = static_cast<uint32_t>(dice.between(0, 0xfffff));
    c.src_stride = static_cast<uint32_t>(dice.between(0, 0xffff));
    c.beat_stride = static_cast<uint32_t>(dice.chance(0.5) ? 1 : dice.between(1, 0xffff));
    c.row_stride = static_cast<uint32_t>(dice.chance(0.9) ? dice.between(0, 1 << 20) : 0x7fffffff);
    // What the rows take at most must end within the memory.
    const uint64_t extent = uint64_t{c.rows - 1} * c.row_stride * 64 +
                            uint64_t{c.count} * c.beat_stride * kColumns + kColumns;
    c.addr = std::min(c.addr, (kMemory - extent) & ~uint64_t{3});
    return c;
  }

  Clocked<typename Variant::Block> unit;
  Dice dice{Variant::kColumns + Variant::kLanes};
  std::deque<Command> commands;
  std::deque<std::pair<uint32_t, uint64_t>> reads;
  std::deque<uint64_t> addresses;
  std::deque<Beat> beats;
  std::deque<Answer> answers;
  std::deque<uint64_t> command_ends;  // in beats
  std::map<uint64_t, uint8_t> memory, expected;
  uint64_t all_beats = 0, answered_beats = 0, errors = 0, bad_address = 0, reads_done = 0;
};
using Variants = testing::Types<Nano, Edge, Wide>;
TYPED_TEST_SUITE(StoreUnit, Variants);

TYPED_TEST(StoreUnit, WritesRandomCommandsAndCountsThemDone) {
  for (int round = 0; round < 120; ++round) {
    for (int i = 0; i < 4; ++i) this->add(this->random_command());
    const auto rate = [&] { return 0.1 * static_cast<double>(this->dice.between(2, 10)); };
    this->run({rate(), rate(), rate(), rate(), static_cast<uint32_t>(this->dice.between(1, 40))},
              400000);
    ASSERT_FALSE(this->HasFatalFailure()) << "round " << round;
    this->memory.clear();
    this->expected.clear();
  }
  EXPECT_EQ(this->errors, 0u);
}

/// Every bit of the address takes a carry, from one beat to the next and from one row to the next.
TYPED_TEST(StoreUnit, GoesOnAcrossEveryLineOfTheAddressRange) {
  constexpr uint32_t kColumns = TypeParam::kColumns;
  for (uint32_t bit = 12; bit < 40; ++bit) {
    const uint64_t line = uint64_t{1} << bit;
    // The line alone, and with ones in all higher bits.
    for (const uint64_t at : {line, kMemory - line}) {
      for (const bool code : {false, true}) {
        const auto src = static_cast<uint32_t>(this->dice.between(0, 0xfffff));
        this->add({.code = code, .addr = at - kColumns - 4, .count = 3 * kColumns, .src = src});
        this->add(
            {.code = code, .scatter = true, .addr = at - 2 * kColumns, .count = 5, .src = src});
        this->add({.code = code,
                   .addr = at - 128,
                   .count = 5,
                   .src = src,
                   .rows = 4,
                   .src_stride = 9,
                   .row_stride = 1});
      }
    }
    // Strides of rows and beats reach over the line from far below it.
    this->add({.addr = line - 64,
               .count = 4,
               .rows = 2,
               .row_stride = static_cast<uint32_t>(std::min(line, kMemory / 8) / 64)});
    this->add({.code = true, .scatter = true, .addr = line - 1, .count = 3, .beat_stride = 0xffff});
  }
  this->run({.aw = 0.8, .w = 0.8}, 200000);
}

/// The last byte that can be addressed, and the first.
TYPED_TEST(StoreUnit, WritesTheEndsOfTheAddressRange) {
  this->add({.code = true, .addr = kMemory - 5, .count = 5, .src = 11});
  this->add({.addr = kMemory - 256, .count = 60, .src = 12});
  this->add({.code = true, .count = 3, .src = 13, .rows = 2, .row_stride = 0xffffffff});
  this->add({.count = 3, .src = 14});
  this->run({}, 5000);
}

TYPED_TEST(StoreUnit, WritesTheLaterOfTwoElementsThatMeet) {
  // Rows of one command in the same bytes, and the next command over them.
  this->add({.addr = 64, .count = 30, .src = 10, .rows = 3, .src_stride = 50});
  this->add({.code = true, .addr = 70, .count = 30, .src = 500});
  this->run({.w = 0.5}, 5000);
}

TYPED_TEST(StoreUnit, MovesABeatEveryCycleWhenItScatters) {
  for (const bool code : {false, true}) {
    const uint64_t start = this->unit.cycle();
    const uint64_t reads = this->reads_done;
    this->add({.code = code, .scatter = true, .addr = 4, .count = 640, .beat_stride = 3});
    this->run({.latency = 4}, 5000);
    EXPECT_LT(this->unit.cycle() - start, 640u + 20);
    EXPECT_EQ(this->reads_done - reads, 640u / TypeParam::kLanes);
  }
}

TYPED_TEST(StoreUnit, MovesABeatEveryCycleOrALineEveryCycleWhenItPacks) {
  for (const bool code : {false, true}) {
    for (const uint32_t offset : {0u, 4u}) {
      const uint32_t full = TypeParam::kColumns / (code ? 1 : 4);
      const uint32_t lines = full <= TypeParam::kLanes ? 1 : full / TypeParam::kLanes;
      const uint64_t start = this->unit.cycle();
      this->add({.code = code, .addr = 4096 + offset, .count = 100 * full, .src = 77});
      this->run({.latency = 4}, 5000);
      EXPECT_LT(this->unit.cycle() - start, 101 * lines + 22);
      this->memory.clear();
      this->expected.clear();
    }
  }
}

TYPED_TEST(StoreUnit, FlagsABadResponseAndFinishesAllTheSame) {
  this->add({.addr = 4096, .count = 300});
  this->bad_address = 4096 + 2 * TypeParam::kColumns + 3;
  this->run({.aw = 0.5, .w = 0.5}, 5000);
  EXPECT_EQ(this->errors, 1u);
}

TYPED_TEST(StoreUnit, BecomesIdleWhenItIsStoppedInTheMiddleAndRunsAfterAReset) {
  this->add({.addr = 4096, .count = 3000});
  for (int i = 0; i < 60; ++i) this->step({.w = 0.3, .latency = 10});
  EXPECT_EQ(this->unit->idle_o, 0);
  this->unit->stop_i = 1;
  for (int i = 0; i < 400; ++i) this->step({.read = 0.5, .w = 0.3, .latency = 10});
  EXPECT_EQ(this->unit->idle_o, 1);
  EXPECT_TRUE(this->answers.empty() && this->addresses.empty() && this->beats.empty());
  EXPECT_FALSE(this->command_ends.empty());
  this->unit->stop_i = 0;
  this->unit.reset();
  this->reads.clear();
  this->command_ends.clear();
  this->memory.clear();
  this->expected.clear();
  this->all_beats = this->answered_beats = 0;
  this->add({.code = true, .addr = 333, .count = 100, .src = 9, .beat_stride = 7});
  this->run({}, 1000);
}

}  // namespace
}  // namespace tern::test
