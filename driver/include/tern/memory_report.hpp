// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tern {

/// The DRAM behind a simulated chip, and what it has counted since it was opened. The counters are
/// those of sim/dram/counters.hpp, by name; "cycles", "data_busy" and "idle_..." are cycles of the
/// DRAM clock, added up over its channels.
struct MemoryReport {
  std::string name;               ///< "ddr4-2400".
  double chip_mhz = 0;            ///< Clock of the chip,
  double clock_mhz = 0;           ///< and of the DRAM.
  double peak_gb_per_second = 0;  ///< Over all channels.
  std::vector<std::pair<std::string, uint64_t>> counters;

  /// 0 for a name that is not there.
  uint64_t operator[](std::string_view counter) const {
    for (const auto& [name, value] : counters) {
      if (name == counter) return value;
    }
    return 0;
  }
  /// What was counted since `before`, which is an earlier report of the same memory.
  MemoryReport since(const MemoryReport& before) const {
    MemoryReport difference = *this;
    for (auto& [name, value] : difference.counters) value -= before[name];
    return difference;
  }
};

}  // namespace tern
