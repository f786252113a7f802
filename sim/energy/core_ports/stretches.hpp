// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "recording.hpp"

namespace tern::energy {

/// What the core does in a range of cycles.
struct CoreCounts {
  size_t cycle = 0;
  size_t instruction = 0;  ///< Completed.
  size_t access = 0;       ///< Device accesses completed.
  size_t stalled = 0;      ///< Cycles in which a device lets the core wait.
  size_t polled = 0;       ///< Cycles of polls that read what the one before read.
};
/// Of a whole recording.
CoreCounts count(const Recording& recording);

/// Stretches of a recorded token, for replaying them on a netlist of the core:
///
///   firmware  the middle layer, from its attention block to that of the next one
///   work      of that layer the longest time in which the core does not wait
///   poll      the longest time in which nothing but one device register is read, again and again
///   stall     the longest device access
///
/// but for the first at most 1500 cycles.
/// Each begins behind a jump, so that the core's state is its registers and its pc:
///
///   pc          where the jump goes
///   registers   [32] before the first instruction there
///   ports       by name, the value in each cycle from the one behind the jump on; inputs and
///               outputs, all but trap_info_o and retire_o
///   lead        cycles before what the stretch is about
///   counts      of the other cycles: CoreCounts by name
///
/// Throws Error when the recording is no token of three layers or more.
nlohmann::json stretches(const Recording& recording);

}  // namespace tern::energy
