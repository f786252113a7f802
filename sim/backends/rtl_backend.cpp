#include <fmt/format.h>

#include <exception>
#include <optional>
#include <string>

#include "backends/backends.hpp"
#include "chip_device.hpp"
#include "firmware_image.hpp"
#include "unit_timeline.hpp"
#include "verilated_chip.hpp"

namespace tern::sim {

namespace {

/// Writes the timeline when the chip goes.
class TimelineChip final : public VerilatedChip {
 public:
  TimelineChip(const ChipOptions& options, const std::filesystem::path& file)
      : VerilatedChip(options), timeline_(file) {
    watch([this](uint64_t cycle, uint64_t monitor) { timeline_.change(cycle, monitor); });
  }
  ~TimelineChip() override {
    try {
      timeline_.finish(cycles());
    } catch (const std::exception& e) {
      fmt::print(stderr, "{}\n", e.what());
    }
  }

 private:
  UnitTimeline timeline_;
};

}  // namespace

const char* const kRtlDescription = "the chip's RTL, simulated; rtl:nano or rtl:edge";

std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceOptions& options) {
  ChipOptions chip;
  chip.config = std::string(argument);
  chip.body = options.body;
  chip.timing.read_latency = options.memory_latency;
  chip.timing.stall = options.memory_stall;
  chip.timing.seed = options.seed;
  chip.trace_file = options.trace_file;
  std::unique_ptr<Transport> transport;
  if (options.timeline_file.empty()) {
    transport = std::make_unique<VerilatedChip>(chip);
  } else {
    transport = std::make_unique<TimelineChip>(chip, options.timeline_file);
  }
  return make_chip_device(std::move(transport), options.timeout_cycles,
                          {driver::firmware_instructions(), driver::firmware_data()});
}

}  // namespace tern::sim
