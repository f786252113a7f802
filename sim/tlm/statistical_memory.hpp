// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "memory_model.hpp"

namespace tern::tlm {

/// A memory of which only averages are known: a rate below a beat a cycle, an address
/// channel that makes requests wait, and pauses for refresh.
struct StatisticalMemoryTiming {
  double read_latency = 40;     ///< Cycles from an accepted request to its first beat.
  double write_latency = 8;     ///< From an accepted write to its response.
  double beats_per_cycle = 1;   ///< Of sequential reads, without refresh; at most 1.
  double address_wait = 0;      ///< Cycles that a request or a write waits for its acceptance.
  double refresh_interval = 0;  ///< Cycles from one refresh to the next; 0: none.
  double refresh_cycles = 0;    ///< Cycles of a refresh, in which no beat comes.
  double turnaround = 0;  ///< Cycles that a group of writes takes from the reads, beyond its beats.
  bool shared_bus = true;  ///< Writes take their beats from the reads.
  uint32_t max_outstanding = 32;

  /// The memory of sim/axi_memory.hpp whose channels each stall with probability p in every cycle.
  static StatisticalMemoryTiming with_stalls(const FixedMemoryTiming& fixed, double p) {
    StatisticalMemoryTiming t;
    t.read_latency = fixed.read_latency + p / (1 - p);
    t.write_latency = fixed.write_latency + p / (1 - p);
    t.beats_per_cycle = 1 - p;
    t.address_wait = p / (1 - p);
    t.shared_bus = false;
    t.max_outstanding = fixed.max_outstanding;
    return t;
  }
};

class StatisticalMemory final : public MemoryModel {
 public:
  explicit StatisticalMemory(const StatisticalMemoryTiming& timing) : timing_(timing) {}

  ReadBurst read(Cycle request, uint64_t, uint32_t beats) override {
    double& oldest = reads_[next_read_++ % timing_.max_outstanding];
    const double accepted =
        std::max({static_cast<double>(request), oldest, address_free_}) + timing_.address_wait;
    address_free_ = accepted;
    const double pace = 1 / timing_.beats_per_cycle;
    const double first = past_refresh(std::max(accepted + timing_.read_latency, free_ + lost_));
    lost_ = 0;
    const double undisturbed = first + (beats - 1) * pace;
    const double last = undisturbed + refreshes(first, undisturbed) * timing_.refresh_cycles;
    oldest = last + 1;
    free_ = last + pace;
    return {static_cast<Cycle>(accepted), static_cast<Cycle>(first), static_cast<Cycle>(last)};
  }

  WriteBeat write(Cycle request, uint64_t) override {
    const double accepted =
        std::max(static_cast<double>(request), write_free_) + timing_.address_wait;
    // Writes that follow each other closely turn the bus around once.
    if (timing_.shared_bus) lost_ += 1 / timing_.beats_per_cycle;
    if (accepted > write_free_ + kGroupGap) lost_ += timing_.turnaround;
    write_free_ = accepted;
    const double response =
        std::max(past_refresh(accepted + timing_.write_latency), last_response_ + 1);
    last_response_ = response;
    return {static_cast<Cycle>(accepted), static_cast<Cycle>(response)};
  }

 private:
  /// Refreshes begin at multiples of the interval; what falls into one comes behind it.
  double past_refresh(double at) const {
    if (timing_.refresh_interval <= 0) return at;
    const double into = std::fmod(at, timing_.refresh_interval);
    return into < timing_.refresh_cycles ? at + timing_.refresh_cycles - into : at;
  }
  double refreshes(double from, double to) const {
    if (timing_.refresh_interval <= 0) return 0;
    return std::floor(to / timing_.refresh_interval) - std::floor(from / timing_.refresh_interval);
  }

  static constexpr double kGroupGap = 64;

  StatisticalMemoryTiming timing_;
  double lost_ = 0;  ///< Cycles of the bus that writes have taken since the latest read.
  double free_ = 0, address_free_ = 0, write_free_ = 0, last_response_ = 0;
  uint32_t next_read_ = 0;
  std::array<double, 64> reads_{};  ///< From when on the place of an outstanding request is free.
};

}  // namespace tern::tlm
