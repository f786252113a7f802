// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tern::sim {

/// The bytes of a simulated memory, from address 0. Pages take room only once they are written, and
/// read as 0 before.
class MemoryStorage {
 public:
  MemoryStorage() = default;
  ~MemoryStorage();
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;

  /// Grows to at least `bytes` and keeps the contents; never shrinks. Throws tern::Error when the
  /// system refuses.
  void reserve(uint64_t bytes);

  uint64_t size() const { return size_; }
  bool contains(uint64_t address, uint64_t bytes) const {
    return bytes <= size_ && address <= size_ - bytes;
  }

  /// Throw tern::Error for bytes outside of the memory.
  void write(uint64_t address, std::span<const std::byte> data);
  void read(uint64_t address, std::span<std::byte> data) const;

  /// First byte; moves when reserve() grows.
  std::byte* data() { return data_; }

 private:
  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace tern::sim
