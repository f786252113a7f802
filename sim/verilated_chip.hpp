// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chip_model.hpp"
#include "memory_storage.hpp"
#include "platform/platform.hpp"
#include "tern/transport.hpp"

namespace tern::sim {

/// How to simulate a chip.
struct ChipOptions {
  std::string config = "edge";  ///< Named configuration.
  std::string body =
      "fast";  ///< Body of the adder-tree array: "fast", or "tree", the one that is synthesised.
  MemoryTiming timing{};             ///< Memory behind the AXI port.
  PlatformOptions platform{};        ///< With a DRAM, its times replace the fixed latencies.
  std::filesystem::path trace_file;  ///< FST file of all signals; empty for none. Tree body only.
};

/// The RTL of the chip, verilated, with a simulated memory behind its AXI port. Both bodies give
/// the same results in the same cycles. Throws tern::Error for an unknown configuration, body or
/// DRAM, and for a second chip with a DRAM in one process; an assertion of the RTL that fails
/// throws tern::Error.
class VerilatedChip : public Transport {
 public:
  explicit VerilatedChip(const ChipOptions& options);

  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override { storage_.reserve(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    storage_.write(address, data);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    storage_.read(address, data);
  }
  void write_register(uint32_t offset, uint32_t value) override {
    model_->write_register(offset, value);
  }
  uint32_t read_register(uint32_t offset) override { return model_->read_register(offset); }
  bool wait_interrupt(uint64_t timeout_cycles) override {
    return model_->run_until_interrupt(timeout_cycles);
  }
  uint64_t cycles() const override { return model_->cycles(); }
  std::optional<MemoryReport> memory_report() override;
  void end_recordings() override { model_->end_trace(); }

  /// Beyond Transport, for tests: time passes; the memory changes its behaviour; beats that contain
  /// an address fail.
  void run(uint64_t cycles) { model_->run(cycles); }
  void set_timing(const MemoryTiming& timing) { model_->set_timing(timing); }
  void inject_errors(std::vector<uint64_t> addresses) {
    model_->inject_errors(std::move(addresses));
  }
  void inject(const MemoryFault& fault) { model_->inject(fault); }
  uint64_t read_beats() const { return model_->read_beats(); }
  uint64_t write_beats() const { return model_->write_beats(); }
  void watch(std::function<void(uint64_t cycle, uint64_t monitor)> watch) {
    model_->watch(std::move(watch));
  }

 private:
  const spec::ChipConfig& config_;
  MemoryStorage storage_;
  std::unique_ptr<ChipModel> model_;
  Platform* platform_ = nullptr;  ///< The model, if it has a DRAM.
};

}  // namespace tern::sim
