// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "activity.hpp"
#include "memory_model.hpp"
#include "spec/generated/spec.hpp"
#include "tern/device.hpp"

namespace tern::tlm {

/// A stretch of the engine's time and what its cycles are counted as; those that are left are
/// counted as waiting for commands or units.
struct EngineSpan {
  Cycle begin, end;  ///< [begin, end)
  uint64_t beats = 0, load_beats = 0, stall_read = 0, stall_drain = 0;
};

/// A command that was worked out: its unit is at it in cycles [begin, end).
struct Executed {
  const spec::CommandWords& words;
  Cycle begin, end;
  const Activity& activity;  ///< What it caused, from the first count to the last.
};
using Observer = std::function<void(const Executed&)>;

/// The event counters of rtl/cluster/cluster_counters.sv and rtl/chip/event_counters.sv from
/// intervals that are known ahead of time. Each add_*() takes intervals in the order of time.
class EventLog {
 public:
  void add_engine(const EngineSpan& span);
  /// The engine's queue has a command at its head.
  void add_held(Cycle begin, Cycle end);
  void add_vector_busy(Cycle begin, Cycle end);
  void add_store_beats(Cycle begin, Cycle end, uint64_t beats);
  void set_working(Cycle from, bool working);
  void add_command() { ++counters_.commands; }

  /// Sees every command once its times are known, each unit's in order.
  void observe(Observer observer) { observer_ = std::move(observer); }
  /// Whether somebody wants to know what a command moved.
  bool observed() const { return observer_ != nullptr; }
  void executed(const Executed& command) {
    if (observer_) observer_(command);
  }

  /// What has been counted before `cycle`, which must not fall; `cycles` is that cycle. Whatever
  /// begins before it must have been added.
  const Counters& at(Cycle cycle);

 private:
  struct Interval {
    Cycle begin, end;
    uint64_t count;
  };
  void settle(Cycle until);
  void take(Cycle until, bool working, bool held);
  static EngineSpan share(EngineSpan& span, uint64_t cycles, uint64_t all);
  static uint64_t take(std::deque<Interval>& intervals, Cycle until);

  Counters counters_;
  Cycle now_ = 0;
  std::deque<EngineSpan> spans_;
  std::deque<Interval> held_, vector_, store_;
  struct Change {
    Cycle from;
    bool working;
  };
  std::deque<Change> changes_;
  bool working_ = false;
  Observer observer_;
};

}  // namespace tern::tlm
