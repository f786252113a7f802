// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>

#include "backends/backends.hpp"
#include "driver/src/chip_device.hpp"
#include "driver/src/firmware_image.hpp"
#include "io/chip_config.hpp"
#include "machine/machine_chip.hpp"

namespace tern::sim {
namespace {

/// The chip's device, but for cycles: the machine's are instructions and accesses, and nothing that
/// compares with a chip's may be printed of them.
class MachineDevice final : public Device {
 public:
  explicit MachineDevice(std::unique_ptr<Device> device) : device_(std::move(device)) {}

  std::optional<spec::ChipConfig> config() const override { return device_->config(); }
  void load(const io::Image& image) override { device_->load(image); }
  void reset() override { device_->reset(); }
  void seek(uint32_t positions, const KvSource& source) override {
    device_->seek(positions, source);
  }
  Logits forward(std::span<const int32_t> tokens, uint32_t group) override {
    return device_->forward(tokens, group);
  }
  Generated generate(std::span<const int32_t> prompt, const GenerateSettings& settings,
                     const TokenSink& token) override {
    return device_->generate(prompt, settings, token);
  }
  int position() const override { return device_->position(); }
  Counters counters() const override {
    Counters counters = device_->counters();
    counters.cycles = 0;
    return counters;
  }
  void set_trace(TraceSink sink) override { device_->set_trace(std::move(sink)); }

 private:
  std::unique_ptr<Device> device_;
};

}  // namespace

std::unique_ptr<Device> open_machine(std::string_view argument, const DeviceSettings& settings) {
  auto chip = std::make_unique<MachineChip>(io::find_config(argument),
                                            MachineOptions{.seed = settings.seed});
  return std::make_unique<MachineDevice>(
      make_chip_device(std::move(chip), settings.timeout_cycles,
                       {driver::firmware_instructions(), driver::firmware_data()}));
}

}  // namespace tern::sim
