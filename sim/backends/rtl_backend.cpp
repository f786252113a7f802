// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "backends/backends.hpp"
#include "backends/options.hpp"
#include "driver/src/chip_device.hpp"
#include "driver/src/firmware_image.hpp"
#include "io/error.hpp"
#include "io/interruption.hpp"
#include "sim/unit_timeline.hpp"
#include "sim/verilated_chip.hpp"

namespace tern::sim {

namespace {

/// A chip whose units' work goes into a timeline.
class TimelineChip final : public VerilatedChip {
 public:
  TimelineChip(const ChipOptions& options, const std::filesystem::path& file)
      : VerilatedChip(options), timeline_(file) {
    watch([this](uint64_t cycle, uint64_t monitor) { timeline_.change(cycle, monitor); });
  }
  ~TimelineChip() override {
    try {
      end_recordings();
    } catch (const std::exception& e) {
      fmt::print(stderr, "tern: error: {}\n", e.what());
    }
  }

  void end_recordings() override {
    if (!std::exchange(ended_, true)) {
      watch({});
      timeline_.finish(cycles());
    }
    VerilatedChip::end_recordings();
  }

 private:
  io::Interruptible interruptible_;
  UnitTimeline timeline_;
  bool ended_ = false;
};

}  // namespace

const char* const kRtlDescription =
    "the chip's RTL, simulated; rtl:nano, rtl:edge, rtl:ulx3s or rtl:k26";

std::unique_ptr<Transport> open_rtl_chip(std::string_view config, const DeviceSettings& settings) {
  const BackendOptions& options = settings.options;
  const std::string dram = options.text(kDram);
  ChipOptions chip;
  chip.config = std::string(config);
  chip.trace_file = options.text(kTrace);
  chip.body = chip.trace_file.empty() ? options.text(kBody) : "tree";
  chip.timing.read_latency = static_cast<uint32_t>(options.whole(kLatency));
  chip.timing.stall = options.real(kStall);
  chip.platform = {dram, options.real(kClockMhz)};
  if (!dram.empty() && options.differs(kLatency))
    throw Error("a memory latency of {} cycles and the DRAM {} exclude each other; leave one out",
                options.whole(kLatency), dram);
  chip.timing.seed = settings.seed;
  const std::filesystem::path timeline = options.text(kTimeline);
  if (timeline.empty()) return std::make_unique<VerilatedChip>(chip);
  return std::make_unique<TimelineChip>(chip, timeline);
}

std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceSettings& settings) {
  return make_chip_device(open_rtl_chip(argument, settings), settings.timeout_cycles,
                          {driver::firmware_instructions(), driver::firmware_data()});
}

}  // namespace tern::sim
