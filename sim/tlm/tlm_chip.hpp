#pragma once

#include <memory>
#include <optional>

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
class TlmChip final : public Transport {
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
          controller(bus, units.activity(), config.chip.small_fabric) {
      bus.set_tape_memory(controller.data());
    }
    std::unique_ptr<MemoryModel> memory;
    Units units;
    DeviceBus bus;
    Controller controller;
  };

  void reset();
  void control(uint32_t value);
  /// The host takes a few cycles for an access, in which the chip goes on.
  void pass(Cycle cycles);
  std::optional<uint32_t*> window();
  uint32_t counter(uint32_t offset);

  const PerfConfig config_;
  MakeMemory make_memory_;
  sim::MemoryStorage storage_;
  std::unique_ptr<Parts> parts_;
  Observer observer_;
  Cycle now_ = 0;
  uint64_t cycles_before_reset_ = 0;
  uint32_t window_ = 0;
  uint32_t watchdog_ = 0;
  uint32_t error_ = 0;
  uint32_t token_ = 0;
};

}  // namespace tern::tlm
