// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::tlm {

/// What a chip did: the counts that an energy model multiplies with the energy of each. Counts of
/// beats, lines and words, not of bits that toggle.
struct Activity {
  /// Stripes of tiles that the array multiplied, [layout][activation columns that take part]: the
  /// beats of matrices without those of scales, but eight for five of signs on five trees.
  std::array<std::array<uint64_t, 9>, spec::kLayoutCount> matrix_beats{};
  uint64_t scale_beats = 0;      ///< Beats of scale words.
  uint64_t load_beats = 0;       ///< Beats of LOAD commands, with those that hold no element.
  uint64_t act_tile_reads = 0;   ///< Tiles of one activation column read with matrix beats.
  uint64_t act_line_writes = 0;  ///< Lines of up to `lanes` bytes written by the vector unit.
  uint64_t acc_updates = 0;      ///< Accumulators added to: live rows of a beat x columns.
  uint64_t acc_reads = 0;        ///< Accumulators read by the result sink.

  // The scratchpad, in lines (accesses) and words, by who asks.
  uint64_t scratch_vector_reads = 0, scratch_vector_read_words = 0;
  uint64_t scratch_vector_writes = 0, scratch_vector_write_words = 0;
  uint64_t scratch_result_writes = 0, scratch_result_words = 0;
  uint64_t scratch_load_writes = 0, scratch_load_words = 0;
  uint64_t scratch_store_reads = 0, scratch_store_words = 0;
  uint64_t scratch_controller_accesses = 0;

  std::array<uint64_t, spec::kVectorOpCount> vector_elements{};  ///< Elements by VectorOp.
  std::array<uint64_t, spec::kVectorOpCount> vector_lines{};     ///< Lines of results by VectorOp.
  std::array<uint64_t, spec::kScalarOpCount> scalar_rows{};      ///< Rows by ScalarOp.
  uint64_t reduced_elements = 0;                                 ///< Elements that were reduced.

  uint64_t instructions = 0;                             ///< Of the controller, all kinds.
  uint64_t controller_loads = 0, controller_stores = 0;  ///< Of its data memory.
  uint64_t controller_multiplies = 0, controller_divides = 0;
  uint64_t device_reads = 0, device_writes = 0;
  uint64_t controller_stalls = 0;  ///< Cycles in which a device let the controller wait.
  uint64_t controller_polls = 0;   ///< Cycles of polls that read what the one before had read.
  uint64_t commands = 0;

  uint64_t fifo_beats = 0;  ///< Beats through the prefetch FIFO: each is written and read once.
  uint64_t memory_read_bursts = 0, memory_read_bytes = 0;
  uint64_t memory_write_bursts = 0, memory_write_bytes = 0;  ///< Bytes with a strobe.
};

/// Counts between two looks: `after` less `before`.
Activity operator-(const Activity& after, const Activity& before);

Activity& operator+=(Activity& sum, const Activity& more);

/// What belongs to no command: the counts of the controller. All others are those of the commands
/// that Observer sees.
Activity of_controller(const Activity& activity);

/// What was counted in a stretch of a unit's work, for those who observe commands; looks at the
/// counts only if `observed`.
class ActivityOf {
 public:
  ActivityOf(const Activity& counts, bool observed) : counts_(counts), observed_(observed) {
    if (observed_) before_ = counts;
  }
  Activity get() const { return observed_ ? counts_ - before_ : Activity{}; }

 private:
  const Activity& counts_;
  const bool observed_;
  Activity before_{};
};

/// Each count with its name, arrays as one name an entry: "matrix_beats.value.2",
/// "vector_elements.mul". Counts of 0 are left out of arrays.
std::vector<std::pair<std::string, uint64_t>> named(const Activity& activity);

}  // namespace tern::tlm
