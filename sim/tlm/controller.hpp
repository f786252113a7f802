// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "device_bus.hpp"
#include "iss/iss.hpp"

namespace tern::tlm {

/// The controller: the instruction-set simulator with the cycles that each instruction takes.
/// Source: docs/cpu.md, which cpu_timing_test holds against the RTL.
///
/// A loop that polls a device is not gone through word by word: once two rounds have read the same,
/// and between them nothing was stored, the rounds up to the device's next change are taken at
/// once.
class Controller {
 public:
  Controller(DeviceBus& bus, Activity& activity, const spec::ChipConfig& chip);

  std::span<uint32_t> instructions() { return iss_.instructions(); }
  std::span<uint32_t> data() { return iss_.data(); }

  void start(Cycle at);
  void stop() { running_ = false; }
  bool running() const { return running_; }
  const std::optional<iss::Trap>& trap() const { return iss_.trap(); }
  /// The next instruction executes in this cycle.
  Cycle now() const { return now_; }
  /// Time passes while the core does nothing.
  void idle_until(Cycle cycle) { now_ = std::max(now_, cycle); }

  /// Runs until `end`, to the end of an instruction, or until `stop` holds after one.
  template <typename Stop>
  void run(Cycle end, Stop stop) {
    end_ = end;
    while (running_ && now_ < end && !iss_.trap() && !stop()) step();
  }

 private:
  struct Timing {
    uint8_t cycles = 1;
    uint8_t rs1 = 0, rs2 = 0;  ///< Registers read; 0: none.
    bool is_branch = false, is_jump = false, is_load = false, is_store = false;
    bool is_multiply = false, is_divide = false;
  };
  Timing timing_of(uint32_t insn) const;
  void step();
  void skip(uint32_t pc, uint32_t value);

  DeviceBus& bus_;
  Activity& activity_;
  /// Cycles that registers of a small fabric lengthen: until the data memory sees an access, until
  /// a device sees a read or a write, from its answer to the next instruction, and what a taken
  /// branch takes beyond another.
  const Cycle memory_access_, device_read_, device_write_, device_answer_, branch_;
  iss::Iss iss_;
  iss::Retired retired_;
  std::vector<Timing> timing_;  ///< Of each instruction, filled by start().
  bool running_ = false;
  Cycle now_ = 0;
  Cycle end_ = 0;
  uint8_t loaded_ = 0;  ///< Register that the instruction before loaded; 0: none.

  // The device access of the instruction.
  bool device_ = false;
  Cycle device_wait_ = 0;
  Cycle device_changes_ = 0;
  uint32_t device_value_ = 0;

  /// The latest read of a device, if nothing was stored since.
  struct Poll {
    bool valid = false;
    uint32_t pc = 0, value = 0;
    Cycle at = 0;
    uint64_t instructions = 0;
    std::array<uint32_t, 32> regs{};
  };
  Poll poll_;
};

}  // namespace tern::tlm
