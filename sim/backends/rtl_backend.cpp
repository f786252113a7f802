#include <string>

#include "backends/backends.hpp"
#include "chip_device.hpp"
#include "verilated_chip.hpp"

namespace tern::sim {

const char* const kRtlDescription = "the chip's RTL, simulated; rtl:nano or rtl:edge";

std::unique_ptr<Device> open_rtl(std::string_view argument, const DeviceOptions& options) {
  ChipOptions chip;
  chip.config = std::string(argument);
  chip.body = options.body;
  chip.timing.read_latency = options.memory_latency;
  chip.timing.stall = options.memory_stall;
  chip.timing.seed = options.seed;
  chip.trace_file = options.trace_file;
  return make_chip_device(std::make_unique<VerilatedChip>(chip), options.timeout_cycles);
}

}  // namespace tern::sim
