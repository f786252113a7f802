// SPDX-License-Identifier: Apache-2.0
#include "perf_config.hpp"

#include <utility>

#include "io/error.hpp"

namespace tern::tlm {

void check(const PerfConfig& config) {
  const spec::ChipConfig& c = config.chip;
  const auto require = [&](bool good, const char* field, uint64_t value, const char* expected) {
    if (!good)
      throw Error("performance model: {} is {}, which the RTL does not take: {}", field, value,
                  expected);
  };
  const auto divides = [](uint64_t part, uint64_t whole) { return part != 0 && whole % part == 0; };
  // What parameters demand of each other.
  const std::pair<uint32_t spec::ChipConfig::*, bool> relations[] = {
      {&spec::ChipConfig::trees, c.trees == 5 || (c.trees == 8 && c.sign_weights)},
      {&spec::ChipConfig::lanes, c.lanes <= c.columns},
      {&spec::ChipConfig::fifo_beats, c.fifo_beats >= uint64_t{2} * c.burst_beats},
      {&spec::ChipConfig::burst_beats, divides(uint64_t{c.burst_beats} * c.columns, 4096)},
      {&spec::ChipConfig::row_block, c.row_block <= c.acc_depth},
      {&spec::ChipConfig::key_block, c.key_block <= uint64_t{5} * c.acc_depth},
      {&spec::ChipConfig::scratch_words, divides(c.lanes, c.scratch_words)}};
  for (const spec::Parameter& p : spec::kParameters) {
    bool good = p.holds(c.*p.member);
    for (const auto& [member, holds] : relations) good = good && (member != p.member || holds);
    require(good, p.name, c.*p.member, p.takes);
  }
  require(config.memory.read_latency >= 1, "read_latency", config.memory.read_latency,
          "at least 1");
  require(config.memory.write_latency >= 1, "write_latency", config.memory.write_latency,
          "at least 1");
  require(config.memory.max_outstanding >= 1 && config.memory.max_outstanding <= 64,
          "max_outstanding", config.memory.max_outstanding, "1 to 64");
}

}  // namespace tern::tlm
