// SPDX-License-Identifier: Apache-2.0
#include "core_run.hpp"

#include <array>
#include <memory>

#include "driver/src/chip_device.hpp"
#include "driver/src/firmware_image.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "recording.hpp"
#include "sim/chip_model.hpp"

/// Called by the Verilated code when an assertion of the RTL fails.
void vl_fatal(const char* file, int line, const char*, const char*) {
  throw tern::Error("an assertion of the RTL failed at {}:{}", file, line);
}

namespace tern::sim {
std::unique_ptr<ChipModel> make_nano_ports(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
}

namespace tern::energy {
namespace {

constexpr const char* kConfig = "nano";
constexpr uint64_t kTimeout = 10'000'000;  // cycles without progress

/// The chip whose core is recorded. VerilatedChip would bring every model of the build.
class RecordedChip final : public Transport {
 public:
  const spec::ChipConfig& config() const override { return io::find_config(kConfig); }
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
  bool wait_interrupt(uint64_t timeout_cycles) override {
    return model_->run_until_interrupt(timeout_cycles);
  }
  uint64_t cycles() const override { return model_->cycles(); }

 private:
  sim::MemoryStorage storage_;
  std::unique_ptr<sim::ChipModel> model_ = sim::make_nano_ports(storage_, {}, nullptr);
};

}  // namespace

void record_token(const std::filesystem::path& model) {
  const io::Gguf gguf(model);
  const io::Image image =
      io::Image::from_bytes(io::convert(gguf, io::find_config(kConfig)), model.string());
  const std::unique_ptr<Device> device =
      make_chip_device(std::make_unique<RecordedChip>(), kTimeout,
                       {driver::firmware_instructions(), driver::firmware_data()});
  device->load(image);
  // The first token that comes alone records the tapes from which the others are issued.
  constexpr uint32_t kFrom = 2, kTo = 3;
  Recording& recording = Recording::instance();
  uint32_t sampled = 0;
  const std::array<int32_t, 2> prompt{image.model().bos, image.model().bos};
  device->generate(prompt, {.top_k = 1, .max_new = kTo, .stop_at_end = false}, [&](int32_t) {
    ++sampled;
    if (sampled == kFrom) recording.start();
    if (sampled == kTo) recording.stop();
  });
  if (sampled != kTo) throw Error("the chip sampled {} tokens, not {}", sampled, kTo);
}

}  // namespace tern::energy
