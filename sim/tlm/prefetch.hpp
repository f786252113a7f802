// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "activity.hpp"
#include "memory_model.hpp"
#include "perf_config.hpp"

namespace tern::tlm {

/// The fastest pace at which beats are taken: beat k of a run in cycle k * cycles / beats of it.
struct Pitch {
  uint32_t cycles = 1, beats = 1;
  constexpr Cycle at(uint64_t beat) const { return beat * cycles / beats; }
};

/// The stream reader and its FIFO: segments of memory become bursts, bursts become beats that the
/// engine takes. Works burst by burst; a burst is requested when all of it has room, which depends
/// only on beats that were taken before. Source: rtl/cluster/stream_reader.sv, rtl/lib/fifo.sv.
class Prefetch {
 public:
  Prefetch(const PerfConfig& config, MemoryModel& memory, Activity& activity);

  /// The next segment is offered from this cycle on; returns the one in which it is taken. All
  /// beats of the segment before have been taken.
  Cycle start(Cycle offered, uint64_t address, uint32_t beats);

  /// The next n >= 1 beats of the segment are taken, none before `from`, at this pace or slower.
  struct Taken {
    Cycle first, last;
    Cycle next;  ///< When the next one could be, if there were more.
  };
  Taken take(uint64_t n, Cycle from, Pitch pitch = {});

 private:
  struct Burst {
    Cycle first = 0, last = 0;  ///< Beats can be taken from then on, evenly spread.
    uint32_t beats = 0, taken = 0;
    Cycle arrival(uint32_t beat) const {
      if (beats < 2) return last;
      return first + ((last - first) * beat + beats - 2) / (beats - 1);
    }
  };
  /// Beats that were taken at an even pace.
  struct Piece {
    uint64_t begin, count;
    Cycle first, last;
  };

  void request();
  Cycle taken_at(uint64_t beat);
  void remember(uint64_t n, Cycle first, Cycle last);

  const uint32_t columns_, fifo_beats_, burst_beats_;
  MemoryModel& memory_;
  Activity& activity_;

  uint64_t address_ = 0;  ///< In beats.
  uint32_t left_ = 0;     ///< Beats of the segment that were not requested.
  Cycle segment_free_ = 0;
  Cycle next_issue_ = 0;
  Burst burst_;
  uint64_t requested_ = 0, consumed_ = 0;  ///< Beats since the start.
  std::deque<Piece> pieces_;
  std::vector<Cycle> finished_;  ///< Of the latest bursts: when their last beat came.
  uint64_t bursts_ = 0;
};

}  // namespace tern::tlm
