// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "figure.hpp"

namespace tern::energy {

/// Beats of a layout, and the activation columns that took part in them, summed over the beats.
struct BeatCounts {
  uint64_t beats = 0;
  uint64_t column_beats = 0;
};

/// Elements that the vector unit worked on, by what a lane does for one.
struct VectorCounts {
  uint64_t scale = 0;       ///< One operand: Copy, Scale, Square, SumSquares, Exp2, Silu.
  uint64_t multiply = 0;    ///< Two operands multiplied: Mul, Join, half a pair of Rope.
  uint64_t accumulate = 0;  ///< A product or an operand added to another: Mac, Add, Sub, Butterfly.
};

/// What the memory did. stream_counts() of model.hpp has it for a stream whose commands are not
/// known.
struct DramCounts {
  uint64_t read_bytes = 0;
  uint64_t written_bytes = 0;
  double activates = 0;     ///< Rows opened, of the whole channel.
  double refreshes = 0;     ///< All-bank refreshes, of the whole channel.
  double open_seconds = 0;  ///< Time with at least one row open.
  double idle_seconds = 0;  ///< Time with none.
};

/// Events of a run or of a part of it: the input of the energy model. estimate::Estimator fills it
/// from the performance model's activity; the counters of a chip (docs/registers.md: BEATS,
/// LOAD_BEATS, VECTOR_BUSY, ...) with a DRAM model could. What is not known stays 0 and costs
/// nothing, so that a total without it is a lower bound.
struct Counts {
  Tag tag = Tag::kMeasured;  ///< What the counts themselves are worth.
  uint64_t cycles = 0;       ///< Chip clock cycles.
  double seconds = 0;        ///< The same in time: for leakage and standby.

  BeatCounts plane;               ///< Ternary weights.
  BeatCounts sign;                ///< 1-bit weights; a beat is what the array takes in a cycle.
  BeatCounts value;               ///< Head, keys and values.
  uint64_t scale_beats = 0;       ///< Beats of scales of groups.
  uint64_t load_beats = 0;        ///< Beats that went to the scratchpad.
  uint64_t activation_bytes = 0;  ///< Written to the activation buffer.

  VectorCounts vector;
  uint64_t scratch_reads = 0;  ///< Words of 32 bits, of all units.
  uint64_t scratch_writes = 0;

  uint64_t controller_cycles = 0;    ///< In which the controller works,
  uint64_t controller_polls = 0;     ///< polls a unit or the host,
  uint64_t controller_stalls = 0;    ///< or a device lets it wait.
  uint64_t controller_accesses = 0;  ///< Words of its data memory, read or written.

  DramCounts dram;

  Counts& operator+=(const Counts& other);
};

}  // namespace tern::energy
