#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

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
    regs->cmd_ready_i = 1;
    regs->cmd_space_i = 8;
    regs.settle();
  }

  /// Returns the response.
  uint32_t write(uint32_t offset, uint32_t value, uint32_t strobes = 0xf) {
    regs->awaddr_i = offset;
    regs->wdata_i = value;
    regs->wstrb_i = strobes;
    regs->awvalid_i = 1;
    regs->wvalid_i = 1;
    regs.settle();
    EXPECT_EQ(regs->awready_o, 1);
    EXPECT_EQ(regs->wready_o, 1);
    rang = regs->cmd_valid_o;
    reset_pulse = regs->soft_reset_o;
    std::memcpy(command.w, &regs->cmd_o, sizeof command.w);
    regs.tick();
    regs->awvalid_i = 0;
    regs->wvalid_i = 0;
    regs.settle();
    EXPECT_EQ(regs->bvalid_o, 1);
    const uint32_t response = regs->bresp_o;
    regs.tick();
    regs.settle();
    EXPECT_EQ(regs->bvalid_o, 0);
    return response;
  }

  uint32_t read(uint32_t offset) {
    regs->araddr_i = offset;
    regs->arvalid_i = 1;
    regs.settle();
    EXPECT_EQ(regs->arready_o, 1);
    regs.tick();
    regs->arvalid_i = 0;
    regs.settle();
    EXPECT_EQ(regs->rvalid_o, 1);
    const uint32_t value = regs->rdata_o;
    EXPECT_EQ(regs->rresp_o, 0);
    regs.tick();
    return value;
  }

  Clocked<Vcontrol_registers> regs;
  spec::Command::Words command{};
  bool rang = false, reset_pulse = false;
};

TEST_F(ControlRegisters, TellWhatTheChipIs) {
  EXPECT_EQ(read(reg::kId), reg::kIdReset);
  EXPECT_EQ(read(reg::kVersion), reg::kVersionReset);
  EXPECT_EQ(read(reg::kConfig), 64u << reg::kConfigColumnsLsb | 8u << reg::kConfigActColumnsLsb |
                                    52u << reg::kConfigAccDepthLsb);
  EXPECT_EQ(read(reg::kConfig2), 256u << reg::kConfig2ActDepthLsb | 8u << reg::kConfig2CmdDepthLsb);
  EXPECT_EQ(read(reg::kStatus), 8u << reg::kStatusCmdSpaceLsb);
  EXPECT_EQ(read(0xffc), 0u);
}

TEST_F(ControlRegisters, HandOutTheCommandWhenTheDoorbellRings) {
  for (uint32_t i = 0; i < 8; ++i) {
    EXPECT_EQ(write(reg::kCmd + 4 * i, 0x11111111 * (i + 1)), 0u);
    EXPECT_FALSE(rang);
  }
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(read(reg::kCmd + 4 * i), 0x11111111 * (i + 1));
  write(reg::kDoorbell, 1);
  EXPECT_TRUE(rang);
  for (uint32_t i = 0; i < 8; ++i) EXPECT_EQ(command.w[i], 0x11111111 * (i + 1));
}

TEST_F(ControlRegisters, RefuseADoorbellIntoAFullQueue) {
  regs->cmd_ready_i = 0;
  write(reg::kDoorbell, 1);
  EXPECT_FALSE(rang);
  EXPECT_EQ(read(reg::kError), reg::kErrorQueueOverflowMask << reg::kErrorQueueOverflowLsb);
  EXPECT_EQ(regs->irq_o, 1);
}

TEST_F(ControlRegisters, RaiseTheInterruptUntilAllDoneIsAcknowledged) {
  regs->done_i = 1;
  regs.tick();
  regs.tick();
  regs->done_i = 0;
  regs.tick();
  EXPECT_EQ(regs->irq_o, 1);
  EXPECT_EQ(read(reg::kDone), 2u);
  write(reg::kIrqAck, 1);
  EXPECT_EQ(regs->irq_o, 1);
  write(reg::kIrqAck, 2);
  regs.settle();
  EXPECT_EQ(regs->irq_o, 0);
}

TEST_F(ControlRegisters, KeepErrorsUntilAOneIsWritten) {
  const std::vector<std::pair<CData*, uint32_t>> sources = {
      {&regs->bus_read_error_i, reg::kErrorBusReadLsb},
      {&regs->bus_write_error_i, reg::kErrorBusWriteLsb},
      {&regs->illegal_i, reg::kErrorIllegalCodeLsb},
      {&regs->bad_command_i, reg::kErrorBadCommandLsb},
  };
  for (const auto& [source, bit] : sources) {
    *source = 1;
    regs.tick();
    *source = 0;
    regs.tick();
    EXPECT_EQ(read(reg::kError), 1u << bit);
    EXPECT_EQ(read(reg::kStatus) & 2, 2u);
    write(reg::kError, ~(1u << bit));
    EXPECT_EQ(read(reg::kError), 1u << bit) << "cleared by writing other bits";
    write(reg::kError, 1u << bit);
    EXPECT_EQ(read(reg::kError), 0u);
  }
}

TEST_F(ControlRegisters, CountEvents) {
  struct Source {
    CData* event;
    uint32_t offset;
    uint32_t cycles;
  };
  const std::vector<Source> sources = {
      {&regs->beat_i, reg::kBeats, 11},
      {&regs->load_beat_i, reg::kLoadBeats, 7},
      {&regs->result_beat_i, reg::kResultBeats, 5},
      {&regs->stall_read_i, reg::kStallRead, 3},
      {&regs->stall_drain_i, reg::kStallDrain, 13},
      {&regs->busy_i, reg::kBusyCycles, 17},
  };
  for (const Source& source : sources) {
    *source.event = 1;
    for (uint32_t i = 0; i < source.cycles; ++i) regs.tick();
    *source.event = 0;
  }
  regs->illegal_i = 64;
  regs.tick();
  regs->illegal_i = 3;
  regs.tick();
  regs->illegal_i = 0;
  for (const Source& source : sources) EXPECT_EQ(read(source.offset), source.cycles);
  EXPECT_EQ(read(reg::kIllegal), 67u);
}

TEST_F(ControlRegisters, CountCyclesInTwoWordsThatBelongTogether) {
  const uint32_t first = read(reg::kCyclesLo);
  for (int i = 0; i < 100; ++i) regs.tick();
  const uint32_t second = read(reg::kCyclesLo);
  EXPECT_EQ(second - first, 102u);
  EXPECT_EQ(read(reg::kCyclesHi), 0u);
}

TEST_F(ControlRegisters, IgnorePartialWritesAndSaySo) {
  write(reg::kCmd, 0x12345678);
  EXPECT_EQ(write(reg::kCmd, 0xffffffff, 0x3), 2u);
  EXPECT_EQ(read(reg::kCmd), 0x12345678u);
  EXPECT_EQ(write(reg::kDoorbell, 1, 0x1), 2u);
  EXPECT_FALSE(rang);
}

TEST_F(ControlRegisters, ForgetAllOnASoftReset) {
  write(reg::kCmd, 5);
  regs->done_i = 1;
  regs->bad_command_i = 1;
  regs.tick();
  regs->done_i = 0;
  regs->bad_command_i = 0;
  write(reg::kCtrl, 0);
  EXPECT_FALSE(reset_pulse);
  write(reg::kCtrl, 1);
  EXPECT_TRUE(reset_pulse);
  regs->core_rst_ni = 0;
  regs.tick();
  regs->core_rst_ni = 1;
  for (uint32_t offset : {reg::kCmd, reg::kDone, reg::kError, reg::kIrqAck, reg::kBeats}) {
    EXPECT_EQ(read(offset), 0u) << "offset " << offset;
  }
  EXPECT_EQ(regs->irq_o, 0);
}

TEST_F(ControlRegisters, HoldResponsesUntilTheyAreTaken) {
  regs->bready_i = 0;
  regs->awaddr_i = reg::kCmd;
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
