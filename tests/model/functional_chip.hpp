#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "iss.hpp"
#include "machine.hpp"
#include "tern/transport.hpp"

namespace tern::test {

/// A whole chip, untimed: the instruction-set simulator runs the firmware, the machine its
/// commands, and the registers are those of the real one. Nothing runs except while the driver
/// waits; a cycle is an instruction or an access of a device. Firmware that breaks the contract or
/// forgets a wait throws tern::Error out of wait_interrupt().
class FunctionalChip final : public Transport {
 public:
  explicit FunctionalChip(const spec::ChipConfig& config, const sim::MachineOptions& options = {});

  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override { machine_.reserve_memory(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    machine_.write_memory(address, data);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    machine_.read_memory(address, data);
  }
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return machine_.cycles(); }

  sim::Machine& machine() { return machine_; }
  iss::Iss& controller() { return iss_; }
  uint64_t instructions() const { return instructions_; }

 private:
  bool interrupt() const { return machine_.mail_words() > 0 || machine_.error() != 0; }
  void control(uint32_t value);
  std::optional<uint32_t*> window();

  const spec::ChipConfig& config_;
  sim::Machine machine_;
  iss::Iss iss_;
  bool running_ = false;
  uint32_t window_ = 0;
  uint32_t watchdog_ = 0;
  uint64_t instructions_ = 0;
};

}  // namespace tern::test
