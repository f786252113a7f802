// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "spec/generated/registers.hpp"
#include "tern/transport.hpp"
#include "verilated_chip.hpp"

namespace tern::test {

/// Thrown when more cycles pass than any error may take to come. No tern::Error, so that nobody
/// takes it for the driver's.
struct Hang {};

/// A simulated chip whose host is not alone: somebody else accesses its registers while the driver
/// waits or reads, and bits of what is written to memory flip.
class FaultyTransport final : public Transport {
 public:
  enum class Storm { kNone, kMail, kWindow, kControl };

  explicit FaultyTransport(const std::string& config)
      : chip_(sim::ChipOptions{config, "fast", {}, {}}) {}

  sim::VerilatedChip& chip() { return chip_; }

  /// One bit of memory is flipped in every write from now on.
  void damage(uint64_t bit) { damage_ = {bit}; }
  /// `accesses` register accesses from cycle `start` on, some cycles apart.
  void storm(Storm kind, uint64_t seed, uint64_t start, int accesses) {
    storm_ = kind;
    random_.seed(seed);
    next_ = start;
    accesses_ = accesses;
  }
  void limit(uint64_t cycle) { limit_ = cycle; }
  /// No more faults.
  void clear() {
    chip_.inject({});
    damage_.clear();
    storm_ = Storm::kNone;
  }
  /// What a foreign access met with that it must not: an assertion, or no answer.
  const std::string& broken() const { return broken_; }

  const spec::ChipConfig& config() const override { return chip_.config(); }
  void reserve_memory(uint64_t bytes) override { chip_.reserve_memory(bytes); }
  void write_memory(uint64_t address, std::span<const std::byte> data) override {
    std::vector<std::byte> damaged(data.begin(), data.end());
    for (uint64_t bit : damage_) {
      if (bit / 8 - address < data.size())
        damaged[bit / 8 - address] ^= static_cast<std::byte>(1u << bit % 8);
    }
    chip_.write_memory(address, damaged);
  }
  void read_memory(uint64_t address, std::span<std::byte> data) override {
    chip_.read_memory(address, data);
  }
  /// The chip's watchdog gets half of the driver's time-out, so that it must be the first to
  /// notice.
  void write_register(uint32_t offset, uint32_t value) override {
    check_limit();
    if (offset == spec::reg::kWatchdog) value /= 2;
    chip_.write_register(offset, value);
  }
  uint32_t read_register(uint32_t offset) override {
    check_limit();
    disturb();
    return chip_.read_register(offset);
  }
  bool wait_interrupt(uint64_t timeout_cycles) override {
    const uint64_t end = chip_.cycles() + timeout_cycles;
    for (;;) {
      check_limit();
      disturb();
      const uint64_t now = chip_.cycles();
      if (now >= end) return chip_.wait_interrupt(0);
      uint64_t stop = std::min(end, limit_ + 1);
      if (storm_ != Storm::kNone) stop = std::min(stop, std::max(next_, now + 1));
      if (chip_.wait_interrupt(stop - now)) return true;
    }
  }
  uint64_t cycles() const override { return chip_.cycles(); }

 private:
  void check_limit() const {
    if (chip_.cycles() > limit_) throw Hang{};
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  uint32_t word() { return static_cast<uint32_t>(random_()); }

  void disturb() {
    while (storm_ != Storm::kNone && chip_.cycles() >= next_) {
      if (accesses_-- == 0) {
        storm_ = Storm::kNone;
        return;
      }
      next_ = chip_.cycles() + (below(4) == 0 ? below(2000) : below(20));
      try {
        access();
      } catch (const Error& e) {
        const std::string what = e.what();  // SLVERR is an answer
        if (what.find("answered with") == std::string::npos) broken_ = what;
      }
    }
  }

  void access() {
    namespace reg = spec::reg;
    switch (storm_) {
      case Storm::kMail:
        if (below(8) == 0) return chip_.write_register(reg::kMailState, word());
        return chip_.write_register(reg::kMailIn, below(2) == 0 ? word() : below(5));
      case Storm::kWindow:
        return window();
      default:
        break;
    }
    // Half of the accesses hit what does something.
    constexpr uint32_t kActive[] = {reg::kCtrl, reg::kCtrl, reg::kError, reg::kWatchdog};
    const uint32_t offset = below(2) == 0 ? kActive[below(4)] : 4 * below(0x400);
    if (offset == reg::kMailIn || offset == reg::kMailState || offset == reg::kWindowData) return;
    if (below(4) == 0) {
      chip_.read_register(offset);
    } else {
      chip_.write_register(offset, below(2) == 0 ? word() : below(4));
    }
  }

  /// Reads anywhere; writes anywhere but to the data memory, which is the host's to change.
  void window() {
    namespace reg = spec::reg;
    constexpr uint32_t kBases[] = {0, spec::kDataBase, spec::kMmioBase,
                                   spec::kMmioBase + spec::mmio::kScratch};
    uint32_t address = kBases[below(4)] + 4 * below(0x3000);
    if (below(8) == 0) address = word();
    const bool data = address - spec::kDataBase < chip_.config().data_bytes;
    chip_.write_register(reg::kWindowAddr, address);
    if (data || below(2) == 0) {
      chip_.read_register(reg::kWindowData);
    } else {
      chip_.write_register(reg::kWindowData, word());
    }
  }

  sim::VerilatedChip chip_;
  std::vector<uint64_t> damage_;
  Storm storm_ = Storm::kNone;
  std::mt19937_64 random_;
  uint64_t next_ = 0;
  int accesses_ = 0;
  uint64_t limit_ = ~uint64_t{0} - 1;
  std::string broken_;
};

}  // namespace tern::test
