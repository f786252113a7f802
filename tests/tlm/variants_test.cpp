// SPDX-License-Identifier: Apache-2.0
// The performance model against the RTL in configurations that have no name, as
// scripts/compare_configs.py draws and builds them.
#include <string_view>

#include "chip_model.hpp"
#include "comparison.hpp"
#include "io/model_config.hpp"

namespace tern::sim {
#define TERN_VARIANT(name, ...)                                                      \
  std::unique_ptr<ChipModel> make_##name##_fast(MemoryStorage&, const MemoryTiming&, \
                                                MemoryBackend*);
TERN_VARIANT_ENTRIES
#undef TERN_VARIANT
}  // namespace tern::sim

namespace tern::test {
namespace {

using Kind = Request::Kind;

struct Variant {
  sim::ChipModelFactory make;
  spec::ChipConfig chip;
};
constexpr spec::ChipConfig kNano = spec::kConfigs[0];
static_assert(std::string_view(kNano.name) == "nano");

/// Nano with the fields of a variant, which come as assignments to `chip`.
#define TERN_VARIANT(variant, ...)  \
  {sim::make_##variant##_fast, [] { \
     spec::ChipConfig chip = kNano; \
     chip.name = #variant;          \
     __VA_ARGS__;                   \
     return chip;                   \
   }()},
constexpr Variant kVariants[] = {TERN_VARIANT_ENTRIES};
#undef TERN_VARIANT

/// The way to a chip of the test's own.
class VariantChip final : public Transport {
 public:
  VariantChip(const Variant& variant, const sim::MemoryTiming& timing)
      : config_(variant.chip), model_(variant.make(storage_, timing, nullptr)) {}
  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override { storage_.reserve(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    storage_.write(address, data);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    storage_.read(address, data);
  }
  void write_register(uint32_t offset, uint32_t value) override {
    model_->write_register(offset, value);
  }
  uint32_t read_register(uint32_t offset) override { return model_->read_register(offset); }
  bool wait_interrupt(uint64_t timeout) override { return model_->run_until_interrupt(timeout); }
  uint64_t cycles() const override { return model_->cycles(); }

 private:
  const spec::ChipConfig config_;
  sim::MemoryStorage storage_;
  std::unique_ptr<sim::ChipModel> model_;
};

class OfAnyParameters : public testing::TestWithParam<Variant> {};

TEST_P(OfAnyParameters, IsPredicted) {
  const spec::ChipConfig& chip = GetParam().chip;
  io::ModelConfig shape;
  shape.hidden = 320;
  shape.layers = 3;
  shape.heads = 5;
  shape.kv_heads = 1;
  shape.head_dim = 64;
  shape.ffn = 700;
  shape.vocab = 900;
  shape.context = 256;
  shape.rms_eps = 1e-5f;
  shape.bos = 1;
  shape.eos = 2;
  const io::Skeleton model = io::make_skeleton(shape, chip, "odd shape");
  for (uint32_t latency : {1u, 30u, 150u, 600u}) {
    tlm::PerfConfig perf;
    perf.chip = chip;
    perf.memory.read_latency = latency;
    sim::MemoryTiming timing;
    timing.read_latency = latency;
    VariantChip rtl(GetParam(), timing);
    compare(fmt::format("C {} M {} L {} FIFO {} burst {} queue {}, latency {}", chip.columns,
                        chip.act_columns, chip.lanes, chip.fifo_beats, chip.burst_beats,
                        chip.cmd_depth, latency),
            rtl, perf, model,
            {{Kind::kDecode, 0, 1},
             {Kind::kPrefill, 0, 17},
             {Kind::kDecode, 18, 3},
             {Kind::kPrefill, 180, 9},
             {Kind::kDecode, 240, 2}});
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, OfAnyParameters, testing::ValuesIn(kVariants),
                         [](const auto& v) { return std::string(v.param.chip.name); });

}  // namespace
}  // namespace tern::test
