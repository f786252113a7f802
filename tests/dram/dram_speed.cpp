// SPDX-License-Identifier: Apache-2.0
// Bursts a second of the DRAM timing model: dram_speed [--benchmark_filter=...].
#include <benchmark/benchmark.h>

#include "dram/patterns.hpp"
#include "dram/presets.hpp"

namespace tern::dram {
namespace {

void run(benchmark::State& state, const std::string& preset, Pattern pattern) {
  Memory memory(find_preset(preset));
  PatternSource source(pattern, memory.config());
  constexpr uint64_t kBursts = 100'000;
  for (auto _ : state) saturate(memory, source, kBursts);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBursts));
}

}  // namespace
}  // namespace tern::dram

int main(int argc, char** argv) {
  for (const std::string& preset : tern::dram::preset_names()) {
    for (const tern::dram::Pattern pattern : tern::dram::kPatterns) {
      benchmark::RegisterBenchmark((preset + "/" + name_of(pattern)).c_str(), tern::dram::run,
                                   preset, pattern)
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
