// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

namespace tern::tlm {

/// A clock cycle of the chip, counted from its start.
using Cycle = uint64_t;

/// Cycles [begin, end).
struct Span {
  Cycle begin = 0, end = 0;
};

/// When the beats of a read burst come: the first and the last, the others evenly between them.
struct ReadBurst {
  Cycle accepted;  ///< The address was taken.
  Cycle first, last;
};

/// When a write of one beat is taken and when its response comes.
struct WriteBeat {
  Cycle accepted;
  Cycle response;
};

/// The memory behind the chip's AXI port as the performance model sees it: times of whole bursts,
/// no data. Bursts of a direction are answered in order, so no time of an answer lies before those
/// of earlier ones. Reads come in the order in which the chip requests them, and so do writes; a
/// write may come before a read whose request is earlier, since units are worked out one command at
/// a time.
class MemoryModel {
 public:
  virtual ~MemoryModel() = default;
  /// The address is offered in cycle `request`; a beat is as wide as the bus.
  virtual ReadBurst read(Cycle request, uint64_t address, uint32_t beats) = 0;
  /// Address and data of one beat are offered in cycle `request`.
  virtual WriteBeat write(Cycle request, uint64_t address) = 0;
};

/// The memory of sim/axi_memory.hpp without random stalls: a beat a cycle once the latency is over.
struct FixedMemoryTiming {
  uint32_t read_latency = 40;     ///< Cycles from a read request to its first beat, at least 1.
  uint32_t write_latency = 8;     ///< From the last beat of a write to its response, at least 1.
  uint32_t max_outstanding = 32;  ///< Requests accepted and not finished, per direction, 1 to 64.
};

class FixedMemory final : public MemoryModel {
 public:
  explicit FixedMemory(const FixedMemoryTiming& timing) : timing_(timing) {}

  ReadBurst read(Cycle request, uint64_t, uint32_t beats) override {
    Cycle& oldest = reads_[next_read_++ % timing_.max_outstanding];
    const Cycle accepted = std::max(request, oldest);
    const Cycle first = std::max(accepted + timing_.read_latency, free_);
    const Cycle last = first + beats - 1;
    oldest = free_ = last + 1;
    return {accepted, first, last};
  }

  WriteBeat write(Cycle request, uint64_t) override {
    Cycle& oldest = writes_[next_write_++ % timing_.max_outstanding];
    const Cycle accepted = std::max(request, oldest);
    const Cycle response = std::max(accepted + timing_.write_latency, last_response_ + 1);
    last_response_ = response;
    oldest = response + 1;
    return {accepted, response};
  }

 private:
  FixedMemoryTiming timing_;
  Cycle free_ = 0;  ///< First cycle without a beat of an earlier burst.
  Cycle last_response_ = 0;
  uint32_t next_read_ = 0, next_write_ = 0;
  std::array<Cycle, 64> reads_{};  ///< From when on the place of an outstanding request is free.
  std::array<Cycle, 64> writes_{};
};

}  // namespace tern::tlm
