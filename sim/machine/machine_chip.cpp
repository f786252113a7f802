// SPDX-License-Identifier: Apache-2.0
#include "machine_chip.hpp"

#include <algorithm>
#include <numeric>

#include "chip/controller_map.hpp"
#include "spec/generated/registers.hpp"

namespace tern::sim {

namespace reg = spec::reg;

MachineChip::MachineChip(const spec::ChipConfig& config, const MachineOptions& options)
    : config_(config),
      machine_(config, options),
      iss_(controller_map(config),
           {.read = [this](uint32_t addr, uint8_t strobe) -> std::optional<uint32_t> {
              if (strobe != 0xf) return std::nullopt;
              return machine_.read(addr - spec::kMmioBase);
            },
            .write =
                [this](uint32_t addr, uint8_t strobe, uint32_t data) {
                  if (strobe != 0xf) return false;
                  machine_.write(addr - spec::kMmioBase, data);
                  return true;
                },
            .cycle = [this] { return machine_.cycles(); }}),
      registers_("machine", config_, *this) {
  machine_.set_tape_memory(iss_.data());
}

void MachineChip::soft_reset() {
  machine_.soft_reset();
  retired_ = 0;
}

void MachineChip::run(bool on) {
  if (on && !running_) iss_.restart(0);
  running_ = on;
}

std::optional<uint64_t> MachineChip::counter(uint32_t offset) {
  const Machine::Counts& counts = machine_.counts();
  switch (offset) {
    case reg::kBeats:
      return counts.beats;
    case reg::kLoadBeats:
      return counts.load_beats;
    case reg::kStoreBeats:
      return counts.store_beats;
    case reg::kCommands: {
      const UnitCounts& issued = machine_.issued();
      return std::accumulate(issued.begin(), issued.end(), uint64_t{0});
    }
    case reg::kSaturations:
      return counts.saturations;
    case reg::kIllegal:
      return counts.illegal;
    case reg::kStallRead:
    case reg::kStallDrain:
    case reg::kStallWait:
    case reg::kStallIdle:
    case reg::kVectorBusy:
    case reg::kBusErrors:
      return 0;  // of time, which there is none
    default:
      return std::nullopt;
  }
}

bool MachineChip::wait_interrupt(uint64_t timeout_cycles) {
  const uint64_t end = cycles() + std::min(timeout_cycles, UINT64_MAX - cycles());
  while (!interrupt() && cycles() < end) {
    machine_.tick(1);
    if (!running_ || iss_.trap()) continue;
    if (iss_.step().trap) machine_.set_error(1u << reg::kErrorTrapLsb);
    ++retired_;
  }
  return interrupt();
}

}  // namespace tern::sim
