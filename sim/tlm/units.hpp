// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "store_unit.hpp"
#include "stream_unit.hpp"
#include "vector_unit.hpp"

namespace tern::tlm {

/// The units behind the command checker. Commands of the vector unit, which nothing holds up, are
/// worked out when they are issued, since all that they wait for was issued before; the others as
/// far as somebody needs to know of them. Source: rtl/chip/command_checker.sv, command_queue.sv.
class Units {
 public:
  Units(const PerfConfig& config, MemoryModel& memory);

  /// A command is offered to the checker in cycle `offered`; returns the one in which it is taken.
  /// Throws tern::Error for an opcode that is none.
  Cycle issue(Cycle offered, const spec::CommandWords& words);

  /// The register Done as it reads in `cycle`, which must not fall, and the first later cycle in
  /// which it reads otherwise if nothing more is issued.
  struct Done {
    uint32_t counts;
    Cycle changes;
  };
  Done done(Cycle cycle);
  /// Whether anything is under way in `cycle`.
  bool busy(Cycle cycle);
  /// The event counters before `cycle`, which must not fall.
  const Counters& counters(Cycle cycle);
  void set_working(Cycle from, bool working) { log_.set_working(from, working); }
  void observe(Observer observer) { log_.observe(std::move(observer)); }
  Activity& activity() { return activity_; }
  const VectorUnit& vector() const { return vector_; }

 private:
  void finish_waits(const spec::CommandWords& words);
  void advance(Cycle cycle);

  Scoreboard scoreboard_;
  Ports ports_;
  EventLog log_;
  Activity activity_;
  StoreUnit store_;
  StreamUnit stream_;
  VectorUnit vector_;
  const Cycle check_;       ///< From a command's arrival at the checker until it leaves.
  Cycle checker_free_ = 0;  ///< First cycle in which the checker takes a command.
};

}  // namespace tern::tlm
