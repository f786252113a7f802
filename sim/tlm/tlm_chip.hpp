// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "chip/host_registers.hpp"
#include "controller.hpp"
#include "tern/transport.hpp"

namespace tern::tlm {

/// A chip that counts cycles and computes nothing: the real firmware on a timed instruction-set
/// simulator, and units that are formulas. Registers, mailbox and memory are those of the real
/// chip, so the driver runs it as it runs any other; see docs/performance-model.md for what is
/// modelled.
///
/// Of memory only what the firmware itself reads (header and descriptors of an image) matters.
/// Pages that were never written take no room.
class TlmChip final : public Transport, private sim::ChipSide {
 public:
  using MakeMemory = std::function<std::unique_ptr<MemoryModel>()>;
  /// With the memory of config.memory, or another one; it is made anew with each reset.
  explicit TlmChip(const PerfConfig& config, MakeMemory make_memory = {});

  const spec::ChipConfig& config() const override { return config_.chip; }
  void reserve_memory(uint64_t bytes) override { storage_.reserve(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    storage_.write(address, data);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    storage_.read(address, data);
  }
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return cycles_before_reset_ + now_; }

  /// What sampling returns; not the end token, or there is nothing to measure.
  void set_token(uint32_t token);
  /// Sees every command that is issued from now on, with the cycles that it takes.
  void observe(Observer observer) {
    observer_ = std::move(observer);
    parts_->units.observe(observer_);
  }
  /// Since the last soft reset.
  const Activity& activity() const { return parts_->units.activity(); }

 private:
  struct Parts {
    Parts(const PerfConfig& config, std::unique_ptr<MemoryModel> model,
          const sim::MemoryStorage& storage)
        : memory(std::move(model)),
          units(config, *memory),
          bus(config, storage, units),
          controller(bus, units.activity(), config.chip) {
      bus.set_tape_memory(controller.data());
    }
    std::unique_ptr<MemoryModel> memory;
    Units units;
    DeviceBus bus;
    Controller controller;
  };

  void soft_reset() override;
  void run(bool on) override;
  bool is_running() const override { return parts_->controller.running(); }
  bool is_busy() override;
  bool is_working() const override { return parts_->bus.working(); }
  uint32_t error() const override { return error_; }
  void clear_error(uint32_t bits) override { error_ &= ~bits; }
  void push_mail(uint32_t word) override;
  uint32_t mail_room() const override { return parts_->bus.mail_room(); }
  uint32_t mail_words() const override;
  uint32_t mail() const override;
  void pop_mail() override;
  std::span<uint32_t> instructions() override { return parts_->controller.instructions(); }
  std::span<uint32_t> data() override { return parts_->controller.data(); }
  const std::optional<iss::Trap>& trap() const override { return parts_->controller.trap(); }
  uint64_t cycle() const override { return now_; }
  std::optional<uint64_t> counter(uint32_t offset) override;

  /// The host takes a few cycles for an access, in which the chip goes on.
  void pass(uint32_t offset);

  const PerfConfig config_;
  MakeMemory make_memory_;
  sim::MemoryStorage storage_;
  std::unique_ptr<Parts> parts_;
  sim::HostRegisters registers_;
  Observer observer_;
  Cycle now_ = 0;
  uint64_t cycles_before_reset_ = 0;
  uint32_t error_ = 0;
  uint32_t token_ = 0;
};

}  // namespace tern::tlm
