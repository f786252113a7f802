// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "axi_memory.hpp"
#include "memory_storage.hpp"

namespace tern::sim {

/// One verilated chip with its memory: what differs between configurations and bodies is behind
/// this interface, the loop over clock cycles included.
class ChipModel {
 public:
  virtual ~ChipModel() = default;

  /// One AXI4-Lite access, each a few clock cycles. Throws tern::Error when the chip does not
  /// answer or answers with an error.
  virtual void write_register(uint32_t offset, uint32_t value) = 0;
  virtual uint32_t read_register(uint32_t offset) = 0;

  /// Runs until the interrupt line is high; false when it stayed low for `cycles` cycles.
  virtual bool run_until_interrupt(uint64_t cycles) = 0;
  virtual void run(uint64_t cycles) = 0;
  virtual uint64_t cycles() const = 0;

  virtual void set_timing(const MemoryTiming& timing) = 0;
  virtual void inject_errors(std::vector<uint64_t> addresses) = 0;
  virtual void inject(const MemoryFault& fault) = 0;
  virtual uint64_t read_beats() const = 0;
  virtual uint64_t write_beats() const = 0;

  /// Calls `watch` in every cycle in which the chip's monitor_o differs from the cycle before, with
  /// the cycle and the new value; an empty function stops that.
  virtual void watch(std::function<void(uint64_t cycle, uint64_t monitor)> watch) = 0;

  /// Records all signals into an FST file from now on; the file appears when the recording ends,
  /// which it does with the model too. Throws tern::Error when this model was built without tracing
  /// or the file cannot be written; what runs the chip then throws when the file system refuses
  /// more, or when the program was asked to end (io/interruption.hpp).
  virtual void trace(const std::filesystem::path& file) = 0;
  /// Ends the recording, if there is one, and makes its file whole. Throws tern::Error when it
  /// cannot be; no file is left then.
  virtual void end_trace() = 0;
};

/// With `backend`, which outlives the model, the times of its memory; else MemoryTiming's
/// latencies.
using ChipModelFactory = std::unique_ptr<ChipModel> (*)(MemoryStorage&, const MemoryTiming&,
                                                        MemoryBackend* backend);

/// One for each verilated model; each comes from chip_model.cpp, compiled against that model.
std::unique_ptr<ChipModel> make_nano_fast(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
std::unique_ptr<ChipModel> make_nano_tree(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
std::unique_ptr<ChipModel> make_edge_fast(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
std::unique_ptr<ChipModel> make_edge_tree(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
std::unique_ptr<ChipModel> make_ulx3s_fast(MemoryStorage&, const MemoryTiming&, MemoryBackend*);
std::unique_ptr<ChipModel> make_k26_fast(MemoryStorage&, const MemoryTiming&, MemoryBackend*);

}  // namespace tern::sim
