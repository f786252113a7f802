// SPDX-License-Identifier: Apache-2.0
// How the core stops, what it says, what it leaves undone, and how it starts again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "assembler.hpp"
#include "controller_bench.hpp"

namespace tern::test {
namespace {

using iss::Cause;
using rv32::Program;
using rv32::Word;

struct TrapCase {
  const char* name;
  std::vector<Word> words;  ///< x5 = kData + 0x100, x6 = kMmio, x7 = 3; the last word traps
  Cause cause;
  uint32_t value;
};

const uint32_t kTrapPc = kBoot + 6 * 4;  // after three li

const TrapCase kCases[] = {
    {"ecall", {rv32::ecall()}, Cause::kEnvironmentCall, 0},
    {"ebreak", {rv32::ebreak()}, Cause::kBreakpoint, kTrapPc},
    {"zeros", {0x00000000}, Cause::kIllegal, 0},
    {"ones", {0xffffffff}, Cause::kIllegal, 0xffffffff},
    {"compressed", {0x00000001}, Cause::kIllegal, 1},
    {"mret", {0x30200073}, Cause::kIllegal, 0x30200073},
    {"wfi", {0x10500073}, Cause::kIllegal, 0x10500073},
    {"fence_i", {0x0000100f}, Cause::kIllegal, 0x0000100f},
    {"csr_write", {0xb0029073}, Cause::kIllegal, 0xb0029073},
    {"csr_set", {0xb002a073}, Cause::kIllegal, 0xb002a073},
    {"mstatus", {rv32::csrr(1, 0x300)}, Cause::kIllegal, rv32::csrr(1, 0x300)},
    {"time", {rv32::csrr(1, 0xc01)}, Cause::kIllegal, rv32::csrr(1, 0xc01)},
    {"amo", {0x0862a1af}, Cause::kIllegal, 0x0862a1af},
    {"slli_by_32", {0x02029293}, Cause::kIllegal, 0x02029293},
    {"lh_odd", {rv32::lh(8, 5, 1)}, Cause::kLoadMisaligned, kData + 0x101},
    {"lhu_odd", {rv32::lhu(8, 5, 3)}, Cause::kLoadMisaligned, kData + 0x103},
    {"lw_half", {rv32::lw(8, 5, 2)}, Cause::kLoadMisaligned, kData + 0x102},
    {"lw_odd", {rv32::lw(8, 5, -1)}, Cause::kLoadMisaligned, kData + 0xff},
    {"sh_odd", {rv32::sh(8, 5, 1)}, Cause::kStoreMisaligned, kData + 0x101},
    {"sw_half", {rv32::sw(8, 5, 2)}, Cause::kStoreMisaligned, kData + 0x102},
    {"mmio_lw_odd", {rv32::lw(8, 6, 1)}, Cause::kLoadMisaligned, kMmio + 1},
    {"mmio_sh_odd", {rv32::sh(8, 6, 3)}, Cause::kStoreMisaligned, kMmio + 3},
    {"load_below_data", {rv32::lw(8, 5, -0x104)}, Cause::kLoadFault, kData - 4},
    {"store_below_data", {rv32::sb(8, 5, -0x101)}, Cause::kStoreFault, kData - 1},
    {"load_below_mmio", {rv32::lw(8, 6, -4)}, Cause::kLoadFault, kMmio - 4},
    {"load_instructions", {rv32::lui(5, 0x10000), rv32::lw(8, 5, 0)}, Cause::kLoadFault, 0x10000},
    {"store_null", {rv32::sw(8, 0, 0)}, Cause::kStoreFault, 0},
    {"load_above_data",
     {rv32::lui(5, kData + 0x1000), rv32::lbu(8, 5, 0)},
     Cause::kLoadFault,
     kData + 0x1000},
    {"device_load_error",
     {rv32::ori(9, 6, 0x400), rv32::add(9, 9, 9), rv32::or_(9, 9, 6), rv32::lw(8, 9, 4)},
     Cause::kLoadFault,
     kMmio + 0x804},
    {"device_store_error",
     {rv32::ori(9, 6, 0x400), rv32::add(9, 9, 9), rv32::or_(9, 9, 6), rv32::sb(8, 9, 5)},
     Cause::kStoreFault,
     kMmio + 0x805},
    {"jal_misaligned", {rv32::jal(8, 6)}, Cause::kFetchMisaligned, kTrapPc + 6},
    {"jalr_misaligned", {rv32::jalr(8, 7, 0)}, Cause::kFetchMisaligned, 2},
    {"branch_misaligned", {rv32::beq(0, 0, -6)}, Cause::kFetchMisaligned, kTrapPc - 6},
};

Program setup() {
  Program program(kBoot);
  program.li(5, kData + 0x100);
  program.li(6, kMmio);
  program.li(7, 3);
  return program;
}

class CpuTrap : public testing::TestWithParam<TrapCase> {};

TEST_P(CpuTrap, NamesItsCauseAndChangesNothing) {
  const TrapCase& c = GetParam();
  for (const double ready : {1.0, 0.3}) {
    ControllerBench bench;
    bench.fill_data();
    Program program = setup();
    for (const Word word : c.words) program.emit(word);
    const uint32_t pc = program.here() - 4;
    // What follows the trap would be seen in memory, and the trap's rd in the second program.
    program.emit(rv32::sw(7, 5, 0));
    program.emit(rv32::addi(10, 0, 99));
    bench.load(program.words());
    bench.iss().set_reg(8, 0);
    const RunResult run = bench.run({.mmio_ready = ready});
    ASSERT_EQ(run.error, "");
    ASSERT_TRUE(run.trap.has_value());
    EXPECT_EQ(run.trap->cause, c.cause);
    EXPECT_EQ(run.trap->pc, pc);
    EXPECT_EQ(run.trap->value, c.value);
    EXPECT_EQ(run.retired.size(), 6 + c.words.size());
    EXPECT_TRUE(run.retired.back().trap.has_value());
    EXPECT_EQ(run.retired.back().rd, 0);
    EXPECT_EQ(bench.compare_data(), "");

    Program again(kBoot);
    again.emit(rv32::addi(9, 8, 0));
    again.emit(rv32::addi(11, 10, 0));
    again.emit(rv32::ebreak());
    bench.load(again.words());
    const RunResult second = bench.run();
    ASSERT_EQ(second.error, "");
    EXPECT_EQ(second.retired[0].rd_data, 0u);
    EXPECT_EQ(second.retired[1].rd_data, 0u);
    EXPECT_EQ(second.trap->cause, Cause::kBreakpoint);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, CpuTrap, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(CpuTrapOrder, EarlierInstructionsComplete) {
  ControllerBench bench;
  Program program = setup();
  program.emit(rv32::sw(7, 5, 0));
  program.emit(rv32::lw(8, 5, 0));
  program.emit(rv32::ecall());
  bench.load(program.words());
  const RunResult run = bench.run();
  ASSERT_EQ(run.error, "");
  EXPECT_EQ(bench.host_read(kData + 0x100), 3u);
  EXPECT_EQ(run.retired[run.retired.size() - 2].rd_data, 3u);
}

TEST(CpuTrapOrder, AnInstructionBehindATakenBranchDoesNotTrap) {
  ControllerBench bench;
  for (const Word behind : {rv32::ecall(), Word{0}, rv32::lw(8, 5, 1), rv32::sw(7, 0, 0)}) {
    Program program = setup();
    program.emit(rv32::beq(0, 0, 12));
    program.emit(behind);
    program.emit(rv32::ecall());
    program.emit(rv32::jal(0, 8));
    program.emit(behind);
    program.emit(rv32::ebreak());
    bench.load(program.words());
    const RunResult run = bench.run();
    ASSERT_EQ(run.error, "");
    EXPECT_EQ(run.trap->cause, Cause::kBreakpoint);
  }
}

TEST(CpuTrapOrder, AnAddressThatIsStillBeingLoadedIsWaitedFor) {
  // Before the load returns, x8 is 1: using that value would be a misaligned access.
  ControllerBench bench;
  Program program = setup();
  program.emit(rv32::addi(8, 0, 1));
  program.emit(rv32::sw(5, 5, 0));
  program.emit(rv32::lw(8, 5, 0));
  program.emit(rv32::lw(9, 8, 0));
  program.emit(rv32::ebreak());
  bench.load(program.words());
  const RunResult run = bench.run();
  ASSERT_EQ(run.error, "");
  EXPECT_EQ(run.trap->cause, Cause::kBreakpoint);
  EXPECT_EQ(run.retired[run.retired.size() - 2].rd_data, kData + 0x100);
}

TEST(CpuFetchFault, IsTakenAtTheEndOfTheMemoryAndAtAJumpOutOfIt) {
  ControllerBench bench;
  const uint32_t end = kMap.instr.base + static_cast<uint32_t>(kMap.instr.bytes);
  bench.host_write(end - 4, rv32::addi(7, 7, 1));
  for (const uint32_t target : {end, end - 4, kMap.instr.base - 4, 0u, kData, 0xfffffffcu}) {
    Program program(kBoot);
    program.li(5, target);
    program.emit(rv32::jalr(1, 5, 0));
    program.emit(rv32::ebreak());
    bench.load(program.words());
    const RunResult run = bench.run();
    ASSERT_EQ(run.error, "");
    const uint32_t at = target == end - 4 ? end : target;
    EXPECT_EQ(*run.trap, (iss::Trap{Cause::kFetchFault, at, at}));
    // The jump itself is complete.
    EXPECT_EQ(run.retired[2].rd_data, kBoot + 12);
  }
}

/// The legal instructions of the core, as mask and match: from the specification's tables.
bool is_legal(Word w) {
  static const Word table[][2] = {
      {0x7f, 0x37},
      {0x7f, 0x17},
      {0x7f, 0x6f},
      {0x707f, 0x67},  // LUI to JALR
      {0x707f, 0x0063},
      {0x707f, 0x1063},
      {0x707f, 0x4063},
      {0x707f, 0x5063},  // branches
      {0x707f, 0x6063},
      {0x707f, 0x7063},
      {0x707f, 0x0003},
      {0x707f, 0x1003},
      {0x707f, 0x2003},
      {0x707f, 0x4003},  // loads
      {0x707f, 0x5003},
      {0x707f, 0x0023},
      {0x707f, 0x1023},
      {0x707f, 0x2023},  // stores
      {0x707f, 0x0013},
      {0x707f, 0x2013},
      {0x707f, 0x3013},
      {0x707f, 0x4013},  // OP-IMM
      {0x707f, 0x6013},
      {0x707f, 0x7013},
      {0xfe00707f, 0x1013},
      {0xfe00707f, 0x5013},
      {0xfe00707f, 0x40005013},
      {0xfe00707f, 0x00000033},
      {0xfe00707f, 0x40000033},
      {0xfe00707f, 0x00001033},  // OP
      {0xfe00707f, 0x00002033},
      {0xfe00707f, 0x00003033},
      {0xfe00707f, 0x00004033},
      {0xfe00707f, 0x00005033},
      {0xfe00707f, 0x40005033},
      {0xfe00707f, 0x00006033},
      {0xfe00707f, 0x00007033},
      {0xfe00007f, 0x02000033},  // and M
      {0x707f, 0x000f},
      {0xffffffff, 0x00000073},
      {0xffffffff, 0x00100073},  // FENCE, SYSTEM
  };
  for (const auto& [mask, match] : table) {
    if ((w & mask) == match) return true;
  }
  const Word csr = w >> 20;
  const bool counter = csr == 0xb00 || csr == 0xb02 || csr == 0xb80 || csr == 0xb82 ||
                       csr == 0xc00 || csr == 0xc02 || csr == 0xc80 || csr == 0xc82;
  const Word kind = w >> 12 & 7;
  return (w & 0x7f) == 0x73 && (w >> 15 & 31) == 0 && counter &&
         (kind == 2 || kind == 3 || kind == 6 || kind == 7);
}

/// Runs each word as a program's first instruction and compares only whether it is illegal.
void check_legality(const std::vector<Word>& words) {
  ControllerBench bench;
  bench.load({rv32::ebreak(), rv32::ebreak()});
  for (const Word word : words) {
    bench.host_write(kBoot, word);
    const RunResult run = bench.run({}, 1);
    ASSERT_EQ(run.error, "");
    const bool illegal = run.retired[0].trap == Cause::kIllegal;
    ASSERT_EQ(illegal, !is_legal(word)) << fmt::format("{:08x}", word);
  }
}

TEST(IllegalInstruction, IsEveryWordOutsideOfTheTables) {
  // Every major opcode, funct3 and funct7; registers vary along.
  std::vector<Word> words;
  for (Word i = 0; i < 32 * 8 * 128; ++i) {
    const Word registers = i * 0x9e3779b9u & 0x01ff8f80;
    words.push_back((i >> 8) << 25 | (i >> 5 & 7) << 12 | (i & 31) << 2 | 3 | registers);
  }
  for (Word i = 0; i < 1000; ++i) words.push_back(i * 0x9e3779b9u << 2 | i % 3);
  check_legality(words);
}

TEST(IllegalInstruction, IsEverySystemInstructionButCounterReadsAndTheTwoCalls) {
  std::vector<Word> words;
  for (Word csr = 0; csr < 4096; ++csr) {
    for (Word funct3 = 0; funct3 < 8; ++funct3) {
      words.push_back(csr << 20 | funct3 << 12 | 0x73);
      words.push_back(csr << 20 | 1u << (15 + csr % 5) | funct3 << 12 | 0x73);
      words.push_back(csr << 20 | funct3 << 12 | 1u << (7 + csr % 5) | 0x73);
    }
  }
  check_legality(words);
}

TEST(CpuRunInput, StartsAgainAfterItWasTakenAwayInTheMiddleOfAnything) {
  for (const Word slow : {rv32::div(8, 5, 7), rv32::mul(8, 5, 7), rv32::lw(8, 6, 0),
                          rv32::sw(7, 6, 4), rv32::lw(8, 5, 0), rv32::jal(0, 0)}) {
    ControllerBench bench;
    Program program = setup();
    program.emit(slow);
    program.emit(rv32::rem(9, 8, 7));
    program.emit(rv32::mulhu(10, 8, 5));
    program.emit(rv32::lw(11, 6, 8));
    program.emit(slow == rv32::jal(0, 0) ? rv32::nop() : rv32::ebreak());
    for (uint64_t cycles = 0; cycles < 50; ++cycles) {
      bench.load(program.words());
      bench.run_and_abandon(cycles, {.mmio_ready = 0.1});
      // What is still out at the device port is answered before the core starts.
      for (int wait = 0; bench.dut()->mmio_valid_o; ++wait) {
        ASSERT_LT(wait, 10);
        bench.dut()->mmio_ready_i = 1;
        bench.dut().tick();
        bench.dut().settle();
      }
      Program next = setup();
      next.emit(rv32::div(8, 5, 7));
      next.emit(rv32::mul(9, 5, 7));
      next.emit(rv32::lw(10, 6, 16));
      next.emit(rv32::csrr(11, 0xb00));
      next.emit(rv32::ebreak());
      bench.load(next.words());
      const RunResult run = bench.run({.mmio_ready = 0.5});
      ASSERT_EQ(run.error, "") << "abandoned after " << cycles;
      ASSERT_EQ(run.trap->cause, Cause::kBreakpoint);
    }
  }
}

TEST(CpuRunInput, DoesNotStartWhileAnAbandonedDeviceAccessIsOut) {
  ControllerBench bench;
  Program program = setup();
  program.emit(rv32::lw(8, 6, 0));
  program.emit(rv32::ebreak());
  bench.load(program.words());
  bench.run_and_abandon(12, {.mmio_ready = 0.0});
  auto& dut = bench.dut();
  ASSERT_TRUE(dut->mmio_valid_o);
  dut->run_i = 1;
  dut->mmio_ready_i = 0;
  for (int i = 0; i < 20; ++i) {
    dut.tick();
    ASSERT_TRUE(dut->mmio_valid_o);
    ASSERT_FALSE(dut->retire_o[178 / 32] >> (178 % 32) & 1);
  }
  dut->mmio_ready_i = 1;
  dut.tick();
  dut->mmio_ready_i = 0;
  int cycles = 0;
  while (dut.settle(), !dut->mmio_valid_o) {
    ASSERT_LT(++cycles, 20);
    dut.tick();
  }
  EXPECT_EQ(dut->mmio_addr_o, kMmio);
}

TEST(ControllerHostPort, AnswersWithAnErrorOutsideOfItsWindows) {
  ControllerBench bench;
  for (const uint32_t addr : {0u, kMap.instr.base - 4, kMap.instr.base + 16384, kData - 4,
                              kData + 4096, kMmio, 0xfffffffcu}) {
    EXPECT_EQ(bench.host_read(addr), std::nullopt);
  }
  const auto write_error = [&](uint32_t addr) {
    bench.host_write(addr, 0x5a5a5a5a);
    EXPECT_TRUE(bench.dut()->host_done_o);
    return bool(bench.dut()->host_error_o);
  };
  bench.fill_data();
  for (const uint32_t addr : {0u, kMap.instr.base + 16384, kData - 4, kData + 4096, kMmio}) {
    EXPECT_TRUE(write_error(addr));
  }
  EXPECT_EQ(bench.compare_data(), "");
  EXPECT_FALSE(write_error(kMap.instr.base));
  EXPECT_FALSE(write_error(kMap.instr.base + 16380));
  EXPECT_FALSE(write_error(kData));
  EXPECT_FALSE(write_error(kData + 4092));
}

TEST(ControllerHostPort, OpensTheInstructionMemoryOnlyWhileTheCoreDoesNotRun) {
  ControllerBench bench;
  bench.load({rv32::jal(0, 0), rv32::ebreak()});
  EXPECT_EQ(bench.host_read(kBoot), rv32::jal(0, 0));
  auto& dut = bench.dut();
  dut->run_i = 0;
  dut.tick();
  dut->run_i = 1;
  for (int i = 0; i < 10; ++i) dut.tick();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(bench.host_read(kBoot), std::nullopt);
    bench.host_write(kBoot, rv32::ecall());
    EXPECT_TRUE(dut->host_error_o);
  }
  for (int i = 0; i < 10; ++i) dut.tick();
  EXPECT_FALSE(dut->trap_o);
  dut->run_i = 0;
  dut.tick();
  EXPECT_EQ(bench.host_read(kBoot), rv32::jal(0, 0));
  // After a trap it is open again.
  bench.load({rv32::ecall()});
  bench.run();
  ASSERT_TRUE(dut->trap_o);
  EXPECT_EQ(bench.host_read(kBoot), rv32::ecall());
}

TEST(ControllerHostPort, WritesWithStrobes) {
  ControllerBench bench;
  for (uint8_t strobe = 0; strobe < 16; ++strobe) {
    bench.host_write(kData + 4u * strobe, 0x11223344);
    bench.host_write(kData + 4u * strobe, 0xaabbccdd, strobe);
    EXPECT_EQ(bench.host_read(kData + 4u * strobe), bench.iss().data()[strobe]);
  }
  // Half of the instruction memory's words changes, and the program shows it.
  bench.load({rv32::addi(5, 0, 1), rv32::ebreak()});
  bench.host_write(kBoot, rv32::addi(0, 0, 0x123), 0xc);
  const RunResult run = bench.run();
  ASSERT_EQ(run.error, "");
  EXPECT_EQ(run.retired[0].rd_data, 0x123u);
}

}  // namespace
}  // namespace tern::test
