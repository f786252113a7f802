// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "backends/backends.hpp"
#include "backends/options.hpp"
#include "driver/src/chip_device.hpp"
#include "driver/src/firmware_image.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "tlm/statistical_memory.hpp"
#include "tlm/tlm_chip.hpp"

namespace tern::sim {
namespace {

/// The chip's device, but for what a chip that computes nothing cannot give.
class TlmDevice final : public Device {
 public:
  TlmDevice(std::string name, std::unique_ptr<tlm::TlmChip> chip, uint64_t timeout_cycles)
      : name_(std::move(name)),
        chip_(*chip),
        device_(make_chip_device(std::move(chip), timeout_cycles,
                                 {driver::firmware_instructions(), driver::firmware_data()})) {}

  std::optional<spec::ChipConfig> config() const override { return device_->config(); }
  bool computes() const override { return false; }
  void load(const io::Image& image) override {
    uint32_t token = 0;  // one that ends nothing
    for (const int end : image.tokenizer().ends()) token += token == static_cast<uint32_t>(end);
    chip_.set_token(token);
    device_->load(image);
  }
  void reset() override { device_->reset(); }
  Logits forward(std::span<const int32_t>, uint32_t) override { refuse("logits"); }
  Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                     const TokenSink& token) override {
    return device_->generate(prompt, settings, token);
  }
  int position() const override { return device_->position(); }
  Counters counters() const override { return device_->counters(); }
  void set_trace(TraceSink sink) override {
    if (sink) refuse("traced vectors");
  }

 private:
  [[noreturn]] void refuse(const char* what) const {
    throw Error("backend {} predicts cycles and computes no {}; use a rtl: or golden: backend",
                name_, what);
  }
  std::string name_;
  tlm::TlmChip& chip_;
  std::unique_ptr<Device> device_;
};

}  // namespace

std::unique_ptr<Device> open_tlm(std::string_view argument, const DeviceSettings& settings) {
  tlm::PerfConfig config;
  config.chip = io::find_config(argument);
  config.memory.read_latency = static_cast<uint32_t>(settings.options.whole(kLatency));
  tlm::TlmChip::MakeMemory memory;
  if (const double stall = settings.options.real(kStall); stall > 0) {
    const auto timing = tlm::StatisticalMemoryTiming::with_stalls(config.memory, stall);
    memory = [timing] { return std::make_unique<tlm::StatisticalMemory>(timing); };
  }
  return std::make_unique<TlmDevice>("tlm:" + std::string(argument),
                                     std::make_unique<tlm::TlmChip>(config, memory),
                                     settings.timeout_cycles);
}

}  // namespace tern::sim
