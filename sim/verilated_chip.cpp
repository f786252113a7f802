// SPDX-License-Identifier: Apache-2.0
#include "verilated_chip.hpp"

#include <iterator>

#include "io/chip_config.hpp"
#include "io/error.hpp"

namespace tern::sim {
namespace {

struct Entry {
  const char* config;
  const char* body;
  ChipModelFactory make;
};

// The chips that this build has, from CMake: TERN_ENTRY(configuration, body) for each.
#define TERN_ENTRY(config, body) {#config, #body, make_##config##_##body},
constexpr Entry kModels[] = {TERN_ENTRIES};
#undef TERN_ENTRY

ChipModelFactory find_model(const ChipOptions& options) {
  for (const Entry& entry : kModels) {
    if (options.config == entry.config && options.body == entry.body) return entry.make;
  }
  std::string known;
  for (const Entry& entry : kModels) known += fmt::format(" {} ({})", entry.config, entry.body);
  throw Error("this build has no simulated chip {} with body {}; it has{}", options.config,
              options.body, known);
}

void check_timing(const MemoryTiming& timing) {
  if (timing.read_latency == 0 || timing.write_latency == 0) {
    throw Error("simulated memory: a latency of 0 cycles; give 1 or more");
  }
  if (timing.max_outstanding == 0 || timing.max_outstanding > 64) {
    throw Error("simulated memory: {} outstanding requests; give 1 to 64", timing.max_outstanding);
  }
  if (!(timing.stall >= 0.0 && timing.stall < 1.0)) {
    throw Error("simulated memory: stall probability {}; give 0 or more, below 1", timing.stall);
  }
}

}  // namespace

VerilatedChip::VerilatedChip(const ChipOptions& options)
    : config_(io::find_config(options.config)) {
  check_timing(options.timing);
  const ChipModelFactory make = find_model(options);
  if (options.platform.dram.empty()) {
    if (options.platform.clock_mhz != 0)
      throw Error("a chip clock of {} MHz without a DRAM means nothing; name a DRAM too",
                  options.platform.clock_mhz);
    model_ = make(storage_, options.timing, nullptr);
  } else {
    std::unique_ptr<Platform> platform =
        make_platform(options.platform, make, config_.columns, storage_, options.timing);
    platform_ = platform.get();
    model_ = std::move(platform);
  }
  if (!options.trace_file.empty()) model_->trace(options.trace_file);
}

std::optional<MemoryReport> VerilatedChip::memory_report() {
  if (platform_ == nullptr) return std::nullopt;
  const dram::Config& dram = platform_->dram();
  MemoryReport report{
      dram.name, platform_->clock_mhz(), dram.clock_mhz(), dram.peak_gb_per_second(), {}};
  const dram::Counters counters = platform_->dram_counters();
  for (const auto& [name, member] : dram::kCounterFields)
    report.counters.emplace_back(name, counters.*member);
  return report;
}

}  // namespace tern::sim
