// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dram/characterise.hpp"
#include "dram/config.hpp"
#include "statistical_memory.hpp"

namespace tern::tlm {

/// A DRAM as the statistical memory: streams at the rate of its saturated sequential reads, refresh
/// included, no faster than a beat a cycle of the port; the latency of a closed row for all
/// requests, which a stream hides; writes that are posted and cost the stream their time and a
/// turnaround a group.
StatisticalMemoryTiming timing_of(const dram::Config& config, const dram::Characteristics& figures,
                                  double chip_mhz, uint32_t beat_bytes);

}  // namespace tern::tlm
