// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>

#include "event_log.hpp"
#include "port.hpp"
#include "prefetch.hpp"
#include "scoreboard.hpp"
#include "spec/numerics/layout.hpp"
#include "store_unit.hpp"

namespace tern::tlm {

/// LOAD and MATMUL: the stream's reader, the matrix engine with its accumulators and result sink,
/// and the loader. Works on by row blocks, no further than somebody asks: what the vector unit
/// writes meanwhile holds up the results, and only commands that were issued are known. Source:
/// rtl/cluster/stream_sequencer.sv, matrix_engine.sv, result_sink.sv, stream_loader.sv.
class StreamUnit {
 public:
  StreamUnit(const PerfConfig& config, MemoryModel& memory, Scoreboard& scoreboard, Ports& ports,
             StoreUnit& store, EventLog& log, Activity& activity);

  /// First cycle in which both queues have room for the next command.
  Cycle room();
  /// The next command enters both queues in cycle `pushed`. All that it waits for has been issued.
  void push(Cycle pushed, const spec::CommandWords& words);

  /// Works on everything that begins before `cycle`.
  void advance(Cycle cycle);
  /// Works on until this command's end is known.
  void finish(spec::Unit unit, uint64_t number);
  /// No part that is not worked out begins before this cycle.
  Cycle next() const;
  /// Works out the next part; next() is not kNever.
  void step();
  /// A command at the head of the queue is counted as waiting up to `cycle`.
  void log_held(Cycle cycle);

 private:
  struct Pending {
    Cycle pushed;
    spec::CommandWords words;
    Waits waits;
  };
  /// A MATMUL under way.
  struct Matmul {
    spec::MatmulCommand command;
    bool value;
    spec::MatrixShape shape;
    uint32_t stripes_left, rows_left;
    Cycle accepted;
    Cycle planned;     ///< The next block's sizes are in registers.
    Cycle closed = 0;  ///< Last stripe of the block before.
    Activity activity{};
  };
  void begin();
  void run_load(const spec::LoadCommand& c, Cycle accepted);
  void run_block(Matmul& m);
  /// All beats of a block of so many stripes, from cycle `from` on; returns the cycle of its last
  /// stripe.
  Cycle take_block(const spec::MatrixShape& shape, uint32_t stripes, Cycle from);
  /// Rows that the array takes in a cycle in a layout of trits or signs; rows of an accumulator
  /// entry.
  uint32_t rows_of_step(spec::Layout layout) const;
  /// The block's last stripe was given to the array in cycle `closed`; `half` tells that it takes
  /// half of the accumulators, `height` how many rows an entry has. Completes the command with its
  /// last block.
  void drain(uint32_t entries, uint32_t height, uint32_t live_rows, bool half, bool last,
             const spec::MatmulCommand& c, Cycle closed);

  const spec::ChipConfig chip_;
  const uint32_t levels_;
  Scoreboard& scoreboard_;
  Ports& ports_;
  StoreUnit& store_;
  EventLog& log_;
  Activity& activity_;
  Prefetch prefetch_;
  QueueRoom segments_, commands_;
  std::deque<Pending> pending_;
  std::optional<Matmul> matmul_;

  Cycle sequencer_free_ = 0;  ///< First cycle in which a command can be accepted.
  Cycle loader_free_ = 0;     ///< First cycle in which a LOAD can.
  Cycle half_free_[2] = {};   ///< First cycle in which a half of the accumulators is not in use.
  uint32_t next_half_ = 0;
  Cycle sink_free_ = 0;   ///< First cycle in which the sink can take a block.
  Cycle entry_free_ = 0;  ///< First cycle in which the sink can read an entry.
};

}  // namespace tern::tlm
