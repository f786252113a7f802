// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "dram/counters.hpp"
#include "dram/presets.hpp"
#include "sim/chip_model.hpp"

namespace tern::sim {

/// A verilated chip and its DRAM in one SystemC simulation. SystemC does not appear in the
/// interface.
struct PlatformOptions {
  std::string dram;      ///< As for dram::load_preset().
  double clock_mhz = 0;  ///< Of the chip; 0: its port then moves the bytes of the DRAM's peak.
  /// The chip runs ahead of the kernel where nothing can reach it. Without, it waits every cycle:
  /// slower, and the same to the cycle.
  bool run_ahead = true;
};

class Platform : public ChipModel {
 public:
  virtual const dram::Config& dram() const = 0;
  virtual double clock_mhz() const = 0;
  virtual dram::Counters dram_counters() = 0;
};

/// Throws tern::Error when the memory is unknown or the clock impossible, and for a second platform
/// in one process: the SystemC kernel can be elaborated once.
std::unique_ptr<Platform> make_platform(const PlatformOptions& options, ChipModelFactory make,
                                        uint32_t beat_bytes, MemoryStorage& storage,
                                        const MemoryTiming& timing);

}  // namespace tern::sim
