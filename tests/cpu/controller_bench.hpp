// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "../rtl/system/clocked.hpp"
#include "Vcontroller.h"
#include "iss.hpp"

namespace tern::test {

/// The memory map of the controller under test: see CMakeLists.txt.
inline const iss::MemoryMap kMap{
    {0x0001'0000, 16384}, {0x2000'0000, 4096}, {0x8000'0000, 1u << 31}};
inline constexpr uint32_t kBoot = 0x0001'0040;
inline constexpr uint32_t kData = 0x2000'0000;
inline constexpr uint32_t kMmio = 0x8000'0000;
/// Device accesses with this address bit are answered with an error.
inline constexpr uint32_t kMmioErrorBit = 0x800;

/// A device whose answers depend on every access before, so that a lost, doubled or exchanged
/// access changes all that follow.
class ScrambledDevice {
 public:
  explicit ScrambledDevice(uint64_t seed = 0) : state_(seed) {}
  std::optional<uint32_t> read(uint32_t addr, uint8_t strobe) { return access(addr, strobe, 0); }
  bool write(uint32_t addr, uint8_t strobe, uint32_t data) {
    return access(addr, strobe | 0x10, data).has_value();
  }
  bool operator==(const ScrambledDevice&) const = default;

 private:
  std::optional<uint32_t> access(uint32_t addr, uint8_t kind, uint32_t data);
  uint64_t state_;
};

/// How the surroundings of the core behave, as probabilities in each cycle.
struct Surroundings {
  double mmio_ready = 1.0;
  double host_request = 0.0;
  double tape_request = 0.0;
};

/// One run: what the core retired, in which cycle after its start, and how it ended.
struct RunResult {
  std::vector<iss::Retired> retired;
  std::vector<uint64_t> cycle;
  std::optional<iss::Trap> trap;
  std::string error;  ///< the first difference between core and simulator; empty if there is none

  /// Index of the first retired instruction at an address; retired.size() if there is none.
  size_t find(uint32_t pc) const;
};

/// Runs programs on the Verilated controller and on the instruction-set simulator in lockstep:
/// every retired instruction, every device access, every read of the host and the trap at the end
/// have to agree.
class ControllerBench {
 public:
  explicit ControllerBench(uint64_t seed = 1);

  /// Writes the program at kBoot, through the host's port.
  void load(const std::vector<uint32_t>& program);
  /// Writes random words to the whole data memory, through the host's port.
  void fill_data();
  /// Starts the program and runs it until it traps, or stops it after `max_instructions`.
  RunResult run(const Surroundings& surroundings = {}, size_t max_instructions = 100'000);
  /// Stops the core without waiting for anything, after `cycles`.
  void run_and_abandon(uint64_t cycles, const Surroundings& surroundings);
  /// Compares the whole data memory with the simulator's; empty if equal.
  std::string compare_data();

  void host_write(uint32_t addr, uint32_t data, uint8_t strobe = 0xf);
  std::optional<uint32_t> host_read(uint32_t addr);

  iss::Iss& iss() { return iss_; }
  Clocked<Vcontroller>& dut() { return dut_; }
  uint64_t device_accesses() const { return device_accesses_; }
  uint64_t host_accesses() const { return host_accesses_; }
  uint64_t tape_reads() const { return tape_reads_; }

 private:
  void cycle(const Surroundings& surroundings);
  void answer_device(double ready);
  void drive_host(double request);
  void start(uint64_t seed);
  iss::Retired retired_now();
  std::optional<iss::Trap> trap_now();

  Dice dice_;
  Clocked<Vcontroller> dut_;
  ScrambledDevice dut_device_, iss_device_;
  iss::Iss iss_;
  uint64_t iss_cycle_ = 0;
  uint64_t device_accesses_ = 0;
  uint64_t host_accesses_ = 0;
  uint64_t tape_reads_ = 0;
  bool host_pending_ = false;
  std::optional<uint32_t> host_expected_;
  std::string host_error_;
};

/// An instruction's effects as a line of text.
std::string describe(const iss::Retired& retired);

}  // namespace tern::test
