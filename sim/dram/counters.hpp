// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tern::dram {

/// What a channel did. The data bus is busy or idle for one cause in every cycle:
/// `data_busy` and the idle_ counts add up to `cycles`. Of causes that overlap the one that comes
/// first in this order is counted. Sums over channels have the sum of their cycles.
struct Counters {
  uint64_t cycles = 0;
  uint64_t reads = 0;           ///< RD.
  uint64_t writes = 0;          ///< WR.
  uint64_t forwarded = 0;       ///< Reads answered from the write queue.
  uint64_t activates = 0;       ///< ACT.
  uint64_t precharges = 0;      ///< Banks closed.
  uint64_t refreshes = 0;       ///< REF of a rank.
  uint64_t bank_refreshes = 0;  ///< REFpb of a bank.
  uint64_t row_hits = 0;        ///< RD and WR to a row that another request opened.
  uint64_t row_misses = 0;      ///< Those whose bank was closed.
  uint64_t row_conflicts = 0;   ///< Those whose bank had another row open.
  uint64_t turnarounds = 0;     ///< Changes between reading and writing.

  uint64_t data_busy = 0;
  uint64_t idle_no_request = 0;  ///< Nothing to do, or the latency of the first request after that.
  uint64_t idle_refresh = 0;     ///< A refresh was due or under way in the rank.
  uint64_t idle_turnaround = 0;  ///< Between reading and writing, or between ranks.
  uint64_t idle_bank_group = 0;  ///< Beyond tCCD_S, as the same bank group came again.
  uint64_t idle_row = 0;         ///< A row had to be opened.
  uint64_t idle_other = 0;       ///< The command bus was taken.

  // For energy, over ranks: an open row in some bank, or none. Both include refresh.
  uint64_t active_standby = 0;
  uint64_t precharge_standby = 0;

  Counters& operator+=(const Counters& other);
  Counters& operator-=(const Counters& other);
  uint64_t idle() const {
    return idle_no_request + idle_refresh + idle_turnaround + idle_bank_group + idle_row +
           idle_other;
  }
  /// Part of the data bus's cycles that moved data.
  double utilisation() const {
    return cycles > 0 ? static_cast<double>(data_busy) / static_cast<double>(cycles) : 0.0;
  }
};

/// The fields, for reports and sums.
struct CounterField {
  const char* name;
  uint64_t Counters::*member;
};
inline constexpr CounterField kCounterFields[] = {
    {"cycles", &Counters::cycles},
    {"reads", &Counters::reads},
    {"writes", &Counters::writes},
    {"forwarded", &Counters::forwarded},
    {"activates", &Counters::activates},
    {"precharges", &Counters::precharges},
    {"refreshes", &Counters::refreshes},
    {"bank_refreshes", &Counters::bank_refreshes},
    {"row_hits", &Counters::row_hits},
    {"row_misses", &Counters::row_misses},
    {"row_conflicts", &Counters::row_conflicts},
    {"turnarounds", &Counters::turnarounds},
    {"data_busy", &Counters::data_busy},
    {"idle_no_request", &Counters::idle_no_request},
    {"idle_refresh", &Counters::idle_refresh},
    {"idle_turnaround", &Counters::idle_turnaround},
    {"idle_bank_group", &Counters::idle_bank_group},
    {"idle_row", &Counters::idle_row},
    {"idle_other", &Counters::idle_other},
    {"active_standby", &Counters::active_standby},
    {"precharge_standby", &Counters::precharge_standby},
};

inline Counters& Counters::operator+=(const Counters& other) {
  for (const auto& [name, member] : kCounterFields) this->*member += other.*member;
  return *this;
}
inline Counters& Counters::operator-=(const Counters& other) {
  for (const auto& [name, member] : kCounterFields) this->*member -= other.*member;
  return *this;
}

}  // namespace tern::dram
