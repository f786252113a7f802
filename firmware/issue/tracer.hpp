// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "issue/units.hpp"
#include "load/model.hpp"

namespace tern::firmware {

/// Sends vectors of the scratchpad to the trace buffer in memory. What it copies must already have
/// been ordered from the units; the tracer waits for them and for its own stores, so that tracing
/// adds no ordering of its own, only time.
class Tracer {
 public:
  explicit Tracer(Units& units) : units_(units) {}

  /// A buffer in memory, in units of 64 bytes from address 0; without units, tracing is off.
  void start(uint32_t address, uint32_t units, uint32_t record_word);
  bool on() const { return units_in_buffer_ != 0; }
  /// Hands to the host what is in the buffer, and waits until it has been read.
  void flush();
  /// Whether a record was larger than the buffer; the detail is what the largest would need.
  Status status() const;

  struct Key {
    spec::TracePoint point;
    int32_t layer;
    int32_t head;
    uint32_t position;
    Scale scale{0, 0};
  };
  /// One record of `count` words from `word` on.
  void save(const Key& key, uint32_t word, uint32_t count);

  /// Records that are filled piece by piece. Both are reserved before the first is begun.
  void reserve(uint32_t records, uint32_t count);
  uint32_t begin(const Key& key, uint32_t count);
  void add(uint32_t address, uint32_t first, uint32_t word, uint32_t count);

 private:
  static constexpr uint32_t units_of(uint32_t words) {
    return (words * 4 + spec::kAddrUnit - 1) / spec::kAddrUnit;
  }
  void store(uint32_t unit, uint32_t byte, uint32_t word, uint32_t count);

  Units& units_;
  uint32_t address_ = 0;
  uint32_t units_in_buffer_ = 0;
  uint32_t used_ = 0;
  uint32_t needed_ = 0;  ///< Units of the largest that did not fit.
  uint32_t record_ = 0;
};

}  // namespace tern::firmware
