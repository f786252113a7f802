// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "estimate.hpp"

namespace tern::estimate {

namespace {

using spec::VectorOp;

/// What a lane does for an element, in the terms of the energy model.
uint64_t energy::VectorCounts::*kind_of(VectorOp op) {
  switch (op) {
    case VectorOp::kMul:
    case VectorOp::kJoin:
    case VectorOp::kRope:
      return &energy::VectorCounts::multiply;
    case VectorOp::kMac:
    case VectorOp::kAdd:
    case VectorOp::kSub:
    case VectorOp::kButterfly:
      return &energy::VectorCounts::accumulate;
    default:
      return &energy::VectorCounts::scale;
  }
}

energy::BeatCounts beats_of(const tlm::Activity& activity, spec::Layout layout) {
  energy::BeatCounts out;
  const auto& beats = activity.matrix_beats[static_cast<std::size_t>(layout)];
  for (std::size_t columns = 0; columns < beats.size(); ++columns) {
    out.beats += beats[columns];
    out.column_beats += beats[columns] * columns;
  }
  return out;
}

}  // namespace

energy::Counts Estimator::counts_of(const tlm::Activity& a, double cycles) const {
  energy::Counts c;
  c.tag = energy::Tag::kDerived;  // by the performance model
  c.cycles = static_cast<uint64_t>(cycles);
  c.seconds = cycles / chip_mhz_ * 1e-6;
  c.plane = beats_of(a, spec::Layout::kPlane);
  c.sign = beats_of(a, spec::Layout::kSign);
  c.value = beats_of(a, spec::Layout::kValue);
  c.scale_beats = a.scale_beats;
  c.load_beats = a.load_beats;
  c.activation_bytes = a.act_line_writes * chip_.chip.lanes;
  for (std::size_t op = 0; op < spec::kVectorOpCount; ++op)
    c.vector.*kind_of(static_cast<VectorOp>(op)) += a.vector_elements[op];
  c.scratch_reads = a.scratch_vector_read_words + a.scratch_store_words;
  c.scratch_writes = a.scratch_vector_write_words + a.scratch_result_words + a.scratch_load_words +
                     a.scratch_controller_accesses;
  c.controller_stalls = std::min(a.controller_stalls, c.cycles);
  c.controller_polls = std::min(a.controller_polls, c.cycles - c.controller_stalls);
  c.controller_cycles = c.cycles - c.controller_stalls - c.controller_polls;
  c.controller_accesses = a.controller_loads + a.controller_stores;
  // A write moves a whole burst, under a mask.
  const uint64_t burst = std::max(chip_.chip.columns, memory_.config.geometry.burst_bytes());
  c.dram = energy::stream_counts(a.memory_read_bytes, a.memory_write_bursts * burst, c.seconds,
                                 dram_energy_);
  return c;
}

energy::Counts Estimator::counts(const Token& token) const {
  energy::Counts all = counts_of(token.controller, token.cycles * token.tokens);
  for (const Share& share : token.operations) all += counts_of(share.activity, 0);
  return all;
}

void Estimator::add_up(Token& token) const {
  const auto report = [&](const energy::Counts& counts) {
    return energy::estimate(counts, chip_.chip, technology_, dram_energy_);
  };
  token.activity = token.controller;
  for (Share& share : token.operations) {
    token.activity += share.activity;
    share.joules = report(counts_of(share.activity, 0)).joules() / token.tokens;
  }
  token.other_joules =
      report(counts_of(token.controller, token.cycles * token.tokens)).joules() / token.tokens;
  token.energy = report(counts(token));
  for (energy::Term& term : token.energy.terms) term.joules /= token.tokens;
}

}  // namespace tern::estimate
