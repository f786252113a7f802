// SPDX-License-Identifier: Apache-2.0
#include "memory_storage.hpp"

#include <sys/mman.h>

#include <cstring>

#include "io/error.hpp"

namespace tern::sim {
namespace {

constexpr uint64_t kPage = 4096;

void check(const MemoryStorage& memory, const char* what, uint64_t address, uint64_t bytes) {
  if (!memory.contains(address, bytes)) {
    throw Error("{} of {} bytes at 0x{:x} leaves the simulated memory of {} bytes: reserve more",
                what, bytes, address, memory.size());
  }
}

}  // namespace

MemoryStorage::~MemoryStorage() {
  if (data_ != nullptr) munmap(data_, size_);
}

void MemoryStorage::reserve(uint64_t bytes) {
  const uint64_t rounded = (bytes + kPage - 1) / kPage * kPage;
  if (rounded < bytes) throw Error("simulated memory of {} bytes: no machine has that much", bytes);
  if (rounded <= size_) return;
  void* grown = data_ == nullptr ? mmap(nullptr, rounded, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                 : mremap(data_, size_, rounded, MREMAP_MAYMOVE);
  if (grown == MAP_FAILED) {
    throw Error("simulated memory of {} bytes: the system refuses; use a smaller model or context",
                bytes);
  }
  data_ = static_cast<std::byte*>(grown);
  size_ = rounded;
}

void MemoryStorage::write(uint64_t address, std::span<const std::byte> data) {
  check(*this, "write", address, data.size());
  if (!data.empty()) std::memcpy(data_ + address, data.data(), data.size());
}

void MemoryStorage::read(uint64_t address, std::span<std::byte> data) const {
  check(*this, "read", address, data.size());
  if (!data.empty()) std::memcpy(data.data(), data_ + address, data.size());
}

}  // namespace tern::sim
