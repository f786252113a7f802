// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tern::energy {

/// What core_recorder.sv shows of a cycle of cpu_core. The ports come first, inputs before outputs,
/// under their names.
enum CoreWord : uint32_t {
  kRst,
  kRun,
  kFetchData,
  kRamData,
  kMmioReady,
  kMmioDataIn,
  kMmioError,
  kRunning,
  kTrap,
  kFetch,
  kFetchAddr,
  kRamValid,
  kRamAddr,
  kRamStrobe,
  kRamDataOut,
  kMmioValid,
  kMmioWrite,
  kMmioAddr,
  kMmioStrobe,
  kMmioDataOut,
  kRetires,  ///< An instruction completes.
  kJumps,    ///< And the next one is not the one behind it.
  kRd,       ///< Register that is written at the end of the cycle; 0: none.
  kRdData,
  kCoreWords,
};
inline constexpr uint32_t kInputs = kRunning;
inline constexpr uint32_t kPorts = kRetires;
inline constexpr std::array<const char*, kPorts> kPortNames = {
    "rst_ni",       "run_i",        "fetch_data_i", "ram_data_i",    "mmio_ready_i",
    "mmio_data_i",  "mmio_error_i", "running_o",    "trap_o",        "fetch_o",
    "fetch_addr_o", "ram_valid_o",  "ram_addr_o",   "ram_strobe_o",  "ram_data_o",
    "mmio_valid_o", "mmio_write_o", "mmio_addr_o",  "mmio_strobe_o", "mmio_data_o"};

using CoreCycle = std::array<uint32_t, kCoreWords>;
using Registers = std::array<uint32_t, 32>;

/// The cycles of the core between start() and stop(), and its registers before the first.
class Recording {
 public:
  /// Of the process's simulated core: there is one.
  static Recording& instance();

  void start();
  void stop() { on_ = false; }
  /// A cycle: kCoreWords words.
  void add(const uint32_t* words);

  const std::vector<CoreCycle>& cycles() const { return cycles_; }
  /// The registers as the instructions leave them that complete before cycle `at`.
  Registers registers_before(std::size_t at) const;

 private:
  bool on_ = false;
  Registers now_{}, first_{};
  std::vector<CoreCycle> cycles_;
};

}  // namespace tern::energy
