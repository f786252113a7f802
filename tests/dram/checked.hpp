// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "dram/checker.hpp"
#include "dram/memory.hpp"
#include "dram/patterns.hpp"
#include "dram/presets.hpp"

namespace tern::dram::test {

/// A memory with a checker on every channel.
class CheckedMemory {
 public:
  /// `promised` is what the checkers hold the scheduler to; the memory keeps to `config`.
  explicit CheckedMemory(const Config& config) : CheckedMemory(config, config.timing) {}
  CheckedMemory(const Config& config, const Timing& promised) : memory(config) {
    for (uint32_t i = 0; i < memory.channels(); ++i) {
      checkers.push_back(std::make_unique<TimingChecker>(config.geometry, promised,
                                                         config.controller.refresh_banks));
      memory.observe(i,
                     [c = checkers.back().get()](const Command& command) { c->observe(command); });
    }
  }

  uint64_t violations() {
    uint64_t sum = 0;
    for (const auto& checker : checkers) {
      checker->finish(memory.now());
      sum += checker->violations();
    }
    return sum;
  }
  void expect_clean() {
    EXPECT_EQ(violations(), 0u);
    for (const auto& checker : checkers) {
      EXPECT_GT(checker->commands(), 0u);
      for (const std::string& message : checker->messages()) ADD_FAILURE() << message;
    }
  }

  Memory memory;
  std::vector<std::unique_ptr<TimingChecker>> checkers;
};

/// A memory in which every timing is the one that binds, somewhere: two ranks, bank groups, and
/// distances that do not hide behind each other.
inline Config busy_config() {
  Config c;
  c.name = "busy";
  c.data_rate = 2000;
  c.geometry = {.channels = 1,
                .ranks = 2,
                .bank_groups = 2,
                .banks_per_group = 2,
                .rows = 64,
                .columns = 64,
                .bus_bits = 64,
                .burst_length = 8};
  c.timing = {.cl = 11,
              .cwl = 9,
              .burst = 4,
              .rcd = 10,
              .rp = 12,
              .ras = 26,
              .rc = 41,
              .ccd_s = 5,
              .ccd_l = 7,
              .rrd_s = 5,
              .rrd_l = 8,
              .faw = 30,
              .wtr_s = 4,
              .wtr_l = 9,
              .rtw = 9,
              .rtp = 8,
              .wr = 14,
              .rtrs = 2,
              .refi = 1500,
              .rfc = 120,
              .rfc_pb = 60};
  c.mapping = "row-bank-column-rank-bankgroup";
  return c;
}

/// Reads and writes with pauses: a pause ends with a new one after 1 to 200 cycles.
inline void run_bursty(Memory& memory, uint64_t requests, uint64_t seed) {
  PatternSource any(Pattern::kRandomMixed, memory.config(), seed);
  PatternSource pauses(Pattern::kRandomReads, memory.config(), seed + 1);
  const uint64_t burst = memory.burst_bytes();
  for (uint64_t i = 0; i < requests; ++i) {
    const PatternSource::Request r = any.next();
    const uint64_t dice = pauses.next().address / burst;
    if (dice % 7 == 0) memory.advance(memory.now() + 1 + static_cast<Cycle>(dice / 7 % 200));
    while (!memory.accepts(r.address, r.write)) memory.advance(memory.next() + 1);
    r.write ? memory.push_write(r.address) : memory.push_read(i, r.address);
  }
}

}  // namespace tern::dram::test
