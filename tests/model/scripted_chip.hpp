// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "spec/generated/registers.hpp"
#include "tern/transport.hpp"

namespace tern::test {

/// A chip whose firmware is the test: registers and mailbox as the host sees them, and a script
/// that plays the other end of the mailbox. The script runs only while the driver waits.
class ScriptedChip final : public Transport {
 public:
  explicit ScriptedChip(const spec::ChipConfig& config) : config_(config) {}

  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override;
  void write_memory(uint64_t address, std::span<const std::byte> data) override;
  void read_memory(uint64_t address, std::span<std::byte> data) override;
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return cycles_; }

  // The chip's side.
  /// One step of the firmware; by default it does what the protocol says: see serve().
  std::function<void()> step = [this] { serve(); };
  /// Called for each Generate, before it is answered; true: the script has answered.
  std::function<bool(const spec::GenerateRequest&, const std::vector<int32_t>&)> on_generate;
  void reply(spec::Reply kind, uint32_t payload, std::vector<uint32_t> more = {});
  void refuse(spec::FirmwareError error, uint32_t detail) {
    reply(spec::Reply::kError, static_cast<uint32_t>(error), {detail});
  }
  void stop(uint32_t error_lsb) { error |= 1u << error_lsb; }
  void put(uint64_t address, const void* data, std::size_t bytes);
  /// Ready, Loaded, Done; tokens 100, 101, ...; traces nothing.
  void serve();
  void finish(const spec::GenerateRequest& request, std::size_t prompt, uint32_t sampled);

  std::map<uint32_t, uint32_t> registers;  ///< What other registers read as.
  uint32_t error = 0;
  uint32_t version = spec::kMailVersion;
  uint32_t group = 2;  ///< Prefill group that Loaded tells.
  std::deque<uint32_t> from_host, to_host;

  // What the driver did.
  std::vector<uint32_t> instructions, data;  ///< Through the window.
  std::vector<spec::GenerateRequest> requests;
  std::vector<std::vector<int32_t>> stops;  ///< Of each request.
  std::vector<std::vector<int32_t>> prompts;
  std::size_t memory_writes = 0;
  int starts = 0;
  bool running = false;
  uint32_t watchdog = 0;
  uint32_t position = 0;
  std::vector<uint32_t> load_addresses;
  std::vector<std::byte> memory;
  std::vector<std::string> strays;  ///< Accesses that the protocol does not have.

 private:
  bool have(std::size_t words) const { return from_host.size() >= words; }
  uint32_t take();

  const spec::ChipConfig& config_;
  bool greeted_ = false;
  std::vector<uint32_t> pending_;  ///< Words of a request that is still coming.
  uint32_t window_ = 0;
  uint64_t cycles_ = 0;
};

}  // namespace tern::test
