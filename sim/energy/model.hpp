// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "counts.hpp"
#include "spec/generated/spec.hpp"
#include "technology.hpp"

namespace tern::energy {

/// Where the energy goes.
enum class Unit { kCore, kSram, kPhy, kDram };
inline constexpr int kUnits = 4;
std::string_view name_of(Unit unit);

/// How registers are clocked that have nothing to do.
enum class ClockGating {
  kUnits,  ///< Not at all: activation columns, banks' entries, lanes and queues are gated when
           ///< unused.
  kNone,   ///< In every cycle, as the RTL stands.
};

/// Energy of one kind of event of a run.
struct Term {
  Unit unit{};
  std::string name;
  double joules = 0;
  Tag tag{};
  std::string how;        ///< Count and energy of one.
  bool recalled = false;  ///< The energy of one hangs on a source that is cited from memory.
};

/// The energy of a run.
struct Report {
  std::vector<Term> terms;
  std::vector<std::string> missing;  ///< What is not in it.

  double joules(Unit unit) const;
  double joules() const;
  Tag tag(Unit unit) const;  ///< The weakest of its terms.
  Tag tag() const;
  bool recalled(Unit unit) const;  ///< One of its terms is.
  bool recalled() const;
};

struct ModelOptions {
  ClockGating gating = ClockGating::kUnits;
  bool wires = true;  ///< With the technology's factor for wires and the clock tree.
};

/// What a memory does that reads and writes so many bytes in sequence within `seconds`: each row is
/// opened once, and one is open all the time.
DramCounts stream_counts(uint64_t read_bytes, uint64_t written_bytes, double seconds,
                         const Dram& dram);

/// Joules of a run with `counts` on `chip`, built in `technology` with memory `dram`. Blocks are
/// scaled from the measured tiles: the array by columns / 16, with its decoders counted once a beat
/// and lanes once an activation column of a beat. Throws Error when the technology has no results
/// for a block of the array.
///
/// With ClockGating::kUnits the joules are linear in the counts: those of the parts of a run add up
/// to those of the run.
Report estimate(const Counts& counts, const spec::ChipConfig& chip, const Technology& technology,
                const Dram& dram, const ModelOptions& options = {});

}  // namespace tern::energy
