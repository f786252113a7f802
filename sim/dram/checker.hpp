// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "command.hpp"
#include "config.hpp"

namespace tern::dram {

/// Watches the commands of one channel and says which break the timing. It shares nothing with the
/// scheduler: every command is compared with each one before it that is near enough, by a table
/// of least distances written from the standards' definitions.
class TimingChecker {
 public:
  /// `refresh_banks`: single banks are refreshed (REFpb) instead of ranks.
  TimingChecker(const Geometry& geometry, const Timing& timing, bool refresh_banks = false);

  /// Commands come in the order of their cycles.
  void observe(const Command& command);
  /// To be called at the end: refreshes that did not come.
  void finish(Cycle now);

  uint64_t commands() const { return commands_; }
  uint64_t violations() const { return violations_; }
  /// The first ones, in words: what, where, how far from the limit.
  const std::vector<std::string>& messages() const { return messages_; }
  /// Names of the timings that were broken, in the order in which that happened.
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  struct Limit {
    const char* name;
    Cycle distance;
  };
  void report(const Command& command, const char* name, const std::string& what);
  Limit limit(const Command& before, const Command& after) const;
  void check_rows(const Command& command);
  void check_window(const Command& command);
  void check_data(const Command& command);
  void check_refreshes(Cycle now);
  uint32_t group(const Command& c) const { return c.bank / geometry_.banks_per_group; }

  const Geometry geometry_;
  const Timing timing_;
  const bool refresh_banks_;
  Cycle horizon_ = 0;  ///< Beyond this distance nothing is constrained.
  std::deque<Command> recent_;
  std::vector<int64_t> rows_;                 ///< Open row of each bank of the channel, or -1.
  std::vector<std::deque<Cycle>> activates_;  ///< The last four of each rank.
  std::vector<uint64_t> refreshes_;           ///< Of each rank, or of each bank.
  Cycle data_end_ = 0;
  uint32_t data_rank_ = 0;
  uint64_t commands_ = 0, violations_ = 0;
  std::vector<std::string> messages_, broken_;
};

}  // namespace tern::dram
