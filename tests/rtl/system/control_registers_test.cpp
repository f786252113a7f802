// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "Vcontrol_registers.h"
#include "clocked.hpp"
#include "spec/generated/registers.hpp"
#include "spec/generated/spec.hpp"

namespace tern::test {
namespace {

namespace reg = spec::reg;

class ControlRegisters : public testing::Test {
 protected:
  ControlRegisters() {
    regs->core_rst_ni = 0;
    regs.tick();
    regs->core_rst_ni = 1;
    regs->wstrb_i = 0xf;
    regs->bready_i = 1;
    regs->rready_i = 1;
    regs->mail_in_room_i = 64;
    regs.settle();
  }

  /// Returns the response. An access to the window is answered after `wait` cycles.
  uint32_t write(uint32_t offset, uint32_t value, uint32_t strobes = 0xf) {
    regs->awaddr_i = offset;
    regs->wdata_i = value;
    regs->wstrb_i = strobes;
    regs->awvalid_i = 1;
    regs->wvalid_i = 1;
    regs.settle();
    EXPECT_EQ(regs->awready_o, 1);
    EXPECT_EQ(regs->wready_o, 1);
    reset_pulse = regs->soft_reset_o;
    mail_pulse = regs->mail_in_valid_o;
    pop_pulse = regs->mail_out_pop_o;
    mail = regs->mail_in_o;
    regs.tick();
    regs->awvalid_i = 0;
    regs->wvalid_i = 0;
    answer_window();
    EXPECT_EQ(regs->bvalid_o, 1);
    const uint32_t response = regs->bresp_o;
    regs.tick();
    regs.settle();
    EXPECT_EQ(regs->bvalid_o, 0);
    return response;
  }

  /// The two halves of a write: the cycle in which it is taken, and its answer.
  void write_in_one_cycle(uint32_t offset, uint32_t value) {
    regs->awaddr_i = offset;
    regs->wdata_i = value;
    regs->awvalid_i = regs->wvalid_i = 1;
    regs.settle();
    EXPECT_EQ(regs->awready_o & regs->wready_o, 1);
    regs.tick();
    regs->awvalid_i = regs->wvalid_i = 0;
  }
  void finish_write() {
    regs.settle();
    EXPECT_EQ(regs->bvalid_o, 1);
    regs.tick();
    regs.settle();
  }

  uint32_t read(uint32_t offset, uint32_t response = 0) {
    regs->araddr_i = offset;
    regs->arvalid_i = 1;
    regs.settle();
    EXPECT_EQ(regs->arready_o, 1);
    regs.tick();
    regs->arvalid_i = 0;
    answer_window();
    EXPECT_EQ(regs->rvalid_o, 1);
    const uint32_t value = regs->rdata_o;
    EXPECT_EQ(regs->rresp_o, response);
    regs.tick();
    return value;
  }

  /// Plays what is behind the window.
  void answer_window() {
    regs.settle();
    if (!regs->window_valid_o) return;
    window_write = regs->window_write_o;
    window_addr = regs->window_addr_o;
    window_data = regs->window_data_o;
    for (int i = 0; i < wait; ++i) {
      regs.tick();
      regs.settle();
      EXPECT_EQ(regs->window_valid_o, 1) << "a request that is not held";
      EXPECT_EQ(regs->window_addr_o, window_addr);
      EXPECT_EQ(regs->bvalid_o | regs->rvalid_o, 0) << "an answer before the access ended";
    }
    regs->window_done_i = 1;
    regs->window_data_i = 0x600d0000 + window_addr;
    regs->window_error_i = window_fails;
    regs.tick();
    regs->window_done_i = 0;
    regs->window_error_i = 0;
    regs->window_data_i = 0;
    regs.settle();
  }

  Clocked<Vcontrol_registers> regs;
  bool reset_pulse = false, mail_pulse = false, pop_pulse = false;
  bool window_write = false, window_fails = false;
  uint32_t mail = 0, window_addr = 0, window_data = 0;
  int wait = 0;
};

TEST_F(ControlRegisters, TellWhatTheChipIs) {
  EXPECT_EQ(read(reg::kId), reg::kIdReset);
  EXPECT_EQ(read(reg::kVersion), reg::kVersionReset);
  EXPECT_EQ(read(reg::kConfig), 64u << reg::kConfigColumnsLsb | 8u << reg::kConfigActColumnsLsb |
                                    52u << reg::kConfigAccDepthLsb);
  EXPECT_EQ(read(reg::kConfig2), 256u << reg::kConfig2ActDepthLsb | 8u << reg::kConfig2CmdDepthLsb);
  EXPECT_EQ(read(reg::kConfig3), 16u << reg::kConfig3LanesLsb | 5u << reg::kConfig3TreesLsb |
                                     256u << reg::kConfig3ScratchLsb);
  EXPECT_EQ(read(reg::kStatus), 0u);
  EXPECT_EQ(read(0xffc), 0u);
}

TEST_F(ControlRegisters, PassMailBothWays) {
  write(reg::kMailIn, 0x12345678);
  EXPECT_TRUE(mail_pulse);
  EXPECT_EQ(mail, 0x12345678u);
  regs->mail_out_words_i = 3;
  regs->mail_out_i = 77;
  regs->mail_in_room_i = 9;
  EXPECT_EQ(read(reg::kMailOut), 77u);
  EXPECT_EQ(read(reg::kMailState), 3u << reg::kMailStateWordsLsb | 9u << reg::kMailStateRoomLsb);
  EXPECT_FALSE(pop_pulse);
  write(reg::kMailState, 0);
  EXPECT_TRUE(pop_pulse);
  EXPECT_FALSE(mail_pulse);
  regs.tick();
  EXPECT_EQ(regs->irq_o, 1);
  regs->mail_out_words_i = 0;
  EXPECT_EQ(read(reg::kMailOut), 0u) << "a word that is not there";
  regs.tick();
  EXPECT_EQ(regs->irq_o, 0);
}

TEST_F(ControlRegisters, RefuseMailWithoutRoom) {
  regs->mail_in_room_i = 0;
  write(reg::kMailIn, 1);
  EXPECT_FALSE(mail_pulse);
  EXPECT_EQ(read(reg::kError), reg::kErrorMailOverflowMask << reg::kErrorMailOverflowLsb);
  EXPECT_EQ(regs->irq_o, 1);
}

TEST_F(ControlRegisters, ReachTheControllersMapThroughTheWindow) {
  for (const int cycles : {0, 1, 7}) {
    wait = cycles;
    write(reg::kWindowAddr, 0x10000000);
    EXPECT_EQ(write(reg::kWindowData, 0xcafe), 0u);
    EXPECT_TRUE(window_write);
    EXPECT_EQ(window_addr, 0x10000000u);
    EXPECT_EQ(window_data, 0xcafeu);
    EXPECT_EQ(read(reg::kWindowData), 0x600d0000 + 0x10000004u);
    EXPECT_FALSE(window_write);
    EXPECT_EQ(read(reg::kWindowAddr), 0x10000008u);
  }
  window_fails = true;
  EXPECT_EQ(write(reg::kWindowData, 1), 2u);
  read(reg::kWindowData, 2);
}

TEST_F(ControlRegisters, StartAndStopTheController) {
  EXPECT_EQ(regs->run_o, 0);
  write(reg::kCtrl, reg::kCtrlRunMask << reg::kCtrlRunLsb);
  EXPECT_EQ(regs->run_o, 1);
  EXPECT_FALSE(reset_pulse);
  EXPECT_EQ(read(reg::kStatus), reg::kStatusRunningMask << reg::kStatusRunningLsb);
  write(reg::kCtrl, 0);
  EXPECT_EQ(regs->run_o, 0);
  write(reg::kCtrl, 3);
  EXPECT_TRUE(reset_pulse);
  EXPECT_EQ(regs->run_o, 0) << "a soft reset stops";
}

TEST_F(ControlRegisters, KeepErrorsUntilAOneIsWritten) {
  for (const uint32_t bit : {reg::kErrorBusReadLsb, reg::kErrorBusWriteLsb,
                             reg::kErrorIllegalCodeLsb, reg::kErrorBadCommandLsb,
                             reg::kErrorParityLsb, reg::kErrorTrapLsb, reg::kErrorWatchdogLsb}) {
    regs->error_i = static_cast<CData>(1u << bit);
    regs.tick();
    regs->error_i = 0;
    regs.tick();
    EXPECT_EQ(read(reg::kError), 1u << bit);
    EXPECT_EQ(regs->error_o, 1u << bit);
    EXPECT_EQ(regs->irq_o, 1);
    EXPECT_EQ(read(reg::kStatus), reg::kStatusErrorMask << reg::kStatusErrorLsb);
    write(reg::kError, ~(1u << bit));
    EXPECT_EQ(read(reg::kError), 1u << bit) << "cleared by writing other bits";
    write(reg::kError, 1u << bit);
    EXPECT_EQ(read(reg::kError), 0u);
  }
}

/// No event is lost: one that comes in the cycle in which its bit is cleared stays, whatever else
/// is cleared with it.
TEST_F(ControlRegisters, KeepAnErrorThatComesInTheCycleInWhichItIsCleared) {
  for (uint32_t bit = 0; bit < 8; ++bit) {
    if (bit == reg::kErrorMailOverflowLsb) continue;  // set by a write, as clearing is
    for (const uint32_t cleared : {1u << bit, 0xffu, 0xffffffffu}) {
      for (const bool set_before : {false, true}) {
        write(reg::kError, 0xff);
        regs->error_i = static_cast<CData>(set_before ? 0xff : 0);
        regs.tick();
        regs->error_i = static_cast<CData>(1u << bit);
        write_in_one_cycle(reg::kError, cleared);
        regs->error_i = 0;
        finish_write();
        const uint32_t kept = set_before ? 0xffu & ~cleared : 0u;
        EXPECT_EQ(read(reg::kError), kept | 1u << bit) << "bit " << bit << ", clearing " << cleared;
        EXPECT_EQ(regs->error_o, kept | 1u << bit);
        EXPECT_EQ(regs->irq_o, 1);
      }
    }
  }
}

/// A bit that is set and one that is cleared in the same cycle do not touch each other, and an
/// event that lasts sets its bit again after every clearing.
TEST_F(ControlRegisters, ClearOneErrorWhileAnotherComes) {
  for (uint32_t cleared = 0; cleared < 8; ++cleared) {
    for (uint32_t comes = 0; comes < 8; ++comes) {
      if (comes == cleared || comes == reg::kErrorMailOverflowLsb) continue;
      write(reg::kError, 0xff);
      regs->error_i = static_cast<CData>(1u << cleared);
      regs.tick();
      regs->error_i = static_cast<CData>(1u << comes);
      write_in_one_cycle(reg::kError, 1u << cleared);
      regs->error_i = 0;
      finish_write();
      EXPECT_EQ(read(reg::kError), 1u << comes) << cleared << " cleared, " << comes << " comes";
    }
  }
  regs->error_i = 0x5b;
  for (int i = 0; i < 3; ++i) write(reg::kError, 0xff);
  EXPECT_EQ(read(reg::kError), 0x5bu);
  regs->error_i = 0;
  write(reg::kError, 0xff);
  EXPECT_EQ(read(reg::kError), 0u);
}

TEST_F(ControlRegisters, CountAMailThatIsLostWhileAnErrorComes) {
  regs->mail_in_room_i = 0;
  regs->error_i = 1;
  write_in_one_cycle(reg::kMailIn, 1);
  regs->error_i = 0;
  finish_write();
  EXPECT_EQ(read(reg::kError), 1u | 1u << reg::kErrorMailOverflowLsb);
}

/// All 12 bits of the offset count: there is nothing beside what the list has.
TEST_F(ControlRegisters, HaveNothingBetweenTheirOffsets) {
  for (uint32_t i = 0; i < 13; ++i) regs->counters_i[i] = ~0u;
  regs->cycles_i = ~uint64_t{0};
  regs->trap_cause_i = regs->trap_pc_i = regs->trap_value_i = ~0u;
  regs->mail_out_words_i = 64;
  regs->mail_out_i = ~0u;
  regs->busy_i = regs->working_i = 1;
  read(reg::kCyclesLo);
  write(reg::kWindowAddr, 0x12345678);
  for (uint32_t offset = 0; offset < 0x1000; offset += 4) {
    if (offset <= reg::kTrapValue) continue;
    if (offset >= reg::kCyclesLo && offset <= reg::kBusErrors) continue;
    EXPECT_EQ(read(offset), 0u) << "offset " << offset;
    EXPECT_EQ(write(offset, 0xffffffff), 0u) << "offset " << offset;
    EXPECT_FALSE(reset_pulse || mail_pulse || pop_pulse) << "offset " << offset;
  }
  EXPECT_EQ(read(reg::kWatchdog), reg::kWatchdogReset);
  EXPECT_EQ(read(reg::kWindowAddr), 0x12345678u);
  EXPECT_EQ(regs->run_o, 0);
}

/// Every bit of every word goes through: each alone, and its complement.
TEST_F(ControlRegisters, PassEveryBitOfEveryWord) {
  for (uint32_t bit = 0; bit < 32; ++bit) {
    for (const uint32_t value : {1u << bit, ~(1u << bit)}) {
      for (const uint32_t offset : {reg::kWatchdog, reg::kWindowAddr}) {
        write(offset, value);
        EXPECT_EQ(read(offset), value);
      }
      EXPECT_EQ(regs->watchdog_o, value);
      write(reg::kWindowData, value);
      EXPECT_EQ(window_addr, value);
      EXPECT_EQ(window_data, value);
      EXPECT_EQ(read(reg::kWindowAddr), value + 4) << "the address carries into every bit";
      write(reg::kMailIn, value);
      EXPECT_EQ(mail, value);
      regs->mail_out_words_i = 1;
      regs->mail_out_i = value;
      EXPECT_EQ(read(reg::kMailOut), value);
      regs->trap_cause_i = value, regs->trap_pc_i = value + 1, regs->trap_value_i = value + 2;
      EXPECT_EQ(read(reg::kTrapCause), value);
      EXPECT_EQ(read(reg::kTrapPc), value + 1);
      EXPECT_EQ(read(reg::kTrapValue), value + 2);
      for (uint32_t i = 0; i < 13; ++i) regs->counters_i[i] = value + i;
      for (uint32_t i = 0; i < 13; ++i) EXPECT_EQ(read(reg::kWorkCycles + 4 * i), value + i);
      regs->cycles_i = uint64_t{value} << 32 | ~value;
      EXPECT_EQ(read(reg::kCyclesLo), ~value);
      regs->cycles_i = 0;
      EXPECT_EQ(read(reg::kCyclesHi), value);
    }
  }
  for (uint32_t words = 0; words <= 64; ++words) {
    regs->mail_out_words_i = static_cast<CData>(words);
    regs->mail_in_room_i = static_cast<CData>(64 - words);
    EXPECT_EQ(read(reg::kMailState),
              words << reg::kMailStateWordsLsb | (64 - words) << reg::kMailStateRoomLsb);
  }
}

TEST_F(ControlRegisters, ShowCountersAndTheTrap) {
  for (uint32_t i = 0; i < 13; ++i) regs->counters_i[i] = 1000 + i;
  EXPECT_EQ(read(reg::kWorkCycles), 1000u);
  EXPECT_EQ(read(reg::kBeats), 1001u);
  EXPECT_EQ(read(reg::kLoadBeats), 1002u);
  EXPECT_EQ(read(reg::kStallRead), 1003u);
  EXPECT_EQ(read(reg::kStallDrain), 1004u);
  EXPECT_EQ(read(reg::kStallWait), 1005u);
  EXPECT_EQ(read(reg::kStallIdle), 1006u);
  EXPECT_EQ(read(reg::kStoreBeats), 1007u);
  EXPECT_EQ(read(reg::kVectorBusy), 1008u);
  EXPECT_EQ(read(reg::kCommands), 1009u);
  EXPECT_EQ(read(reg::kSaturations), 1010u);
  EXPECT_EQ(read(reg::kIllegal), 1011u);
  EXPECT_EQ(read(reg::kBusErrors), 1012u);
  regs->trap_cause_i = 5;
  regs->trap_pc_i = 0x1234;
  regs->trap_value_i = 0x5678;
  EXPECT_EQ(read(reg::kTrapCause), 5u);
  EXPECT_EQ(read(reg::kTrapPc), 0x1234u);
  EXPECT_EQ(read(reg::kTrapValue), 0x5678u);
}

TEST_F(ControlRegisters, ReadCyclesInTwoWordsThatBelongTogether) {
  regs->cycles_i = 0x1'ffff'ffff;
  EXPECT_EQ(read(reg::kCyclesLo), 0xffffffffu);
  regs->cycles_i = 0x2'0000'0001;
  EXPECT_EQ(read(reg::kCyclesHi), 1u);
}

TEST_F(ControlRegisters, IgnorePartialWritesAndSaySo) {
  write(reg::kWatchdog, 0x12345678);
  EXPECT_EQ(write(reg::kWatchdog, 0xffffffff, 0x3), 2u);
  EXPECT_EQ(read(reg::kWatchdog), 0x12345678u);
  EXPECT_EQ(regs->watchdog_o, 0x12345678u);
  EXPECT_EQ(write(reg::kMailIn, 1, 0x1), 2u);
  EXPECT_FALSE(mail_pulse);
}

TEST_F(ControlRegisters, ForgetAllButTheWatchdogOnASoftReset) {
  write(reg::kWindowAddr, 64);
  write(reg::kWatchdog, 99);
  write(reg::kCtrl, reg::kCtrlRunMask << reg::kCtrlRunLsb);
  regs->error_i = 0xff;
  regs.tick();
  regs->error_i = 0;
  regs->core_rst_ni = 0;
  regs.tick();
  regs->core_rst_ni = 1;
  for (uint32_t offset : {reg::kWindowAddr, reg::kError, reg::kStatus}) {
    EXPECT_EQ(read(offset), 0u) << "offset " << offset;
  }
  EXPECT_EQ(read(reg::kWatchdog), 99u);
  EXPECT_EQ(regs->irq_o, 0);
}

TEST_F(ControlRegisters, HoldResponsesUntilTheyAreTaken) {
  regs->bready_i = 0;
  regs->awaddr_i = reg::kWatchdog;
  regs->awvalid_i = 1;
  regs->wvalid_i = 1;
  regs.tick();
  for (int i = 0; i < 5; ++i) {
    regs.settle();
    EXPECT_EQ(regs->bvalid_o, 1);
    EXPECT_EQ(regs->awready_o, 0) << "a second write before the first was answered";
    regs.tick();
  }
  regs->awvalid_i = 0;
  regs->bready_i = 1;
  regs.tick();
  EXPECT_EQ(regs->bvalid_o, 0);
}

}  // namespace
}  // namespace tern::test
