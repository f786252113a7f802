// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config.hpp"

namespace tern::dram {

/// A memory in a few figures, for models that do not follow every burst. All are measured on the
/// timing model itself; times in ns of real time, rates as parts of Config::peak_gb_per_second().
///
/// A stream of B bytes that is interrupted by groups of writes takes about
///
///     B / (sequential x peak) + groups x turnaround_ns + written bytes / peak
///
/// and a burst that is asked of an idle memory is there after idle_latency_ns, or after
/// row_hit_latency_ns if the row is open.
struct Characteristics {
  double sequential = 0;         ///< Saturated sequential reads, refresh included.
  double sequential_writes = 0;  ///< The same of writes.
  double random = 0;             ///< Saturated reads of single bursts anywhere.
  double refresh = 0;          ///< Part of the time in which a whole rank refreshes; 0 with REFpb.
  double idle_latency_ns = 0;  ///< Read of a closed row to the end of its data.
  double row_hit_latency_ns = 0;
  double turnaround_ns = 0;  ///< Lost by one group of 16 writes within saturated sequential reads.
};

/// Takes some milliseconds. Throws tern::Error when the configuration is impossible.
Characteristics characterise(const Config& config);

}  // namespace tern::dram
