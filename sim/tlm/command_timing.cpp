// SPDX-License-Identifier: Apache-2.0
#include "command_timing.hpp"

#include <algorithm>
#include <cmath>

#include "spec/numerics/layout.hpp"

namespace tern::tlm {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

/// Lines that are read for one of n elements: each operand's, and a second one of each for halves.
uint32_t operand_lines(VectorOp op) { return (takes_b(op) ? 2 : 1) * (in_halves(op) ? 2 : 1); }

bool is_far(const spec::VectorCommand& c, uint32_t lanes) {
  return static_cast<VectorOp>(c.op) == VectorOp::kButterfly && (uint64_t{1} << c.shift) >= lanes;
}

/// That the registers of a small fabric add to a vector command.
uint32_t registers(const spec::ChipConfig& chip) { return chip.small_fabric ? 3 : 0; }

uint32_t cycles_of_row(ScalarOp op) {
  switch (op) {
    case ScalarOp::kBits:
    case ScalarOp::kBits64:
    case ScalarOp::kCommonExponent:
      return 3;
    case ScalarOp::kScaleShift:
    case ScalarOp::kFactor:
      return 4;
    case ScalarOp::kMakeScale:
      return 5;
    case ScalarOp::kScaleMul:
    case ScalarOp::kScaleAdd:
      return 6;
    case ScalarOp::kScaleSqrt:
      return 21;
    case ScalarOp::kScaleDiv:
      return 22;
    case ScalarOp::kMultiplier:
      return 24;
    case ScalarOp::kTopKClear:
      break;
  }
  return 0;
}

}  // namespace

uint32_t TopKList::insert(uint32_t n, const spec::ChipConfig& chip) {
  // The list is known to be full a few cycles late, so that the line that comes then passes whole.
  const uint32_t fills = (keep_ / chip.lanes + 1) * chip.lanes;
  double waits = 0;
  double busy = 0;  // cycles from a line's arrival in which elements of those before are inserted
  for (uint32_t at = 0; at < n; at += chip.lanes) {
    const uint32_t line = std::min(chip.lanes, n - at);
    const double inserted =
        seen_ < fills ? line : keep_ * std::log1p(static_cast<double>(line) / seen_);
    if (chip.small_fabric) {
      // A place a cycle: of those that are taken, half move.
      const double each = 3 + std::min(seen_, keep_) / 2.0;
      const double wait = inserted < 1 ? inserted * busy : busy + (inserted - 1) * each;
      busy = std::max(0.0, busy + inserted * each - wait - 1);
      waits += wait;
    } else {
      // Of a Poisson number of insertions all but the first take a cycle more.
      waits += inserted - 1 + (seen_ < fills ? 0 : std::exp(-inserted));
    }
    seen_ += line;
  }
  return static_cast<uint32_t>(std::lround(waits + busy));
}

uint32_t vector_cycles(const spec::VectorCommand& c, const spec::ChipConfig& chip, TopKList& list) {
  const auto op = static_cast<VectorOp>(c.op);
  const auto reduce = static_cast<Reduce>(c.reduce);
  const uint32_t lines = spec::ceil_div(c.n, chip.lanes) * c.rows;
  const uint32_t fixed = 10 + registers(chip);
  uint32_t cycles = fixed + operand_lines(op) * lines;
  if (is_curve(op)) {
    cycles = fixed + 4 * lines;
  } else if (op == VectorOp::kRope) {
    cycles = fixed + 1 + 4 * lines;
  } else if (op == VectorOp::kButterfly) {
    cycles = fixed + lines + (is_far(c, chip.lanes) ? 1 : 0) + (c.use_scalar ? 2 * c.rows : 0);
  }
  if (reduce == Reduce::kTopK) {
    for (uint32_t row = 0; row < c.rows; ++row) cycles += list.insert(c.n, chip);
    return cycles + 1;
  }
  const bool of_products = only_reduces(op) || (op == VectorOp::kJoin && reduce == Reduce::kMaxAbs);
  if (reduce == Reduce::kNone) return cycles;
  if (of_products) return cycles + (chip.small_fabric ? 1 : 0);
  return cycles + (chip.small_fabric ? 5 : 3);
}

uint32_t scalar_cycles(const spec::ScalarCommand& c, const spec::ChipConfig& chip) {
  const uint32_t row = cycles_of_row(static_cast<ScalarOp>(c.op));
  return row == 0 ? 2 : (row + (chip.small_fabric ? 2 : 0)) * c.rows + 1;
}

PortUse vector_reads(const spec::VectorCommand& c, const spec::ChipConfig& chip) {
  const auto op = static_cast<VectorOp>(c.op);
  const uint32_t lines = spec::ceil_div(c.n, chip.lanes) * c.rows;
  const uint32_t first = chip.small_fabric ? 2 : 1;
  if (is_curve(op)) return {first, first + 4 * lines, 4};
  return {first, first + operand_lines(op) * lines, 1};
}

PortUse vector_writes(const spec::VectorCommand& c, const spec::ChipConfig& chip) {
  const auto op = static_cast<VectorOp>(c.op);
  const auto dest = static_cast<Dest>(c.dest);
  if (only_reduces(op)) return {};
  if (dest != Dest::kScratch && !(to_activations(dest) && c.keep)) return {};
  // Walker, scratchpad, queue and lanes take ten cycles; the last line leaves with the command, but
  // for a reduction.
  const uint32_t lines = spec::ceil_div(c.n, chip.lanes) * c.rows;
  const uint32_t more = registers(chip);
  if (op == VectorOp::kRope) return {13 + more, 11 + more + 4 * lines, 2};
  const uint32_t period = is_curve(op) ? 4 : operand_lines(op);
  return {9 + more + period, 10 + more + period * lines, period};
}

void count_activity(const spec::VectorCommand& c, uint32_t lanes, Activity& a) {
  const auto op = static_cast<VectorOp>(c.op);
  const auto dest = static_cast<Dest>(c.dest);
  const uint64_t halves = in_halves(op) ? 2 : 1;
  const uint64_t lines = uint64_t{spec::ceil_div(c.n, lanes)} * c.rows;
  const uint64_t elements = uint64_t{c.n} * c.rows;
  const uint64_t operands = operand_lines(op);
  a.vector_elements[c.op] += halves * elements;
  a.vector_lines[c.op] += halves * lines;
  a.scratch_vector_reads += operands * lines;
  a.scratch_vector_read_words += operands * elements;
  const bool to_act = to_activations(dest) && !only_reduces(op);
  if (to_act) a.act_line_writes += halves * lines;
  if (!only_reduces(op) && (dest == Dest::kScratch || (to_act && c.keep))) {
    a.scratch_vector_writes += halves * lines;
    a.scratch_vector_write_words += halves * elements;
  }
  if (c.reduce != 0) a.reduced_elements += halves * elements;
}

}  // namespace tern::tlm
