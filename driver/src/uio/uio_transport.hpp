// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tern/transport.hpp"

namespace tern::driver {

/// An open file, closed at the end.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  ~OpenFile();
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// What a chip looks like to a program under Linux's UIO.
struct UioFiles {
  std::string name;    ///< For messages: "/dev/uio0".
  OpenFile registers;  ///< Mapped, 4096 bytes from 0: the chip's registers.
  OpenFile interrupt;  ///< A write of 1 arms it; four bytes can be read after an interrupt.
  OpenFile memory;     ///< Mapped: the chip's memory, its address 0 first.
  uint64_t memory_bytes = 0;
};

/// "UIO" or "UIO,BUFFER": opens a UIO device and the contiguous buffer that the chip uses as its
/// memory, a u-dma-buf device (default /dev/udmabuf0). `sys` is where sysfs tells sizes. Throws
/// tern::Error that says what is missing.
UioFiles open_uio_files(std::string_view argument, const std::filesystem::path& sys = "/sys");

/// A chip in this system-on-chip's own address space. The buffer is mapped uncached, as the port
/// that the chip uses does not look into the processor's caches.
class UioTransport final : public Transport {
 public:
  explicit UioTransport(UioFiles files);
  ~UioTransport() override;

  const spec::ChipConfig& config() const override { return *config_; }
  void reserve_memory(uint64_t bytes) override;
  void write_memory(uint64_t address, std::span<const std::byte> data) override;
  void read_memory(uint64_t address, std::span<std::byte> data) override;
  void write_register(uint32_t offset, uint32_t value) override;
  uint32_t read_register(uint32_t offset) override;
  bool wait_interrupt(uint64_t timeout_cycles) override;
  uint64_t cycles() const override { return 0; }

 private:
  void check_range(uint64_t address, uint64_t bytes) const;
  uint64_t read_cycles();
  /// Whether an interrupt came within some milliseconds.
  bool poll_interrupt(int milliseconds);
  void unmap();

  UioFiles files_;
  volatile uint32_t* registers_ = nullptr;
  std::byte* memory_ = nullptr;
  const spec::ChipConfig* config_ = nullptr;
  uint64_t reserved_ = 0;
};

}  // namespace tern::driver
