// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "command.hpp"
#include "config.hpp"

namespace tern::dram {

/// Row buffers of one channel, and the earliest cycle of every command. A command that is issued
/// pushes the earliest cycles of those it constrains; asking is then a maximum over a few numbers.
class BankState {
 public:
  static constexpr uint32_t kMaxBanks = 64;  ///< Of a channel.
  static constexpr int64_t kClosed = -1;

  BankState(const Geometry& geometry, const Timing& timing);

  /// Banks are numbered over the channel: rank x banks of a rank + bank.
  int64_t open_row(uint32_t bank) const { return banks_[bank].row; }
  bool any_open(uint32_t rank) const { return ranks_[rank].open != 0; }

  Cycle earliest_activate(uint32_t bank) const {
    const Bank& b = banks_[bank];
    const Rank& r = ranks_[b.rank];
    return std::max({b.activate, r.activate, groups_[b.group].activate, r.window[r.window_at]});
  }
  Cycle earliest_precharge(uint32_t bank) const { return banks_[bank].precharge; }
  Cycle earliest_precharge_all(uint32_t rank) const;
  Cycle earliest_column(uint32_t bank, bool write) const {
    const Bank& b = banks_[bank];
    return std::max({b.column, groups_[b.group].column[write], ranks_[b.rank].column[write]});
  }
  /// For a rank without open rows.
  Cycle earliest_refresh(uint32_t rank) const { return ranks_[rank].refresh; }

  /// For a closed bank: like an ACT, and apart from other REFpb.
  Cycle earliest_refresh_bank(uint32_t bank) const {
    return std::max(earliest_activate(bank), ranks_[banks_[bank].rank].refresh_bank);
  }

  /// What holds a column command back, for the accounts of idle cycles.
  Cycle row_ready(uint32_t bank) const { return banks_[bank].column; }
  Cycle group_ready(uint32_t bank, bool write) const {
    return groups_[banks_[bank].group].column[write];
  }
  Cycle bus_ready(uint32_t bank, bool write) const {
    return ranks_[banks_[bank].rank].column[write];
  }

  void activate(Cycle at, uint32_t bank, uint32_t row);
  void precharge(Cycle at, uint32_t bank);
  /// Returns how many rows were open.
  uint32_t precharge_all(Cycle at, uint32_t rank);
  void column(Cycle at, uint32_t bank, bool write);
  void refresh(Cycle at, uint32_t rank);
  void refresh_bank(Cycle at, uint32_t bank);

  /// Cycles up to `now` in which some row of the rank was open.
  Cycle active_cycles(uint32_t rank, Cycle now) const {
    const Rank& r = ranks_[rank];
    return r.active + (r.open != 0 ? now - r.active_since : 0);
  }

 private:
  struct Bank {
    int64_t row = kClosed;
    uint32_t rank = 0;
    uint32_t group = 0;  ///< Index into groups_.
    Cycle activate = 0, precharge = 0, column = 0;
  };
  struct Group {
    Cycle activate = 0;
    std::array<Cycle, 2> column{};  ///< Read, write.
  };
  struct Rank {
    Cycle activate = 0, refresh = 0, refresh_bank = 0;
    std::array<Cycle, 2> column{};
    std::array<Cycle, 4> window{};  ///< End of the tFAW of the last four ACT.
    uint32_t window_at = 0;         ///< The oldest of them.
    uint32_t open = 0;              ///< Banks with an open row.
    Cycle active = 0, active_since = 0;
  };
  void close(Cycle at, Bank& bank);

  const Geometry geometry_;
  const Timing timing_;
  // Distances between column commands, by [before is a write][after is a write].
  Cycle same_group_[2][2], same_rank_[2][2], other_rank_[2][2];
  std::array<Bank, kMaxBanks> banks_;
  std::array<Group, kMaxBanks> groups_;
  std::array<Rank, 8> ranks_;
};

}  // namespace tern::dram
