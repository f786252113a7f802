// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::sim {

/// Commands of each unit, in the order of spec::Unit: how many were issued, or are done.
using UnitCounts = std::array<uint64_t, spec::kUnitCount>;

/// A place that commands read and write. Units complete their commands in order, so the last reader
/// of each unit and the last writer say all.
struct Place {
  static constexpr uint8_t kNobody = 0xff;
  static constexpr uint8_t kController = 0xfe;
  uint8_t writer_unit = kNobody;
  uint32_t writer = 0;  ///< Number of the command, from 1.
  std::array<uint32_t, spec::kUnitCount> readers{};
};

/// What orders the commands of units that run side by side: their wait counts, and what the
/// controller saw done before it issued them; transitively. Every access is checked against the
/// accesses of earlier commands that may still be running; whatever needs a wait that is not there
/// throws tern::Error.
///
///   * Commands of a unit are ordered. LOAD and MATMUL start in the order of issue, as one queue. A
///     MATMUL's results come after the words of an earlier LOAD, but a LOAD may overtake the
///     results of an earlier MATMUL.
///   * LOAD and MATMUL read memory ahead: only their wait_store, and that of stream commands
///     before them, orders the reading.
///   * The controller knows what it has read from Done, no more. Each read reports some more
///     commands as done, in an order that the waits allow and a seed chooses, with one unit far
///     behind the others or none, so that firmware which looks at one unit's count and then uses
///     another unit's results is found out.
class Ordering {
 public:
  Ordering(uint64_t seed, bool check)
      : check_(check), slow_(seed % (kNoSlowUnit + 1)), random_(seed) {}

  /// How far a wait count may lie behind the commands issued: counts are compared modulo 256, and
  /// the unit goes on counting while the command waits.
  static constexpr int kMostBehind = 64;

  /// Commands of a unit that may be under way: a queue is finite, so the controller's counts modulo
  /// 256 stay unambiguous.
  static constexpr uint64_t kMostUnderWay = 16;

  void reset();
  /// The next command is issued. `name` is for messages. Throws when a wait count is ahead of what
  /// was issued, for it would never be reached, or more than kMostBehind behind.
  void begin(spec::Unit unit, const std::array<uint32_t, spec::kUnitCount>& waits,
             std::string name);
  const std::string& name() const { return name_; }

  /// Accesses of the command that began last. `what` says what is accessed, "a: word"; `index` is
  /// which one.
  void read(Place& place, const char* what, uint64_t index);
  void write(Place& place, const char* what, uint64_t index);
  /// A stream command reads memory, a STORE writes it.
  void read_memory(uint64_t address, uint64_t bytes);
  void write_memory(uint64_t address, uint64_t bytes);

  /// Accesses of the controller, and of the host once the controller has told it.
  void controller_read(const Place& place, const char* what, uint64_t index) const;
  void controller_write(Place& place, const char* what, uint64_t index) const;
  void host_read_memory(uint64_t address, uint64_t bytes) const;

  /// Done as the controller reads it.
  uint32_t read_done();
  const UnitCounts& issued() const { return issued_; }

 private:
  static constexpr uint64_t kPageBytes = 4096;
  using Page = std::array<Place, kPageBytes>;
  struct Started {
    UnitCounts after{};  ///< Commands that are done when this one starts.
  };
  static constexpr std::size_t kHistory = 256;  ///< More than a wait count can name.

  const Started& started(std::size_t unit, uint64_t number) const {
    return history_[unit][number % kHistory];
  }
  Started& started(std::size_t unit, uint64_t number) { return history_[unit][number % kHistory]; }
  uint64_t resolve(std::size_t unit, uint32_t wait) const;
  bool covered(uint8_t unit, uint32_t number) const;
  [[noreturn]] void fail(const char* what, uint64_t index, const char* verb, const char* did,
                         std::size_t unit, uint32_t number) const;
  void advance();
  uint64_t draw();

  static constexpr std::size_t kNoSlowUnit = spec::kUnitCount;

  bool check_;
  std::size_t slow_;  ///< Unit whose commands end only when nothing else can.
  uint64_t random_;
  UnitCounts issued_{};
  UnitCounts done_{};
  UnitCounts known_{};  ///< done_ as the controller last read it.
  std::array<std::array<Started, kHistory>, spec::kUnitCount> history_{};
  UnitCounts stream_after_{};  ///< Of the last LOAD or MATMUL.
  uint64_t stream_store_ = 0;  ///< STOREs that are done when the stream reads memory.

  std::size_t unit_ = 0;  ///< The command that began last.
  UnitCounts after_{};
  std::string name_;

  /// Only pages that a STORE has written.
  std::unordered_map<uint64_t, Page> pages_;
  /// What the stream's commands read that may still be under way.
  struct StreamRead {
    uint8_t unit;
    uint32_t number;
    uint64_t begin, end;
  };
  std::deque<StreamRead> reads_;
};

}  // namespace tern::sim
