// SPDX-License-Identifier: Apache-2.0
#include "characterise.hpp"

#include "patterns.hpp"

namespace tern::dram {
namespace {

constexpr uint64_t kRequests = 50'000;

double nanoseconds(const Config& config, double cycles) {
  return cycles * static_cast<double>(config.period_fs()) * 1e-6;
}

/// Two reads of one row, far from each other and from everything else.
void measure_latency(const Config& config, Characteristics& c) {
  Memory memory(config);
  double* const results[] = {&c.idle_latency_ns, &c.row_hit_latency_ns};
  for (double* result : results) {
    const Cycle start = memory.now();
    memory.push_read(0, 0);
    const Cycle done = memory.drain();
    *result = nanoseconds(config, static_cast<double>(memory.completions().at(0).done - start));
    memory.completions().clear();
    memory.advance(done + config.timing.cl + config.timing.burst);
  }
}

}  // namespace

Characteristics characterise(const Config& config) {
  Characteristics c;
  const auto rate = [&](Pattern pattern) {
    return measure(config, pattern, kRequests).utilisation();
  };
  c.sequential = rate(Pattern::kSequentialReads);
  c.sequential_writes = rate(Pattern::kSequentialWrites);
  c.random = rate(Pattern::kRandomReads);
  if (config.timing.refi != 0 && !config.controller.refresh_banks)
    c.refresh = static_cast<double>(config.timing.rfc) / config.timing.refi;
  Config still = config;
  still.timing.refi = 0;
  measure_latency(still, c);

  // What the reads and the writes would take by themselves is taken off.
  const Counters mixed = measure(still, Pattern::kStreamWithWrites, kRequests);
  const double reads = measure(still, Pattern::kSequentialReads, kRequests).utilisation();
  const double alone =
      static_cast<double>(config.timing.burst) *
      (static_cast<double>(mixed.reads) / reads + static_cast<double>(mixed.writes));
  const double groups = static_cast<double>(mixed.turnarounds) / 2;
  if (groups > 0)
    c.turnaround_ns = nanoseconds(config, (static_cast<double>(mixed.cycles) - alone) / groups);
  return c;
}

}  // namespace tern::dram
