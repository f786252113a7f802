// SPDX-License-Identifier: Apache-2.0
// How many cycles instructions and loops take: the figures of docs/cpu.md.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <vector>

#include "assembler.hpp"
#include "controller_bench.hpp"

namespace tern::test {
namespace {

using rv32::Program;
using rv32::Word;

constexpr bool kSmall = TERN_SMALL_FABRIC;

/// Cycles between the retirement of the instruction before `words` and that of their last one, with
/// x5 = kData, x6 = kMmio, x7 = 3.
uint64_t cycles_of(const std::vector<Word>& words, const Surroundings& surroundings = {}) {
  ControllerBench bench;
  Program program(kBoot);
  program.li(5, kData);
  program.li(6, kMmio);
  program.li(7, 3);
  const uint32_t before = program.emit(rv32::nop());
  for (const Word word : words) program.emit(word);
  const uint32_t after = program.emit(rv32::ebreak());
  bench.load(program.words());
  const RunResult run = bench.run(surroundings);
  EXPECT_EQ(run.error, "");
  // The instruction that ends the program takes one cycle itself.
  return run.cycle[run.find(after)] - run.cycle[run.find(before)] - 1;
}

TEST(CpuLatency, IsTheDocumentedOneOfEachKind) {
  EXPECT_EQ(cycles_of({rv32::add(8, 7, 7)}), 1u);
  EXPECT_EQ(cycles_of({rv32::add(8, 7, 7), rv32::add(8, 8, 8)}), 2u);
  EXPECT_EQ(cycles_of({rv32::lui(8, 0), rv32::auipc(9, 0), rv32::fence()}), 3u);
  EXPECT_EQ(cycles_of({rv32::csrr(8, 0xb00)}), 1u);
  EXPECT_EQ(cycles_of({rv32::sw(7, 5, 0)}), kSmall ? 2u : 1u);
  EXPECT_EQ(cycles_of({rv32::lw(8, 5, 0)}), kSmall ? 2u : 1u);
  EXPECT_EQ(cycles_of({rv32::lw(8, 5, 0), rv32::nop(), rv32::add(9, 8, 8)}), kSmall ? 4u : 3u);
  EXPECT_EQ(cycles_of({rv32::lw(8, 5, 0), rv32::add(9, 8, 8)}), kSmall ? 4u : 3u);
  EXPECT_EQ(cycles_of({rv32::sw(5, 5, 0), rv32::lw(8, 5, 0), rv32::lw(8, 8, 0)}), kSmall ? 7u : 4u);
  EXPECT_EQ(cycles_of({rv32::bne(7, 7, 4)}), 1u);
  EXPECT_EQ(cycles_of({rv32::beq(7, 7, 4)}), kSmall ? 3u : 2u);
  EXPECT_EQ(cycles_of({rv32::jal(8, 4)}), kSmall ? 3u : 2u);
  EXPECT_EQ(cycles_of({rv32::auipc(8, 0), rv32::jalr(8, 8, 8)}), kSmall ? 4u : 3u);
  EXPECT_EQ(cycles_of({rv32::mul(8, 7, 7)}), 3u);
  EXPECT_EQ(cycles_of({rv32::mulh(8, 7, 7), rv32::mulhu(8, 8, 7)}), 6u);
  EXPECT_EQ(cycles_of({rv32::div(8, 5, 7)}), 34u);
  EXPECT_EQ(cycles_of({rv32::divu(8, 5, 7), rv32::remu(9, 8, 7)}), 68u);
  EXPECT_EQ(cycles_of({rv32::sw(7, 6, 0)}), kSmall ? 4u : 1u);
  EXPECT_EQ(cycles_of({rv32::lw(8, 6, 0)}), kSmall ? 4u : 2u);
  EXPECT_EQ(cycles_of({rv32::lw(8, 6, 0), rv32::add(9, 8, 8)}), kSmall ? 6u : 4u);
}

struct Loop {
  const char* name;
  std::vector<Word> body;  ///< ends with a branch back; x5 = kData, x6 = kData + 0x400, x7 = 64
  uint64_t cycles;         ///< per iteration
  uint64_t small_cycles;   ///< with SmallFabric
};

TEST(CpuLoops, TakeTheDocumentedCycles) {
  using namespace rv32;
  const std::vector<Loop> loops = {
      {"count down", {addi(7, 7, -1), bne(7, 0, -4)}, 3, 4},
      {"copy words",
       {lw(8, 5, 0), addi(5, 5, 4), sw(8, 6, 0), addi(6, 6, 4), addi(7, 7, -1), bne(7, 0, -20)},
       7,
       10},
      {"copy words, value needed at once",
       {lw(8, 5, 0), sw(8, 6, 0), addi(5, 5, 4), addi(6, 6, 4), addi(7, 7, -1), bne(7, 0, -20)},
       8,
       11},
      {"sum words",
       {lw(8, 5, 0), addi(5, 5, 4), add(9, 9, 8), addi(7, 7, -1), bne(7, 0, -16)},
       6,
       8},
      {"dot product",
       {lw(8, 5, 0), lw(9, 6, 0), addi(5, 5, 4), mul(8, 8, 9), addi(6, 6, 4), add(10, 10, 8),
        addi(7, 7, -1), bne(7, 0, -28)},
       11,
       14},
      {"divide by a constant",
       {divu(8, 7, 6), add(9, 9, 8), addi(7, 7, -1), bne(7, 0, -12)},
       38,
       39},
      {"walk a list of one", {lw(5, 5, 0), addi(7, 7, -1), bne(7, 0, -8)}, 4, 6},
  };
  for (const Loop& loop : loops) {
    ControllerBench bench;
    Program program(kBoot);
    program.li(5, kData);
    program.li(6, kData + 0x400);
    program.li(7, 64);
    program.emit(sw(5, 5, 0));
    for (const Word word : loop.body) program.emit(word);
    const uint32_t branch = program.here() - 4;
    program.emit(ebreak());
    bench.load(program.words());
    const RunResult run = bench.run();
    ASSERT_EQ(run.error, "") << loop.name;
    std::vector<uint64_t> ends;
    for (size_t i = 0; i < run.retired.size(); ++i) {
      if (run.retired[i].pc == branch) ends.push_back(run.cycle[i]);
    }
    ASSERT_EQ(ends.size(), 64u) << loop.name;
    const double cycles = double(ends.back() - ends.front()) / 63;
    fmt::print("  {:<34} {:>2} instructions {:>4} cycles  CPI {:.2f}\n", loop.name,
               loop.body.size(), cycles, cycles / double(loop.body.size()));
    EXPECT_EQ(cycles, double(kSmall ? loop.small_cycles : loop.cycles)) << loop.name;
  }
}

}  // namespace
}  // namespace tern::test
