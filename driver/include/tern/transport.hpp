// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "spec/generated/spec.hpp"
#include "tern/memory_report.hpp"

namespace tern {

/// Told how far a long transfer is, in bytes.
using MemoryProgress = std::function<void(uint64_t done, uint64_t total)>;

/// The way to one chip: its memory, its registers, its interrupt line. A simulator, an emulator and
/// a board each implement it; the driver knows nothing else about them. Addresses and lengths are
/// in bytes. Not thread-safe.
class Transport {
 public:
  virtual ~Transport() = default;

  /// The named configuration of the chip behind this transport.
  virtual const spec::ChipConfig& config() const = 0;

  /// Bytes of memory, from address 0. Throws tern::Error when `bytes` cannot be had; keeps what was
  /// written below the old size.
  virtual void reserve_memory(uint64_t bytes) = 0;

  /// Copies to and from the chip's memory. Throws tern::Error outside of the reserved memory.
  virtual void write_memory(uint64_t address, std::span<const std::byte> data) = 0;
  virtual void read_memory(uint64_t address, std::span<std::byte> data) = 0;

  /// As write_memory(), for large data that memory may hold already; where memory is slow to reach,
  /// only what differs is written, and `progress` is told.
  virtual void load_memory(uint64_t address, std::span<const std::byte> data,
                           const MemoryProgress& progress) {
    (void)progress;
    write_memory(address, data);
  }

  /// 32-bit register access; offsets in spec::reg.
  virtual void write_register(uint32_t offset, uint32_t value) = 0;
  virtual uint32_t read_register(uint32_t offset) = 0;

  /// All of `values`, one after another, to one register; and from registers side by side.
  virtual void write_registers(uint32_t offset, std::span<const uint32_t> values) {
    for (const uint32_t value : values) write_register(offset, value);
  }
  virtual void read_registers(uint32_t offset, std::span<uint32_t> values) {
    for (uint32_t& value : values) {
      value = read_register(offset);
      offset += 4;
    }
  }

  /// Waits for the interrupt line. Returns false when it stayed low for `timeout_cycles` chip
  /// cycles (or, on a board, the time they take).
  virtual bool wait_interrupt(uint64_t timeout_cycles) = 0;

  /// Chip cycles since it was opened, for messages; 0 when unknown.
  virtual uint64_t cycles() const = 0;

  /// What is known of the memory's time; nullopt when nothing is.
  virtual std::optional<MemoryReport> memory_report() { return std::nullopt; }

  /// Ends what is recorded of the chip, such as waveforms, and makes the files whole. Throws
  /// tern::Error when one cannot be written; no part of it is left then.
  virtual void end_recordings() {}
};

}  // namespace tern
