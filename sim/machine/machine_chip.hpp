// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "chip/host_registers.hpp"
#include "iss/iss.hpp"
#include "machine.hpp"
#include "tern/transport.hpp"

namespace tern::sim {

/// A whole chip, untimed: the instruction-set simulator runs the firmware, the machine its
/// commands, and the registers are those of the real one. Nothing runs except while the driver
/// waits; a cycle is an instruction or an access of a device. Firmware that breaks the contract or
/// forgets a wait throws tern::Error out of wait_interrupt().
class MachineChip final : public Transport, private ChipSide {
 public:
  explicit MachineChip(const spec::ChipConfig& config, const MachineOptions& options = {});

  const spec::ChipConfig& config() const override { return config_; }
  void reserve_memory(uint64_t bytes) override { machine_.reserve_memory(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    machine_.write_memory(address, data);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    machine_.read_memory(address, data);
  }
  void write_register(uint32_t offset, uint32_t value) override { registers_.write(offset, value); }
  uint32_t read_register(uint32_t offset) override { return registers_.read(offset); }
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return machine_.cycles(); }

  Machine& machine() { return machine_; }
  iss::Iss& controller() { return iss_; }
  /// Since the last soft reset.
  uint64_t instructions_retired() const { return retired_; }

 private:
  void soft_reset() override;
  void run(bool on) override;
  bool is_running() const override { return running_; }
  bool is_busy() override { return false; }  // commands take effect at once
  bool is_working() const override { return machine_.working(); }
  uint32_t error() const override { return machine_.error(); }
  void clear_error(uint32_t bits) override { machine_.clear_error(bits); }
  void push_mail(uint32_t word) override { machine_.push_mail(word); }
  uint32_t mail_room() const override { return machine_.mail_room(); }
  uint32_t mail_words() const override { return machine_.mail_words(); }
  uint32_t mail() const override { return machine_.mail(); }
  void pop_mail() override { machine_.pop_mail(); }
  std::span<uint32_t> instructions() override { return iss_.instructions(); }
  std::span<uint32_t> data() override { return iss_.data(); }
  const std::optional<iss::Trap>& trap() const override { return iss_.trap(); }
  uint64_t cycle() const override { return machine_.cycles(); }
  std::optional<uint64_t> counter(uint32_t offset) override;

  bool interrupt() const { return machine_.mail_words() > 0 || machine_.error() != 0; }

  const spec::ChipConfig config_;
  Machine machine_;
  iss::Iss iss_;
  HostRegisters registers_;
  bool running_ = false;
  uint64_t retired_ = 0;
};

}  // namespace tern::sim
