#include "verilated_chip.hpp"

#include <iterator>

#include "io/error.hpp"

namespace tern::sim {
namespace {

struct Entry {
  const char* config;
  const char* body;
  ChipModelFactory make;
};

constexpr Entry kModels[] = {
    {"nano", "fast", make_nano_fast},
    {"nano", "tree", make_nano_tree},
    {"edge", "fast", make_edge_fast},
    {"edge", "tree", make_edge_tree},
};

ChipModelFactory find_model(const ChipOptions& options) {
  for (const Entry& entry : kModels) {
    if (options.config == entry.config && options.body == entry.body) return entry.make;
  }
  throw Error("no simulated chip {} with body {}: bodies are fast and tree", options.config,
              options.body);
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

const spec::ChipConfig& find_config(const std::string& name) {
  std::string known;
  for (const spec::ChipConfig& config : spec::kConfigs) {
    if (name == config.name) return config;
    known += std::string(known.empty() ? "" : ", ") + config.name;
  }
  throw Error("unknown configuration {}: known are {}", name, known);
}

VerilatedChip::VerilatedChip(const ChipOptions& options) : config_(find_config(options.config)) {
  check_timing(options.timing);
  model_ = find_model(options)(storage_, options.timing);
  if (!options.trace_file.empty()) model_->trace(options.trace_file);
}

}  // namespace tern::sim
