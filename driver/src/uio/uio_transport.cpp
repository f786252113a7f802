// SPDX-License-Identifier: Apache-2.0
#include "uio_transport.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "driver/src/chip_identity.hpp"
#include "io/error.hpp"
#include "spec/generated/registers.hpp"

namespace tern::driver {
namespace {

namespace reg = spec::reg;

constexpr std::size_t kRegisterBytes = 4096;
constexpr int kSliceMilliseconds = 20;
/// A clock that stands still for so long has stopped.
constexpr auto kStopped = std::chrono::seconds(1);

void* map(const UioFiles& files, const OpenFile& file, uint64_t bytes, const char* what) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) {
    throw Error("{}: {} bytes of {} cannot be mapped: {}", files.name, bytes, what,
                std::strerror(errno));
  }
  return at;
}

}  // namespace

UioTransport::UioTransport(UioFiles files) : files_(std::move(files)) {
  try {
    registers_ = static_cast<volatile uint32_t*>(
        map(files_, files_.registers, kRegisterBytes, "the chip's registers"));
    memory_ = static_cast<std::byte*>(
        map(files_, files_.memory, files_.memory_bytes, "the chip's memory"));
    config_ = &identify_chip(*this, files_.name, "edge");
  } catch (...) {
    unmap();
    throw;
  }
}

UioTransport::~UioTransport() { unmap(); }

void UioTransport::unmap() {
  if (registers_ != nullptr) munmap(const_cast<uint32_t*>(registers_), kRegisterBytes);
  if (memory_ != nullptr) munmap(memory_, files_.memory_bytes);
}

void UioTransport::reserve_memory(uint64_t bytes) {
  if (bytes > files_.memory_bytes) {
    throw Error(
        "{}: the model needs {} bytes of memory, the buffer has {}; give it more in the "
        "device-tree overlay, or use a smaller model or a shorter context (--context)",
        files_.name, bytes, files_.memory_bytes);
  }
  reserved_ = std::max(reserved_, bytes);
}

void UioTransport::check_range(uint64_t address, uint64_t bytes) const {
  if (bytes > reserved_ || address > reserved_ - bytes) {
    throw Error("{}: {} bytes at 0x{:x} leave the {} bytes of memory in use: reserve more",
                files_.name, bytes, address, reserved_);
  }
}

void UioTransport::write_memory(uint64_t address, std::span<const std::byte> data) {
  check_range(address, data.size());
  if (!data.empty()) std::memcpy(memory_ + address, data.data(), data.size());
}

void UioTransport::read_memory(uint64_t address, std::span<std::byte> data) {
  check_range(address, data.size());
  if (!data.empty()) std::memcpy(data.data(), memory_ + address, data.size());
}

void UioTransport::write_register(uint32_t offset, uint32_t value) {
  // What was written to memory before must be there when the chip sees this.
  __sync_synchronize();
  registers_[offset / 4] = value;
}

uint32_t UioTransport::read_register(uint32_t offset) {
  const uint32_t value = registers_[offset / 4];
  __sync_synchronize();
  return value;
}

uint64_t UioTransport::read_cycles() {
  const uint64_t low = read_register(reg::kCyclesLo);
  return uint64_t{read_register(reg::kCyclesHi)} << 32 | low;
}

bool UioTransport::poll_interrupt(int milliseconds) {
  pollfd entry{files_.interrupt.get(), POLLIN, 0};
  const int ready = poll(&entry, 1, milliseconds);
  if (ready < 0 && errno != EINTR)
    throw Error("{}: its interrupt cannot be waited for: {}", files_.name, std::strerror(errno));
  if (ready <= 0) return false;
  uint32_t count = 0;
  if (read(files_.interrupt.get(), &count, sizeof count) != sizeof count)
    throw Error("{}: its interrupt cannot be read: {}", files_.name, std::strerror(errno));
  return true;
}

/// The kernel masks the interrupt when it comes; armed again while the line is high, it comes at
/// once. One that came before it was waited for costs a look at the mailbox.
bool UioTransport::wait_interrupt(uint64_t timeout_cycles) {
  const uint32_t arm = 1;
  if (write(files_.interrupt.get(), &arm, sizeof arm) != sizeof arm)
    throw Error("{}: its interrupt cannot be armed: {}", files_.name, std::strerror(errno));
  const uint64_t start = read_cycles();
  uint64_t last = start;
  auto moved = std::chrono::steady_clock::now();
  for (int slice = 1;; slice = kSliceMilliseconds) {
    if (poll_interrupt(slice)) return true;
    const uint64_t now = read_cycles();
    if (now - start >= timeout_cycles) return poll_interrupt(0);
    if (now != last) {
      moved = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - moved > kStopped) {
      throw Error("{}: the chip's clock stands still; its bitstream or its clock was taken away",
                  files_.name);
    }
    last = now;
  }
}

}  // namespace tern::driver
