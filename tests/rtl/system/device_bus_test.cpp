// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "../engine/bits.hpp"
#include "Vdevice_bus_direct.h"
#include "Vdevice_bus_registered.h"
#include "clocked.hpp"
#include "spec/config_words.hpp"
#include "spec/generated/spec.hpp"
#include "spec/waits.hpp"

/// The devices with all of their neighbours busy at once: accesses of the controller or of the
/// window, a tape that is played, queues, mailbox, scalar registers and scratchpad that are not
/// always ready. Each access has its effect once, in order, and gives what its device holds.
namespace tern::test {
namespace {

namespace mmio = spec::mmio;

/// As CMakeLists.txt says.
constexpr spec::ChipConfig kChip = [] {
  spec::ChipConfig chip = spec::kConfigs[1];
  chip.lanes = 8;
  return chip;
}();
static_assert(std::string_view(kChip.name) == "edge");
constexpr spec::ConfigWords kWords = spec::config_words(kChip);

uint32_t hash(uint64_t x) { return static_cast<uint32_t>((x + 1) * 0x9e3779b97f4a7c15u >> 29); }

template <typename Block>
class DeviceBus : public testing::Test {
 protected:
  struct Access {
    bool window = false, write = false;
    uint32_t offset = 0, strobe = 0xf, data = 0;
    uint64_t since = 0;
    bool effective = false;  ///< It has had its effect on a unit.
  };

  DeviceBus() {
    for (uint32_t i = 0; i < tape_memory.size(); ++i) {
      tape_memory[i] = hash(i + 1000000);
      if (i % 8 == 0) tape_memory[i] = (tape_memory[i] & ~0xffu) | (1 + hash(i) % 5);
    }
  }

  // What an access is to: each kind often enough, the windows over their whole width.
  Access random_access(bool window) {
    Access a;
    a.window = window;
    a.write = dice.chance(0.5);
    a.data = any();
    a.since = bus.cycle();
    switch (dice.between(0, 9)) {
      case 0:
        a.offset = 4 * static_cast<uint32_t>(dice.between(0, 7));
        break;
      case 1:
        a.offset = 4 * static_cast<uint32_t>(dice.between(0, 32));
        break;
      case 2:
        a.offset = mmio::kIssue;
        break;
      case 3:
        a.offset = mmio::kScratch + 4 * static_cast<uint32_t>(dice.between(0, (1 << 20) - 1));
        break;
      case 4:
        a.offset = mmio::kScratch + (uint32_t{4} << dice.between(0, 20));
        break;
      case 5:
        a.offset = mmio::kScalars + 4 * static_cast<uint32_t>(dice.between(0, 511));
        break;
      case 6:
        a.offset = mmio::kTopList + 4 * static_cast<uint32_t>(dice.between(0, 127));
        break;
      case 7:
        a.offset = 4 * static_cast<uint32_t>(dice.between(0, (1 << 29) - 1));
        break;
      case 8: {
        constexpr uint32_t kMail[] = {mmio::kMailIn, mmio::kMailOut, mmio::kMailState};
        a.offset = kMail[dice.between(0, 2)];
        break;
      }
      default:
        a.offset = dice.chance(0.5) ? mmio::kTape : mmio::kTapeWaits;
    }
    if (a.write && a.offset == mmio::kTape) {
      // Up to the end of the memory and round it.
      const uint32_t place = static_cast<uint32_t>(dice.between(0, 2047)) * 32;
      a.data = mmio::tape::kCommands.put(static_cast<uint32_t>(dice.between(0, 12))) |
               mmio::tape::kStart.put(place);
    }
    if (!window && a.write && dice.chance(0.05))
      a.strobe = static_cast<uint32_t>(dice.between(0, 14));
    return a;
  }
  uint32_t any() { return static_cast<uint32_t>(dice.between(0, ~0u)); }

  static bool is_scratch(uint32_t at) {
    return at >= mmio::kScratch && at < mmio::kScratch + (4u << 20);
  }
  static bool is_scalar(uint32_t at) {
    return at >= mmio::kScalars && at < mmio::kScalars + mmio::scalars::kBytes;
  }
  static bool is_top(uint32_t at) {
    return at >= mmio::kTopList && at < mmio::kTopList + mmio::top_list::kBytes;
  }
  /// Whether there is something to read or to write.
  static bool known(const Access& a) {
    const uint32_t at = a.offset;
    if (at < mmio::kCmd + mmio::cmd::kBytes || is_scratch(at) || is_scalar(at)) return true;
    if (is_top(at)) return !a.write;
    switch (at) {
      case mmio::kIssue:
      case mmio::kMailOut:
      case mmio::kPhase:
      case mmio::kTape:
        return a.write;
      case mmio::kWorking:
      case mmio::kTapeWaits:
        return true;
      case mmio::kDone:
      case mmio::kMailState:
      case mmio::kMailIn:
      case mmio::kCycles:
      case mmio::kError:
      case mmio::kConfig:
      case mmio::kConfig2:
      case mmio::kConfig3:
      case mmio::kKeyBlock:
      case mmio::kTopCount:
        return !a.write;
      default:
        return false;
    }
  }

  void drive() {
    bus->cpu_valid_i = access && !access->window;
    bus->win_valid_i = access && access->window;
    // The side that does not ask shows anything.
    bus->cpu_write_i = bus->win_write_i = dice.chance(0.5);
    bus->cpu_addr_i = any(), bus->win_addr_i = any();
    bus->cpu_data_i = any(), bus->win_data_i = any();
    bus->cpu_strobe_i = static_cast<CData>(dice.between(0, 15));
    if (access) {
      const uint32_t address = spec::kMmioBase + access->offset;
      if (access->window) {
        bus->win_write_i = access->write, bus->win_addr_i = address, bus->win_data_i = access->data;
      } else {
        bus->cpu_write_i = access->write, bus->cpu_addr_i = address, bus->cpu_data_i = access->data;
        bus->cpu_strobe_i = static_cast<CData>(access->strobe);
      }
    }
    bus->tape_ready_i = dice.chance(rate);
    bus->tape_data_i = tape_word ? *tape_word : any();
    tape_word.reset();
    bus->issue_ready_i = dice.chance(rate);
    bus->done_i = any(), bus->error_i = any(), bus->cycles_i = any();
    bus->mail_in_valid_i = dice.chance(0.5);
    bus->mail_in_i = any();
    bus->mail_out_ready_i = dice.chance(0.5);
    bus->topk_count_i = static_cast<CData>(dice.between(0, 64));
    // The list answers in the cycle after it is asked.
    bus->topk_value_i = hash(2 * uint64_t{top_asked}), bus->topk_number_i = hash(2 * top_asked + 1);
    bus->scalar_wr_ready_i = dice.chance(rate);
    bus->scalar_rd_ready_i = dice.chance(rate);
    bus->scalar_rd_done_i = scalar_due && *scalar_due <= bus.cycle();
    const uint64_t scalar = uint64_t{hash(2 * scalar_asked + 1)} << 32 | hash(2 * scalar_asked);
    bus->scalar_rd_data_i = bus->scalar_rd_done_i ? scalar : ~scalar;
    if (bus->scalar_rd_done_i) scalar_due.reset();
    bus->scratch_rd_ready_i = dice.chance(rate);
    bus->scratch_rd_data_valid_i = scratch_due && *scratch_due == bus.cycle();
    bus->scratch_rd_data_i = bus->scratch_rd_data_valid_i ? hash(scratch_asked) : any();
    bus->scratch_wr_ready_i = dice.chance(rate);
  }

  /// What one of the units sees belongs to the access.
  void expect_at_unit(bool of_unit, bool write) {
    ASSERT_TRUE(access && of_unit && access->write == write && access->strobe == 0xf);
    ASSERT_FALSE(access->effective) << "twice, offset " << access->offset;
    access->effective = true;
  }

  void collect() {
    if (bus->tape_valid_o && bus->tape_ready_i) tape_word = tape_memory[bus->tape_addr_o / 4];
    top_asked = bus->topk_index_o;
    const bool done = bus->cpu_done_o || bus->win_done_o;
    const bool good = done && !bus->error_o;
    ASSERT_FALSE(bus->cpu_done_o && (!access || access->window));
    ASSERT_FALSE(bus->win_done_o && (!access || !access->window));
    if (bus->scratch_rd_valid_o && bus->scratch_rd_ready_i) {
      expect_at_unit(is_scratch(access->offset), false);
      ASSERT_EQ(bus->scratch_addr_o, (access->offset - mmio::kScratch) / 4);
      scratch_asked = bus->scratch_addr_o;
      scratch_due = bus.cycle() + 2;
    }
    if (bus->scratch_wr_valid_o && bus->scratch_wr_ready_i) {
      expect_at_unit(is_scratch(access->offset), true);
      ASSERT_EQ(bus->scratch_addr_o, (access->offset - mmio::kScratch) / 4);
      ASSERT_EQ(bus->scratch_wr_data_o, access->data);
    }
    if (bus->scalar_rd_valid_o && bus->scalar_rd_ready_i) {
      expect_at_unit(is_scalar(access->offset), false);
      ASSERT_EQ(bus->scalar_index_o, (access->offset - mmio::kScalars) / mmio::scalars::kStride);
      scalar_asked = bus->scalar_index_o;
      scalar_due = bus.cycle() + dice.between(1, 6);
    }
    if (bus->scalar_wr_valid_o && bus->scalar_wr_ready_i) {
      expect_at_unit(is_scalar(access->offset), true);
      ASSERT_EQ(bus->scalar_index_o, (access->offset - mmio::kScalars) / mmio::scalars::kStride);
      ASSERT_EQ(bus->scalar_wr_strobe_o, access->offset % 8 ? 2 : 1);
      ASSERT_EQ(bus->scalar_wr_data_o, access->data);
    }
    ASSERT_EQ(bus->mail_in_pop_o,
              good && !access->write && access->offset == mmio::kMailIn && bus->mail_in_valid_i);
    ASSERT_EQ(bus->mail_out_valid_o, good && access->write && access->offset == mmio::kMailOut);
    if (bus->mail_out_valid_o) {
      ASSERT_EQ(bus->mail_out_o, access->data);
    }
    if (bus->issue_valid_o && bus->issue_ready_i) collect_command(done);
    if (done) finish();
  }

  /// A command that goes to the queues: the next one of the tape, or what an access issues.
  void collect_command(bool done) {
    ++commands;
    if (tape_left == 0) {
      ASSERT_TRUE(done && access->write && access->offset == mmio::kIssue);
    } else {
      const uint32_t first = tape_at / 4;
      const bool scalar = (tape_memory[first] & 0xff) == uint32_t(spec::ChipOpcode::kScalar);
      for (uint32_t i = 0; i < 8; ++i) {
        if (scalar && (i == 4 || i == 6 || i == 7)) continue;
        cmd[i] = i == 1 ? spec::add_waits(tape_memory[first + 1], waits) : tape_memory[first + i];
      }
      tape_at = (tape_at + 32) % 65536;
      --tape_left;
    }
    ASSERT_EQ(std::memcmp(&bus->issue_cmd_o, cmd.data(), sizeof cmd), 0);
  }

  void finish() {
    const Access a = *access;
    ++answered[a.window];
    access.reset();
    ASSERT_EQ(bus->error_o, a.strobe != 0xf || !known(a)) << "offset " << a.offset;
    if (bus->error_o) return;
    if (is_scratch(a.offset) || is_scalar(a.offset)) {
      ASSERT_TRUE(a.effective) << "an answer before the unit's";
    }
    if (a.write) return take_write(a);
    ASSERT_EQ(bus->data_o, expected(a.offset)) << "offset " << a.offset;
  }

  void take_write(const Access& a) {
    if (a.offset < 32) cmd[a.offset / 4] = a.data;
    if (a.offset == mmio::kWorking) working = mmio::working::kRequest.get(a.data);
    if (a.offset == mmio::kPhase)
      phase = a.data & (mmio::phase::kPhase.mask() | mmio::phase::kNumber.mask());
    if (a.offset == mmio::kTapeWaits) waits = a.data;
    if (a.offset == mmio::kTape) {
      ASSERT_EQ(tape_left, 0u) << "a tape before the one before has ended";
      tape_left = mmio::tape::kCommands.get(a.data);
      tape_at = mmio::tape::kStart.get(a.data) & ~(mmio::cmd::kBytes - 1);
    }
  }

  uint32_t expected(uint32_t at) {
    if (is_scratch(at)) return hash((at - mmio::kScratch) / 4);
    if (is_scalar(at)) return hash((at - mmio::kScalars) / 4);
    if (is_top(at)) return hash((at - mmio::kTopList) / 4);
    if (at < 32) {
      EXPECT_EQ(tape_left, 0u) << "words of commands while a tape changes them";
      return cmd[at / 4];
    }
    const std::pair<uint32_t, uint32_t> plain[] = {
        {mmio::kDone, bus->done_i},
        {mmio::kMailState, mmio::mail_state::kRoom.put(bus->mail_out_ready_i) |
                               mmio::mail_state::kWord.put(bus->mail_in_valid_i)},
        {mmio::kMailIn, bus->mail_in_valid_i ? bus->mail_in_i : 0},
        {mmio::kWorking, working},
        {mmio::kCycles, bus->cycles_i},
        {mmio::kError, bus->error_i},
        {mmio::kConfig, kWords.config},
        {mmio::kConfig2, kWords.config2},
        {mmio::kConfig3, kWords.config3},
        {mmio::kKeyBlock, kChip.key_block},
        {mmio::kTopCount, bus->topk_count_i},
        {mmio::kTapeWaits, waits}};
    for (const auto& [offset, value] : plain) {
      if (offset == at) return value;
    }
    ADD_FAILURE() << "offset " << at;
    return 0;
  }

  Clocked<Block> bus;
  Dice dice{11};
  double rate = 1;
  std::optional<Access> access;
  std::vector<uint32_t> tape_memory = std::vector<uint32_t>(16384);
  std::optional<uint32_t> tape_word;
  std::optional<uint64_t> scalar_due, scratch_due;
  uint32_t top_asked = 0, scalar_asked = 0, scratch_asked = 0;
  std::array<uint32_t, 8> cmd{};
  uint32_t waits = 0, working = 0, phase = 0, tape_left = 0, tape_at = 0;
  std::array<uint64_t, 2> answered{};
  uint64_t commands = 0;
};
using Variants = testing::Types<Vdevice_bus_direct, Vdevice_bus_registered>;
TYPED_TEST_SUITE(DeviceBus, Variants);

TYPED_TEST(DeviceBus, AnswersEveryAccessOnceWhileTapesPlay) {
  // What a reset leaves of the command's words is anything.
  for (uint32_t i = 0; i < 8; ++i) this->cmd[i] = 0;
  uint32_t preset = 0;
  for (int cycle = 0; cycle < 60000; ++cycle) {
    // Ready always, often, now and then; the controller runs, or the window is open.
    this->rate = cycle / 500 % 3 == 0 ? 1.0 : cycle / 500 % 3 == 1 ? 0.5 : 0.15;
    const bool window = cycle / 3000 % 2;
    if (!this->access && preset < 8) {
      this->access = {window, true, 4 * preset++, 0xf, this->any(), this->bus.cycle()};
    } else if (!this->access && this->dice.chance(0.7)) {
      this->access = this->random_access(window);
    }
    this->drive();
    this->bus.settle();
    this->collect();
    ASSERT_FALSE(this->HasFatalFailure()) << "cycle " << cycle;
    if (this->access) {
      ASSERT_LT(this->bus.cycle() - this->access->since, 3000u)
          << "no answer at offset " << this->access->offset;
    }
    this->bus.tick();
    this->bus.settle();
    ASSERT_EQ(this->bus->working_o, this->working);
    ASSERT_EQ(this->bus->phase_o, this->phase);
  }
  for (const uint64_t count : this->answered) EXPECT_GT(count, 3000u);
  EXPECT_GT(this->commands, 1500u);
}

}  // namespace
}  // namespace tern::test
