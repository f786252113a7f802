// SPDX-License-Identifier: Apache-2.0
// The core's counters at their full width, which no program lives long enough to reach.
#include <gtest/gtest.h>

#include "../rtl/system/clocked.hpp"
#include "Vcpu_counters.h"
#include "Vcpu_counters___024root.h"

namespace tern::test {
namespace {

class CpuCounterRegisters : public testing::Test {
 protected:
  CpuCounterRegisters() {
    counters->clear_i = counters->retire_i = counters->instret_i = counters->high_i = 0;
    counters.reset();
  }
  void set(uint64_t cycles, uint64_t instructions) {
    counters->rootp->cpu_counters__DOT__cycle_q = cycles;
    counters->rootp->cpu_counters__DOT__instret_q = instructions;
  }
  uint64_t read(bool instructions) {
    counters->instret_i = instructions;
    uint64_t value = 0;
    for (const uint32_t half : {0u, 1u}) {
      counters->high_i = half;
      counters.settle();
      value |= uint64_t{counters->data_o} << 32 * half;
    }
    return value;
  }
  Clocked<Vcpu_counters> counters;
  Dice dice{3};
};

TEST_F(CpuCounterRegisters, CarryThroughAll64Bits) {
  for (uint32_t bit = 2; bit <= 64; ++bit) {
    uint64_t cycles = (bit == 64 ? 0 : uint64_t{1} << bit) - 4;
    uint64_t instructions = cycles;
    set(cycles, instructions);
    for (int i = 0; i < 20; ++i) {
      const bool retires = dice.chance(0.7);
      counters->retire_i = retires;
      counters.tick();
      ++cycles;
      instructions += retires;
      ASSERT_EQ(read(false), cycles);
      ASSERT_EQ(read(true), instructions);
    }
  }
}

TEST_F(CpuCounterRegisters, AreHeldAtZeroWhileTheCoreDoesNotRun) {
  set(~uint64_t{0} - 1, ~uint64_t{0} - 1);
  counters->clear_i = 1;
  counters->retire_i = 1;
  for (int i = 0; i < 3; ++i) {
    counters.tick();
    EXPECT_EQ(read(false), 0u);
    EXPECT_EQ(read(true), 0u);
  }
}

}  // namespace
}  // namespace tern::test
