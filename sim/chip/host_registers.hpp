// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "iss/iss.hpp"
#include "spec/generated/spec.hpp"

namespace tern::sim {

/// What stands behind the registers of a simulated chip: its controller, mailbox and counters.
class ChipSide {
 public:
  virtual ~ChipSide() = default;

  /// Everything but the controller's memories starts over.
  virtual void soft_reset() = 0;
  /// Lets the controller run, from its first instruction when it stood, or halts it.
  virtual void run(bool on) = 0;
  virtual bool is_running() const = 0;
  /// A unit has commands that are not completed.
  virtual bool is_busy() = 0;
  /// The controller works on a request.
  virtual bool is_working() const = 0;

  /// Bits of the ERROR register.
  virtual uint32_t error() const = 0;
  virtual void clear_error(uint32_t bits) = 0;

  /// A word from the host; without room it is lost and an error bit is set.
  virtual void push_mail(uint32_t word) = 0;
  virtual uint32_t mail_room() const = 0;
  /// Words for the host, and the oldest of them; 0 if there is none.
  virtual uint32_t mail_words() const = 0;
  virtual uint32_t mail() const = 0;
  /// Removes the oldest word; nothing happens if there is none.
  virtual void pop_mail() = 0;

  virtual std::span<uint32_t> instructions() = 0;
  virtual std::span<uint32_t> data() = 0;
  virtual const std::optional<iss::Trap>& trap() const = 0;

  /// Since the last soft reset.
  virtual uint64_t cycle() const = 0;
  /// The counter at this register, of those that registers.rdl calls counters; it shows the low 32
  /// bits. nullopt: there is no such register.
  virtual std::optional<uint64_t> counter(uint32_t offset) = 0;
};

/// The registers of the host's side (spec::reg) over what stands behind them. Reads and writes of
/// what no driver needs throw tern::Error that names the chip and the offset: a driver that uses
/// them is to be noticed.
class HostRegisters {
 public:
  /// `name` is that of messages; both are as long as this.
  HostRegisters(std::string name, const spec::ChipConfig& config, ChipSide& chip)
      : name_(std::move(name)), config_(config), chip_(chip) {}

  void write(uint32_t offset, uint32_t value);
  uint32_t read(uint32_t offset);

 private:
  uint32_t& window(const char* what);

  std::string name_;
  const spec::ChipConfig& config_;
  ChipSide& chip_;
  uint32_t window_ = 0;
  uint32_t watchdog_ = 0;
};

}  // namespace tern::sim
