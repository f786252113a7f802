// SPDX-License-Identifier: Apache-2.0
#include "backends/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dram/presets.hpp"

namespace tern::sim {
namespace {

std::string only_simulated(const char* what) {
  return fmt::format("has no {}; leave it out or use a simulated chip, such as rtl:edge", what);
}

}  // namespace

std::string dram_problem(const std::string& name) {
  const std::vector<std::string> names = dram::preset_names();
  if (name.find(".yaml") != std::string::npos || std::ranges::count(names, name) != 0) return {};
  return fmt::format("there is no memory {:?}; there are {}", name, fmt::join(names, ", "));
}

const BackendOption kThreads{.name = "threads",
                             .help = "threads that compute a token together",
                             .group = "Backend",
                             .range = WholeRange{1, 256, "threads"},
                             .value = uint64_t{1},
                             .refusal = "takes no threads; only golden: does"};

const BackendOption kBody{
    .name = "body",
    .help = "body of the adder-tree array, fast or tree (equal to the bit and the cycle)",
    .group = "Backend",
    .range = TextRange{{"fast", "tree"}},
    .value = "fast",
    .refusal = only_simulated("body")};

const BackendOption kLatency{.name = "latency",
                             .help = "memory read latency in cycles",
                             .group = "Backend",
                             .range = WholeRange{1, 1 << 20, "cycles"},
                             .value = uint64_t{40},
                             .refusal = only_simulated("memory latency")};

const BackendOption kDram{
    .name = "dram",
    .help = "time the memory as this DRAM, by name or FILE.yaml; tern dram lists them",
    .group = "Memory",
    .range = TextRange{{}, dram_problem},
    .value = "",
    .refusal = only_simulated("DRAM")};

const BackendOption kClockMhz{
    .name = "clock-mhz",
    .help = "clock of the chip (default: where its port moves the DRAM's peak)",
    .with = "with --dram",
    .group = "Memory",
    .range = kClockRange,
    .value = 0.0,
    .refusal = only_simulated("clock")};

const BackendOption kStall{.name = "stall",
                           .help = "probability of a memory stall per cycle and channel",
                           .group = "Backend",
                           .range = RealRange{0, 0.99},
                           .value = 0.0,
                           .refusal = only_simulated("memory stall")};

const BackendOption kTrace{.name = "trace",
                           .help = "write waveforms to this FST file (uses the tree body)",
                           .group = "Backend",
                           .range = TextRange{},
                           .value = "",
                           .refusal = only_simulated("trace file")};

const BackendOption kTimeline{
    .name = "timeline",
    .help = "write what the units did to this file, for Perfetto or chrome://tracing",
    .group = "Backend",
    .range = TextRange{},
    .value = "",
    .refusal = only_simulated("timeline")};

}  // namespace tern::sim
