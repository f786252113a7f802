// SPDX-License-Identifier: Apache-2.0
// Random programs in lockstep: core and simulator agree on every instruction that retires, on every
// device access, on what the host sees meanwhile, and on the memory at the end.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "assembler.hpp"
#include "controller_bench.hpp"
#include "random_program.hpp"

namespace tern::test {
namespace {

constexpr uint64_t kProgramsPerTest = 2000;

/// What distinguishes instructions from each other: opcode, funct3 and funct7 as far as it has
/// them.
uint32_t kind_of(uint32_t insn) {
  const uint32_t opcode = insn & 0x7f;
  const uint32_t funct3 = insn & 0x7000;
  if (opcode == 0x37 || opcode == 0x17 || opcode == 0x6f) return opcode;
  if (opcode == 0x33 || (opcode == 0x13 && (funct3 == 0x1000 || funct3 == 0x5000))) {
    return insn & 0xfe00707f;
  }
  return insn & 0x707f;
}

/// RV32IM without ECALL and EBREAK, and the read of a counter: the instructions that complete.
constexpr size_t kKinds = 38 + 8 + 1;

/// What happened in all runs of a test, so that it shows what it has covered.
struct Totals {
  uint64_t instructions = 0, cycles = 0, device_accesses = 0, host_accesses = 0;
  std::set<uint32_t> kinds;
  std::map<int, uint64_t> traps;

  void add(const RunResult& run) {
    instructions += run.retired.size();
    for (const iss::Retired& retired : run.retired) {
      if (!retired.trap) kinds.insert(kind_of(retired.insn));
    }
    if (run.trap) ++traps[static_cast<int>(run.trap->cause)];
    if (!run.cycle.empty()) cycles += run.cycle.back();
  }
  void print() const {
    fmt::print("  {} instructions, {} cycles, {} device accesses, {} host accesses\n", instructions,
               cycles, device_accesses, host_accesses);
    fmt::print("  programs by the cause of their end:");
    for (const auto& [cause, count] : traps) fmt::print(" {}: {}", cause, count);
    fmt::print("\n");
  }
};

class RandomPrograms : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomPrograms, AgreeWithTheSimulator) {
  Totals totals;
  ControllerBench bench(GetParam());
  bench.fill_data();
  for (uint64_t i = 0; i < kProgramsPerTest; ++i) {
    const uint64_t seed = GetParam() * kProgramsPerTest + i;
    Dice dice(seed);
    const double rates[] = {1.0, 0.6, 0.1};
    const Surroundings surroundings{.mmio_ready = rates[dice.between(0, 2)],
                                    .host_request = dice.chance(0.5) ? 0.3 : 0.0,
                                    .tape_request = dice.chance(0.5) ? 0.4 : 0.0};
    bench.load(random_program(dice, static_cast<int>(dice.between(80, 500))));
    const RunResult run = bench.run(surroundings);
    ASSERT_EQ(run.error, "") << "program " << seed;
    ASSERT_TRUE(run.trap.has_value()) << "program " << seed;
    if (i % 16 == 0) {
      ASSERT_EQ(bench.compare_data(), "") << "program " << seed;
    }
    totals.add(run);
  }
  EXPECT_EQ(bench.compare_data(), "");
  totals.device_accesses = bench.device_accesses();
  totals.host_accesses = bench.host_accesses();
  totals.print();
  EXPECT_EQ(totals.kinds.size(), kKinds);
  EXPECT_GT(totals.instructions, 200 * kProgramsPerTest);
  EXPECT_GT(totals.device_accesses, 5 * kProgramsPerTest);
  EXPECT_GT(totals.host_accesses, 10 * kProgramsPerTest);
  EXPECT_GT(bench.tape_reads(), 10 * kProgramsPerTest);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, testing::Range<uint64_t>(1, 7));

TEST(RandomWords, AgreeWithTheSimulatorUntilTheyTrap) {
  // Registers point into the memories, so that some words get further than the first access.
  Totals totals;
  ControllerBench bench(99);
  bench.fill_data();
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Dice dice(seed);
    rv32::Program program(kBoot);
    const uint32_t bases[] = {kData, kData + 0x800, kMmio, kMmio + 0x100, kBoot, kBoot + 64};
    for (rv32::Word rd = 1; rd < 32; rd += 2) {
      program.li(rd, bases[dice.between(0, 5)] + static_cast<uint32_t>(4 * dice.between(0, 8)));
    }
    for (int i = 0; i < 40; ++i) program.emit(random_word(dice));
    bench.load(program.words());
    const RunResult run = bench.run({.mmio_ready = 0.5, .host_request = 0.1}, 400);
    ASSERT_EQ(run.error, "") << "program " << seed;
    totals.add(run);
  }
  EXPECT_EQ(bench.compare_data(), "");
  totals.device_accesses = bench.device_accesses();
  totals.host_accesses = bench.host_accesses();
  totals.print();
}

}  // namespace
}  // namespace tern::test
