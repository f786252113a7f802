// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "command_timing.hpp"
#include "event_log.hpp"
#include "perf_config.hpp"
#include "port.hpp"
#include "queue_room.hpp"
#include "scoreboard.hpp"

namespace tern::tlm {

/// VECTOR and SCALAR commands, one at a time. Source: rtl/vector/vector_unit.sv, docs/vector.md.
class VectorUnit {
 public:
  VectorUnit(const PerfConfig& config, Scoreboard& scoreboard, Ports& ports, EventLog& log,
             Activity& activity)
      : chip_(config.chip),
        scoreboard_(scoreboard),
        ports_(ports),
        log_(log),
        activity_(activity),
        commands_(config.chip.cmd_depth) {}

  Cycle room() const { return commands_.next(); }
  /// The end of all that the command waits for is known.
  void push(Cycle pushed, const spec::CommandWords& words);
  uint32_t listed() const { return list_.count(); }

 private:
  const spec::ChipConfig chip_;
  Scoreboard& scoreboard_;
  Ports& ports_;
  EventLog& log_;
  Activity& activity_;
  QueueRoom commands_;
  TopKList list_;
  Cycle free_ = 0;
};

}  // namespace tern::tlm
