// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <deque>

#include "activity.hpp"
#include "event_log.hpp"
#include "perf_config.hpp"
#include "port.hpp"
#include "queue_room.hpp"
#include "scoreboard.hpp"

namespace tern::tlm {

/// STORE commands: lines of the scratchpad become beats to memory, step by step. Commands are
/// worked out when somebody needs to know, since what the vector unit reads meanwhile holds up the
/// lines. Source: rtl/cluster/store_unit.sv.
class StoreUnit {
 public:
  StoreUnit(const PerfConfig& config, MemoryModel& memory, Scoreboard& scoreboard, Ports& ports,
            EventLog& log, Activity& activity)
      : chip_(config.chip),
        memory_(memory),
        scoreboard_(scoreboard),
        ports_(ports),
        log_(log),
        activity_(activity),
        commands_(config.chip.cmd_depth),
        responses_(config.max_writes) {}

  /// First cycle in which the queue has room for the next command.
  Cycle room();
  /// The next command enters the queue. The ends of the stream's commands that it waits for are
  /// known.
  void push(Cycle pushed, const spec::CommandWords& words);

  void advance(Cycle cycle);
  void finish(uint64_t number);
  /// No command that is not worked out begins before this cycle.
  Cycle next() const;
  void step();

 private:
  struct Pending {
    Cycle pushed;
    spec::CommandWords words;
    Waits waits;
  };
  /// The command under way.
  struct Run {
    Cycle read;  ///< Latest line read.
    Cycle step;  ///< Latest step.
    Cycle first_beat = 0, last_beat = 0, response = 0;
    uint64_t lines = 0, beats = 0;
    std::array<Cycle, 8>
        line_done{};  ///< Last step of the latest lines, as many as are read ahead.
  };
  void row(const spec::StoreCommand& c, uint64_t address, Run& run);
  void read_line(Run& run);
  void write_beat(uint64_t address, Run& run);

  const spec::ChipConfig chip_;
  MemoryModel& memory_;
  Scoreboard& scoreboard_;
  Ports& ports_;
  EventLog& log_;
  Activity& activity_;
  QueueRoom commands_;
  QueueRoom responses_;  ///< Writes without a response.
  std::deque<Pending> pending_;
  Cycle free_ = 0;
};

}  // namespace tern::tlm
