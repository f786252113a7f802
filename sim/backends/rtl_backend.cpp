// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "backends/backends.hpp"
#include "chip_device.hpp"
#include "firmware_image.hpp"
#include "io/error.hpp"
#include "io/interruption.hpp"
#include "unit_timeline.hpp"
#include "verilated_chip.hpp"

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

std::unique_ptr<Transport> open_rtl_chip(std::string_view config, const DeviceOptions& options) {
  ChipOptions chip;
  chip.config = std::string(config);
  chip.body = options.body;
  chip.timing.read_latency = options.memory_latency;
  chip.timing.stall = options.memory_stall;
  chip.platform = {options.dram, options.clock_mhz};
  if (!options.dram.empty() && options.memory_latency != DeviceOptions{}.memory_latency)
    throw Error("a memory latency of {} cycles and the DRAM {} exclude each other; leave one out",
                options.memory_latency, options.dram);
  chip.timing.seed = options.seed;
  chip.trace_file = options.trace_file;
  if (options.timeline_file.empty()) return std::make_unique<VerilatedChip>(chip);
  return std::make_unique<TimelineChip>(chip, options.timeline_file);
}

std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceOptions& options) {
  refuse_threads("rtl", options);
  return make_chip_device(open_rtl_chip(argument, options), options.timeout_cycles,
                          {driver::firmware_instructions(), driver::firmware_data()});
}

}  // namespace tern::sim
