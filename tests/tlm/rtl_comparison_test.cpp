// SPDX-License-Identifier: Apache-2.0
// The performance model against the RTL: the bars of docs/performance-model.md, and its table.
#include <algorithm>
#include <optional>

#include "backends/backends.hpp"
#include "comparison.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/synth.hpp"
#include "spec/numerics/scale.hpp"
#include "tern/device.hpp"

namespace tern::test {
namespace {

using Kind = Request::Kind;
using tlm::operator-;

io::Skeleton shape(std::string_view preset, const spec::ChipConfig& chip, int layers = 0,
                   int vocab = 0) {
  const io::SynthPreset& p = io::find_preset(preset);
  io::ModelConfig config =
      io::config_of(p, {.layers = layers, .context = std::min(p.context, 4096)});
  if (vocab != 0) {
    config.vocab = vocab;
    config.bos = 1;
    config.eos = 2;
  }
  return io::make_skeleton(config, chip, preset, p.weights, p.tables);
}

void compare_named(const std::string& config, std::string_view preset, uint32_t latency,
                   const std::vector<Request>& requests, int layers = 0, int vocab = 0) {
  sim::ChipOptions options;
  options.config = config;
  options.timing.read_latency = latency;
  sim::VerilatedChip rtl(options);
  tlm::PerfConfig perf;
  perf.chip = io::find_config(config);
  perf.memory.read_latency = latency;
  compare(fmt::format("{} {}, latency {}", config, preset, latency), rtl, perf,
          shape(preset, perf.chip, layers, vocab), requests);
}

TEST(PerformanceModel, PredictsTheDemoShapeOnEdge) {
  for (uint32_t latency : {40u, 200u}) {
    compare_named("edge", "demo", latency,
                  {{Kind::kDecode, 0, 1}, {Kind::kPrefill, 0, 20}, {Kind::kDecode, 450, 2}});
  }
}

TEST(PerformanceModel, PredictsTheDemoShapeOnNano) {
  compare_named("nano", "demo", 40,
                {{Kind::kDecode, 0, 1}, {Kind::kPrefill, 30, 3}, {Kind::kDecode, 100, 1}});
}

/// With the registers of a small fabric.
TEST(PerformanceModel, PredictsTheChipOfTheUlx3s) {
  for (uint32_t latency : {1u, 40u}) {
    compare_named("ulx3s", "demo", latency,
                  {{Kind::kDecode, 0, 1}, {Kind::kPrefill, 0, 4}, {Kind::kDecode, 30, 2}});
    for (const char* preset : {"tiny-llama", "tiny-qwen3"})
      compare_named("ulx3s", preset, latency, {{Kind::kDecode, 30, 2}});
  }
}

/// A layer as large as it is; a small vocabulary, since the head is a stream like any other.
TEST(PerformanceModel, PredictsLayersOf2B4TOnEdge) {
  compare_named("edge", "bitnet-2b4t", 40, {{Kind::kPrefill, 512, 8}, {Kind::kDecode, 520, 1}}, 1,
                2048);
}

/// SiLU, no sub-norms, norms of heads; heads of 100, 256 and 64.
TEST(PerformanceModel, PredictsTheFamilies) {
  for (const char* preset : {"tiny-bitnet", "tiny-llama", "tiny-qwen3"}) {
    compare_named("edge", preset, 40, {{Kind::kPrefill, 0, 20}});
    compare_named("nano", preset, 40, {{Kind::kDecode, 100, 2}});
  }
  compare_named("edge", "qwen3-1.7b", 40, {{Kind::kDecode, 520, 1}}, 1, 2048);
}

/// Signs, and scales of groups of 64 and of 128 columns, in every matrix and in the embedding.
TEST(PerformanceModel, PredictsSignsAndScalesOfGroups) {
  for (const char* preset : {"tiny-signs", "tiny-groups"}) {
    compare_named("edge", preset, 40, {{Kind::kPrefill, 0, 20}});
    compare_named("nano", preset, 40, {{Kind::kDecode, 100, 2}});
  }
}

/// So many commands for so few beats that the pace of tapes and the controller's accesses of its
/// memory decide.
void compare_small_models(const char* config) {
  for (const char* preset :
       {"tiny-bitnet", "tiny-llama", "tiny-qwen3", "tiny-signs", "tiny-groups", "demo"}) {
    for (const uint32_t latency : {1u, 40u, 300u})
      compare_named(config, preset, latency,
                    {{Kind::kDecode, 3, 2}, {Kind::kDecode, 61, 2}, {Kind::kDecode, 119, 2}});
  }
}

TEST(PerformanceModel, PredictsSmallModelsOnEdge) { compare_small_models("edge"); }

/// With weights and with sampling, whose cycles depend on values. Cycles from one token to another.
TEST(PerformanceModel, PredictsTheDemoModelItself) {
  register_backends();
  const auto run = [](const std::string& backend, const DeviceSettings& with) {
    const std::unique_ptr<Device> device = Device::open(backend, with);
    const io::Gguf gguf(TERN_DEMO_MODEL);
    const io::Image image =
        io::Image::from_bytes(io::convert(gguf, *device->config()), TERN_DEMO_MODEL);
    device->load(image);
    const std::vector<int> prompt = image.tokenizer().encode("Once upon a time there was a", true);
    GenerateSettings settings;
    settings.inverse_temperature = spec::make_scale(3, -1);
    settings.top_p_q16 = 62000;
    settings.max_new = 9;
    settings.stop_at_end = false;
    std::optional<Counters> first;
    device->generate(prompt, settings, [&](int32_t) {
      if (!first) first = device->counters();
    });
    return device->counters() - *first;
  };
  for (const std::string config : {"edge", "nano"}) {
    expect_close(fmt::format("{} demo model with weights, 8 sampled tokens", config),
                 run("rtl:" + config, {}), run("tlm:" + config, {}), kBarWithValues);
  }
  DeviceSettings stalls;
  stalls.options.set("stall", 0.25);
  expect_close("edge demo model, a stall in every fourth cycle", run("rtl:edge", stalls),
               run("tlm:edge", stalls), kBarWithValues);
}

TEST(PerformanceModelSlow, PredictsSmallModelsOnNano) { compare_small_models("nano"); }

/// The rest of the table: every latency, the real vocabulary, the contexts of the bars.
TEST(PerformanceModelSlow, PredictsTheDemoShape) {
  for (const char* config : {"edge", "nano"}) {
    for (uint32_t latency : {1u, 40u, 200u, 500u}) {
      compare_named(config, "demo", latency,
                    {{Kind::kDecode, 0, 1},
                     {Kind::kPrefill, 0, 24},
                     {Kind::kPrefill, 24, 5},
                     {Kind::kDecode, 30, 3},
                     {Kind::kPrefill, 100, 3, 1},
                     {Kind::kDecode, 450, 2}});
    }
  }
}

TEST(PerformanceModelSlow, PredictsThreeLayersAndTheHeadOf2B4T) {
  compare_named("edge", "bitnet-2b4t", 40,
                {{Kind::kDecode, 0, 1},
                 {Kind::kDecode, 512, 1},
                 {Kind::kDecode, 2048, 1},
                 {Kind::kPrefill, 0, 8},
                 {Kind::kPrefill, 512, 8},
                 {Kind::kPrefill, 2048, 8}},
                3);
}

/// A layer of the larger families as large as it is.
TEST(PerformanceModelSlow, PredictsLayersOfTheFamilies) {
  for (const char* preset : {"bitnet-3b", "llama3-8b", "falcon3-1b", "qwen3-8b"}) {
    compare_named("edge", preset, 40, {{Kind::kPrefill, 512, 8}, {Kind::kDecode, 520, 1}}, 1, 2048);
  }
}

TEST(PerformanceModelSlow, PredictsAWholeTokenOf2B4T) {
  compare_named("edge", "bitnet-2b4t", 40, {{Kind::kDecode, 512, 1}});
}

}  // namespace
}  // namespace tern::test
