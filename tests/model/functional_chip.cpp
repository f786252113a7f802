#include "functional_chip.hpp"

#include "io/error.hpp"
#include "spec/generated/registers.hpp"

namespace tern::test {

namespace reg = spec::reg;

FunctionalChip::FunctionalChip(const spec::ChipConfig& config, const sim::MachineOptions& options)
    : config_(config),
      machine_(config, options),
      iss_(iss::MemoryMap{},
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
            .cycle = [this] { return machine_.cycles(); }}) {
  machine_.set_tape_memory(iss_.data());
}

void FunctionalChip::control(uint32_t value) {
  if (value >> reg::kCtrlSoftResetLsb & 1) {
    machine_.soft_reset();
    instructions_ = 0;
  }
  const bool run = (value >> reg::kCtrlRunLsb & 1) != 0;
  if (run && !running_) iss_.restart(0);
  running_ = run;
}

/// The word of the controller's memories at WINDOW_ADDR.
std::optional<uint32_t*> FunctionalChip::window() {
  const uint32_t at = window_;
  window_ += 4;
  if (at < spec::kInstrBytes && !running_) return &iss_.instructions()[at / 4];
  if (at - spec::kDataBase < spec::kDataBytes) return &iss_.data()[(at - spec::kDataBase) / 4];
  return std::nullopt;
}

void FunctionalChip::write_register(uint32_t offset, uint32_t value) {
  switch (offset) {
    case reg::kCtrl:
      return control(value);
    case reg::kError:
      return machine_.clear_error(value);
    case reg::kMailIn:
      return machine_.push_mail(value);
    case reg::kMailState:
      return machine_.pop_mail();
    case reg::kWindowAddr:
      window_ = value;
      return;
    case reg::kWindowData:
      if (const auto word = window()) {
        **word = value;
        return;
      }
      throw Error("functional chip: nothing to write at 0x{:x} of the window", window_ - 4);
    case reg::kWatchdog:
      watchdog_ = value;
      return;
    default:
      throw Error("functional chip: the driver writes register 0x{:x}", offset);
  }
}

uint32_t FunctionalChip::read_register(uint32_t offset) {
  const auto low = [](uint64_t count) { return static_cast<uint32_t>(count); };
  const sim::Machine::Counts& counts = machine_.counts();
  switch (offset) {
    case reg::kId:
      return reg::kIdReset;
    case reg::kVersion:
      return reg::kVersionReset;
    case reg::kConfig:
      return machine_.config_word(1);
    case reg::kConfig2:
      return machine_.config_word(2);
    case reg::kConfig3:
      return machine_.config_word(3);
    case reg::kStatus:
      return (machine_.error() != 0 ? 1u << reg::kStatusErrorLsb : 0u) |
             (running_ ? 1u << reg::kStatusRunningLsb : 0u) |
             (machine_.working() ? 1u << reg::kStatusWorkingLsb : 0u);
    case reg::kError:
      return machine_.error();
    case reg::kMailOut:
      return machine_.mail();
    case reg::kMailState:
      return machine_.mail_words() << reg::kMailStateWordsLsb | machine_.mail_room()
                                                                    << reg::kMailStateRoomLsb;
    case reg::kWatchdog:
      return watchdog_;
    case reg::kTrapCause:
      return iss_.trap() ? static_cast<uint32_t>(iss_.trap()->cause) : 0;
    case reg::kTrapPc:
      return iss_.trap() ? iss_.trap()->pc : 0;
    case reg::kTrapValue:
      return iss_.trap() ? iss_.trap()->value : 0;
    case reg::kCyclesLo:
      return low(cycles());
    case reg::kCyclesHi:
      return low(cycles() >> 32);
    case reg::kBeats:
      return low(counts.beats);
    case reg::kLoadBeats:
      return low(counts.load_beats);
    case reg::kStoreBeats:
      return low(counts.store_beats);
    case reg::kCommands: {
      uint64_t commands = 0;
      for (const uint64_t n : machine_.issued()) commands += n;
      return low(commands);
    }
    case reg::kSaturations:
      return low(counts.saturations);
    case reg::kIllegal:
      return low(counts.illegal);
    case reg::kStallRead:
    case reg::kStallDrain:
    case reg::kStallWait:
    case reg::kStallIdle:
    case reg::kVectorBusy:
    case reg::kBusErrors:
      return 0;
    default:
      throw Error("functional chip: the driver reads register 0x{:x}", offset);
  }
}

bool FunctionalChip::wait_interrupt(uint64_t timeout_cycles) {
  const uint64_t end = cycles() + timeout_cycles;
  while (!interrupt() && cycles() < end) {
    machine_.tick(1);
    if (!running_ || iss_.trap()) continue;
    if (iss_.step().trap) machine_.set_error(1u << reg::kErrorTrapLsb);
    ++instructions_;
  }
  return interrupt();
}

}  // namespace tern::test
