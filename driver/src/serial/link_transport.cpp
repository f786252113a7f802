// SPDX-License-Identifier: Apache-2.0
#include "link_transport.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "driver/src/chip_identity.hpp"
#include "io/error.hpp"
#include "spec/generated/registers.hpp"

namespace tern::driver {
namespace {

namespace reg = spec::reg;

constexpr uint64_t kBeat = 8;  ///< The link moves memory in units of this.
constexpr uint64_t kBlock = spec::kLinkChecksumBytes;
constexpr uint64_t kAddressable = uint64_t{1} << 32;
/// Times that what was written may read back wrong.
constexpr int kRounds = 3;
/// Looks at the interrupt line between two at the clock.
constexpr int kLooks = 16;

uint64_t down(uint64_t n) { return n / kBeat * kBeat; }
uint64_t up(uint64_t n) { return down(n + kBeat - 1); }

uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

}  // namespace

LinkTransport::LinkTransport(std::unique_ptr<ByteLine> line) : link_(std::move(line)) {
  link_.connect();
  config_ = &identify_chip(*this, link_.name(), "ulx3s");
}

void LinkTransport::check_range(uint64_t address, uint64_t bytes) const {
  if (bytes > memory_ || address > memory_ - bytes) {
    throw Error("{}: {} bytes at 0x{:x} leave the {} bytes of memory in use: reserve more",
                link_.name(), bytes, address, memory_);
  }
}

void LinkTransport::reserve_memory(uint64_t bytes) {
  if (bytes <= memory_) return;
  if (bytes > kAddressable || !link_.has_memory(up(bytes) - kBeat)) {
    throw Error(
        "{}: the model needs {} bytes of memory, more than the board has; use a smaller "
        "model or a shorter context (--context)",
        link_.name(), bytes);
  }
  memory_ = up(bytes);
}

void LinkTransport::read_memory(uint64_t address, std::span<std::byte> data) {
  check_range(address, data.size());
  const uint64_t first = down(address), end = up(address + data.size());
  if (first == address && end == address + data.size()) return link_.read_memory(address, data);
  std::vector<std::byte> whole(end - first);
  link_.read_memory(first, whole);
  std::memcpy(data.data(), whole.data() + (address - first), data.size());
}

void LinkTransport::write_memory(uint64_t address, std::span<const std::byte> data) {
  check_range(address, data.size());
  const uint64_t first = down(address), end = up(address + data.size());
  if (data.empty()) return;
  if (first == address && end == address + data.size()) return link_.write_memory(address, data);
  std::vector<std::byte> whole(end - first);
  link_.read_memory(first, std::span(whole).first(kBeat));
  link_.read_memory(end - kBeat, std::span(whole).last(kBeat));
  std::memcpy(whole.data() + (address - first), data.data(), data.size());
  link_.write_memory(first, whole);
}

void LinkTransport::load_memory(uint64_t address, std::span<const std::byte> data,
                                const MemoryProgress& progress) {
  check_range(address, data.size());
  if (address % kBeat != 0) return write_memory(address, data);
  const uint64_t whole = down(data.size());
  for (int round = 0;; ++round) {
    const std::vector<uint32_t> there = link_.checksums(address, whole);
    std::vector<uint64_t> wrong;
    uint64_t done = whole;
    for (std::size_t i = 0; i < there.size(); ++i) {
      const auto block = data.subspan(i * kBlock, std::min(kBlock, whole - i * kBlock));
      if (crc_of(block) == there[i]) continue;
      wrong.push_back(i * kBlock);
      done -= block.size();
    }
    if (wrong.empty()) break;
    if (round == kRounds) {
      throw Error(
          "{}: {} of {} blocks of memory read back wrong after {} attempts; the board's "
          "memory is at fault",
          link_.name(), wrong.size(), there.size(), kRounds);
    }
    for (const uint64_t at : wrong) {
      const uint64_t size = std::min(kBlock, whole - at);
      // In steps, so that progress shows.
      constexpr uint64_t kStep = 16384;
      for (uint64_t step = 0; step < size; step += kStep) {
        const uint64_t bytes = std::min(kStep, size - step);
        link_.write_memory(address + at + step, data.subspan(at + step, bytes));
        done += bytes;
        if (progress) progress(done, data.size());
      }
    }
  }
  if (whole < data.size()) write_memory(address + whole, data.subspan(whole));
}

void LinkTransport::write_register(uint32_t offset, uint32_t value) {
  link_.write_registers(offset, std::span(&value, 1));
}
uint32_t LinkTransport::read_register(uint32_t offset) {
  uint32_t value = 0;
  link_.read_registers(offset, std::span(&value, 1));
  return value;
}
void LinkTransport::write_registers(uint32_t offset, std::span<const uint32_t> values) {
  if (!values.empty()) link_.write_registers(offset, values);
}
void LinkTransport::read_registers(uint32_t offset, std::span<uint32_t> values) {
  if (!values.empty()) link_.read_registers(offset, values);
}

uint64_t LinkTransport::read_cycles() {
  std::array<uint32_t, 2> words;
  read_registers(reg::kCyclesLo, words);
  return uint64_t{words[1]} << 32 | words[0];
}

/// The board's clock is not known here; the chip counts it.
bool LinkTransport::wait_interrupt(uint64_t timeout_cycles) {
  if (link_.interrupt()) return true;
  const uint64_t start = read_cycles();
  for (;;) {
    for (int i = 0; i < kLooks; ++i) {
      if (link_.interrupt()) return true;
    }
    if (read_cycles() - start >= timeout_cycles) return link_.interrupt();
  }
}

}  // namespace tern::driver
