// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "ring.hpp"

namespace tern::sim {

/// When the memory behind an AXI port has done what it was asked to: time only, no data. The port
/// (AxiMemory) keeps the protocol, the data, stalls and faults, and asks. Cycles are the chip's.
/// Per direction everything is done in the order in which it was asked for.
class MemoryBackend {
 public:
  virtual ~MemoryBackend() = default;

  /// A cycle begins; cycles come one after the other.
  virtual void begin_cycle(uint64_t cycle) = 0;

  /// A burst of reads was taken at the clock edge before `cycle`.
  virtual void read(uint64_t cycle, uint64_t address, uint32_t beats) = 0;
  /// Whether the next beat, the first that was not finished, can be offered in `cycle`.
  virtual bool read_ready(uint64_t cycle) = 0;
  /// That beat was taken.
  virtual void finish_read() = 0;

  /// A beat of a write was taken at the clock edge before `cycle`; `last` ends its burst.
  virtual void write(uint64_t cycle, uint64_t address, bool last) = 0;
  /// Whether the next burst of writes, the first that was not finished, can be answered in `cycle`.
  virtual bool write_ready(uint64_t cycle) = 0;
  /// It is being answered.
  virtual void finish_write() = 0;
};

/// A memory that answers after a fixed time.
class FixedLatency final : public MemoryBackend {
 public:
  /// From a read request to its first beat, and from the last beat of a write to its response; at
  /// least 1. What is in flight keeps its old latency.
  void configure(uint32_t read_latency, uint32_t write_latency) {
    read_latency_ = read_latency;
    write_latency_ = write_latency;
  }

  void begin_cycle(uint64_t) override {}
  void read(uint64_t cycle, uint64_t, uint32_t beats) override {
    reads_.push({cycle + read_latency_ - 1, beats});
  }
  bool read_ready(uint64_t cycle) override { return reads_.front().ready <= cycle; }
  void finish_read() override {
    if (--reads_.front().beats == 0) reads_.pop();
  }
  void write(uint64_t cycle, uint64_t, bool last) override {
    if (last) writes_.push(cycle + write_latency_ - 1);
  }
  bool write_ready(uint64_t cycle) override { return writes_.front() <= cycle; }
  void finish_write() override { writes_.pop(); }

 private:
  struct Burst {
    uint64_t ready;
    uint32_t beats;  ///< Not finished.
  };
  uint32_t read_latency_ = 1, write_latency_ = 1;
  Ring<Burst, 64> reads_;
  Ring<uint64_t, 128> writes_;
};

}  // namespace tern::sim
