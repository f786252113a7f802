// SPDX-License-Identifier: Apache-2.0
#include "dram_timing.hpp"

#include <algorithm>

namespace tern::tlm {

StatisticalMemoryTiming timing_of(const dram::Config& config, const dram::Characteristics& figures,
                                  double chip_mhz, uint32_t beat_bytes) {
  constexpr double kPosted = 2;  // cycles from a write's acceptance to its response
  const double cycles_per_ns = chip_mhz * 1e-3;
  const double bytes_per_cycle = figures.sequential * config.peak_gb_per_second() / cycles_per_ns;
  StatisticalMemoryTiming timing;
  timing.beats_per_cycle = std::min(1.0, bytes_per_cycle / beat_bytes);
  timing.read_latency = figures.idle_latency_ns * cycles_per_ns;
  timing.write_latency = kPosted;
  timing.turnaround = figures.turnaround_ns * cycles_per_ns;
  return timing;
}

}  // namespace tern::tlm
