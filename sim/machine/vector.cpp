// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "io/error.hpp"
#include "machine.hpp"
#include "spec/numerics/attention.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/silu.hpp"
#include "spec/numerics/softmax.hpp"

/// VECTOR.
namespace tern::sim {
namespace {

using spec::Dest;
using spec::Reduce;
using spec::VectorOp;

bool reads_scalar(const spec::VectorCommand& c) {
  return needs_scalar(static_cast<VectorOp>(c.op)) || c.use_scalar != 0;
}

bool to_activations(const spec::VectorCommand& c) {
  return to_activations(static_cast<Dest>(c.dest));
}

bool to_scratch(const spec::VectorCommand& c) {
  return c.dest == static_cast<uint32_t>(Dest::kScratch) || c.keep != 0;
}

/// Elements of a row of a and of the result.
uint32_t row_words(const spec::VectorCommand& c) {
  return in_halves(static_cast<VectorOp>(c.op)) ? 2 * c.n : c.n;
}

/// The last row's number, counted from the first row of a register or operand that steps.
uint32_t last_step(uint32_t steps, uint32_t rows) { return steps != 0 ? rows - 1 : 0; }

}  // namespace

/// What a row, or all rows, reduce to.
struct Machine::Reduction {
  Reduce kind;
  bool empty = true;
  uint64_t value = 0;

  void add_magnitude(uint64_t magnitude) {
    value = std::max(value, magnitude);
    empty = false;
  }
  void add(int64_t v) {
    if (kind == Reduce::kMaxAbs)
      add_magnitude(v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v));
    if (kind == Reduce::kSum) value += static_cast<uint64_t>(v);
    if (kind == Reduce::kMax && (empty || v > static_cast<int64_t>(value)))
      value = static_cast<uint64_t>(v);
    empty = false;
  }
};

void Machine::check_vector(const spec::VectorCommand& c) const {
  const auto op = static_cast<VectorOp>(c.op);
  check(c.op < spec::kVectorOpCount, "op", c.op, "no operation");
  check(c.reduce < spec::kReduceCount, "reduce", c.reduce, "no reduction");
  check(c.dest < spec::kDestCount, "dest", c.dest, "no destination");
  check(c.n >= 1, "n", c.n, "at least 1");
  check(c.rows >= 1, "rows", c.rows, "at least 1");
  check(!only_reduces(op) || c.reduce == static_cast<uint32_t>(Reduce::kSum), "reduce", c.reduce,
        "sum_squares goes with sum");
  check(!only_reduces(op) || c.dest == static_cast<uint32_t>(Dest::kNone), "dest", c.dest,
        "sum_squares has no result");
  check(c.keep == 0 || to_activations(c), "keep", c.keep,
        "only where the result goes to the activation buffer");
  check(c.use_scalar == 0 || takes_shift(op) || takes_multiplier(op), "use_scalar", c.use_scalar,
        "the operation has no shift");
  if (reads_scalar(c))
    check(c.scalar + last_step(c.scalar_step, c.rows) < spec::kScalarRegs, "scalar", c.scalar,
          "the rows leave the scalar registers");
  const auto reduce = static_cast<Reduce>(c.reduce);
  if (writes_register(reduce))
    check(c.reduce_reg + (c.reduce_all ? 0 : c.rows - 1) < spec::kScalarRegs, "reduce_reg",
          c.reduce_reg, "the rows leave the scalar registers");
  // Rows overlap in the pipeline: a row cannot use what an earlier one reduced.
  if (reads_scalar(c) && writes_register(reduce) && !c.reduce_all) {
    const bool later = c.scalar_step
                           ? c.reduce_reg > c.scalar && c.reduce_reg < c.scalar + c.rows
                           : c.scalar >= c.reduce_reg && c.scalar + 1 < c.reduce_reg + c.rows;
    check(!later, "reduce_reg", c.reduce_reg, "a later row reads it as its scalar");
  }
  check(reduce != Reduce::kTopK || top_limit_ > 0, "reduce", c.reduce,
        "top_k before any top_k_clear");

  check(reduce != Reduce::kTopK || !reorders(op), "reduce", c.reduce,
        "top_k takes elements in order, which rope and butterfly do not make");

  const uint64_t words = row_words(c);
  check_scratch("a", c.a, uint64_t{c.rows - 1} * c.stride_a + words);
  if (takes_b(op)) check_scratch("b", c.b, uint64_t{c.rows - 1} * c.stride_b + words);
  if (to_scratch(c)) {
    check_scratch("dst", c.dst, uint64_t{c.rows - 1} * c.stride_dst + words);
    check(c.rows == 1 || c.stride_dst >= words, "stride_dst", c.stride_dst, "rows overlap");
    const Rows dst{"dst", c.dst, c.stride_dst, row_words(c)};
    check_overlap(c, dst, {"a", c.a, c.stride_a, row_words(c)});
    if (takes_b(op)) check_overlap(c, dst, {"b", c.b, c.stride_b, row_words(c)});
  }
  if (!to_activations(c)) return;
  check(!reorders(op), "dest", c.dest, "rope and butterfly write to the scratchpad");
  check(c.act_group >= 1, "act_group", c.act_group, "at least 1");
  const uint32_t in_group = std::min(c.rows, c.act_group);
  check(c.act_column + (in_group - 1) * c.act_step < config_.act_columns, "act_column",
        c.act_column, "the rows leave the activation columns");
  const uint32_t tiles = (c.n + config_.columns - 1) / config_.columns;
  check(uint64_t{c.act_tile} + uint64_t{(c.rows - 1) / c.act_group} * c.act_tile_stride + tiles <=
            config_.act_depth,
        "act_tile", c.act_tile, "the rows leave the activation buffer");
}

/// The result may take the place of an operand, element by element, but not overlap it otherwise:
/// the unit reads ahead of what it writes.
void Machine::check_overlap(const spec::VectorCommand& c, const Rows& dst,
                            const Rows& operand) const {
  const bool factors =
      std::string_view(operand.name) == "b" && in_halves(static_cast<VectorOp>(c.op));
  const bool same =
      dst.first == operand.first && (c.rows == 1 || dst.stride == operand.stride) && !factors;
  const uint32_t dst_end = dst.at(c.rows - 1, dst.n);
  const uint32_t operand_end = operand.at(c.rows - 1, operand.n);
  if (same || dst.first >= operand_end || operand.first >= dst_end) return;
  std::unordered_map<uint32_t, std::pair<uint32_t, uint32_t>> written;
  for (uint32_t row = 0; row < c.rows; ++row) {
    for (uint32_t i = 0; i < dst.n; ++i) written[dst.at(row, i)] = {row, i};
  }
  for (uint32_t row = 0; row < c.rows; ++row) {
    for (uint32_t i = 0; i < operand.n; ++i) {
      const auto found = written.find(operand.at(row, i));
      if (found == written.end() || (found->second == std::pair(row, i) && !factors)) continue;
      refuse("dst", c.dst,
             fmt::format("the result overlaps operand {} at word {}", operand.name,
                         operand.at(row, i)));
    }
  }
}

void Machine::vector(const spec::VectorCommand& c) {
  check_vector(c);
  const auto op = static_cast<VectorOp>(c.op);
  const auto kind = static_cast<Reduce>(c.reduce);
  std::vector<int32_t> y(row_words(c));
  Reduction reduction{kind};
  for (uint32_t row = 0; row < c.rows; ++row) {
    if (c.reduce_all == 0) reduction = {kind};
    vector_row(c, row, y, reduction);
    if (!only_reduces(op)) write_vector(c, row, y);
    if (writes_register(kind) && c.reduce_all == 0)
      write_scalar("reduce_reg", c.reduce_reg + row, reduction.value);
  }
  if (writes_register(kind) && c.reduce_all != 0)
    write_scalar("reduce_reg", c.reduce_reg, reduction.value);
}

/// What the elements of a row are computed from.
struct Machine::RowOperands {
  uint32_t lo;  ///< Low word of the scalar: a multiplier or a value.
  int32_t hi;   ///< Its high word: the multiplier's shift.
  int k;        ///< Shift of the operation, or log2 of the distance of a butterfly.
  std::vector<int32_t> a, b;
};

Machine::RowOperands Machine::row_operands(const spec::VectorCommand& c, uint32_t row) {
  const auto op = static_cast<VectorOp>(c.op);
  const uint64_t scalar =
      reads_scalar(c) ? read_scalar("scalar", c.scalar + (c.scalar_step ? row : 0)) : 0;
  RowOperands o{.lo = static_cast<uint32_t>(scalar), .hi = static_cast<int32_t>(scalar >> 32)};
  o.k = c.use_scalar ? o.hi : static_cast<int>(c.shift);
  if (takes_multiplier(op) && o.lo >> 31)
    refuse("scalar", c.scalar, fmt::format("the multiplier {} has more than 31 bits", o.lo));
  if (takes_shift(op) && (o.k < 0 || o.k > 63))
    refuse("scalar", c.scalar, fmt::format("the shift {} is not 0 to 63", o.k));
  if (op == VectorOp::kButterfly && (o.k >= 16 || c.n % (2u << o.k) != 0))
    refuse("n", c.n, fmt::format("not a multiple of twice the distance 2^{}", o.k));

  o.a.resize(row_words(c));
  o.b.resize(takes_b(op) ? row_words(c) : 0);
  for (uint32_t i = 0; i < o.a.size(); ++i) o.a[i] = read_word("a", c.a + row * c.stride_a + i);
  for (uint32_t i = 0; i < o.b.size(); ++i) o.b[i] = read_word("b", c.b + row * c.stride_b + i);
  return o;
}

/// Computes y of a row, and reduces what is reduced instead of y.
void Machine::compute_row(const spec::VectorCommand& c, const RowOperands& o,
                          std::vector<int32_t>& y, Reduction& reduction) {
  const auto op = static_cast<VectorOp>(c.op);
  const auto& [lo, hi, k, a, b] = o;
  const uint32_t distance = op == VectorOp::kButterfly ? 1u << k : 0;
  for (uint32_t i = 0; i < a.size(); ++i) {
    const int64_t wide = a[i];
    switch (op) {
      case VectorOp::kAdd:
        y[i] = spec::sat32(wide + b[i]);
        break;
      case VectorOp::kSub:
        y[i] = spec::sat32(wide - b[i]);
        break;
      case VectorOp::kMul:
        y[i] = spec::sat32(spec::rshift_round(wide * b[i], k));
        break;
      case VectorOp::kScale:
        y[i] = spec::rshift_round_sat(wide * lo, hi);
        break;
      case VectorOp::kMac: {
        const int64_t sum = int64_t{b[i]} + spec::rshift_round_sat(wide * lo, hi);
        y[i] = spec::sat32(sum);
        counts_.saturations += y[i] != sum;
        break;
      }
      case VectorOp::kSquare:
        y[i] = a[i] <= 0 ? 0 : spec::sat32(spec::rshift_round(wide * wide, k));
        break;
      case VectorOp::kSumSquares: {
        const int64_t small = spec::rshift_round(wide, k);
        reduction.add(small * small);
        break;
      }
      case VectorOp::kExp2: {
        const int64_t d = wide - static_cast<int32_t>(lo);
        if (d > 0) refuse("a", c.a, fmt::format("element {} is {} above the scalar", i, d));
        y[i] = static_cast<int32_t>(
            spec::exp2_q30(static_cast<int32_t>(std::max<int64_t>(d, -(int64_t{40} << 16)))));
        break;
      }
      case VectorOp::kSilu:
        y[i] = spec::silu(a[i]);
        break;
      case VectorOp::kRope: {
        if (i >= c.n) break;
        for (int32_t factor : {b[i], b[i + c.n]}) {
          if (factor != static_cast<int16_t>(factor))
            refuse("b", c.b, fmt::format("the factor {} has more than 16 bits", factor));
        }
        const spec::RopePair pair = spec::rope_pair(a[i], a[i + c.n], static_cast<int16_t>(b[i]),
                                                    static_cast<int16_t>(b[i + c.n]));
        y[i] = pair.low;
        y[i + c.n] = pair.high;
        break;
      }
      case VectorOp::kJoin: {
        const int64_t joined = wide * 256 + b[i];
        y[i] = spec::sat32(spec::rshift_round(joined, k));
        if (reduction.kind == Reduce::kMaxAbs) reduction.add(joined);
        break;
      }
      case VectorOp::kButterfly:
        if ((i & distance) != 0) break;
        y[i] = spec::sat32(wide + a[i + distance]);
        y[i + distance] = spec::sat32(wide - a[i + distance]);
        break;
      case VectorOp::kCopy:
        y[i] = a[i];
        break;
    }
  }
}

/// Computes y of a row and reduces it.
void Machine::vector_row(const spec::VectorCommand& c, uint32_t row, std::vector<int32_t>& y,
                         Reduction& reduction) {
  const auto op = static_cast<VectorOp>(c.op);
  compute_row(c, row_operands(c, row), y, reduction);
  const bool reduced =
      only_reduces(op) || (op == VectorOp::kJoin && reduction.kind == Reduce::kMaxAbs);
  if (reduction.kind == Reduce::kTopK) {
    for (int32_t v : y) add_candidate(v);
  } else if (!reduced && reduction.kind != Reduce::kNone) {
    for (int32_t v : y) reduction.add(v);
  }
}

void Machine::write_vector(const spec::VectorCommand& c, uint32_t row, std::span<const int32_t> y) {
  if (to_scratch(c)) {
    for (uint32_t i = 0; i < y.size(); ++i) write_word("dst", c.dst + row * c.stride_dst + i, y[i]);
  }
  if (!to_activations(c)) return;
  const uint32_t column = c.act_column + row % c.act_group * c.act_step;
  const uint32_t first = c.act_tile + row / c.act_group * c.act_tile_stride;
  for (uint32_t i = 0; i < y.size(); ++i) {
    const uint32_t tile = first + i / config_.columns;
    if (i % config_.columns == 0)
      ordering_.write(act_places_[std::size_t{tile} * config_.act_columns + column],
                      "activation tile", tile);
    int8_t byte = static_cast<int8_t>(static_cast<uint8_t>(y[i] & 0xff));
    if (c.dest == static_cast<uint32_t>(Dest::kActHigh)) byte = spec::split_limbs(y[i]).high;
    if (c.dest == static_cast<uint32_t>(Dest::kActLow)) byte = spec::split_limbs(y[i]).low;
    activations_[act_index(column, tile) + i % config_.columns] = byte;
  }
}

void Machine::add_candidate(int32_t value) {
  ordering_.write(top_place_, "top-k list", 0);
  const uint32_t number = top_next_++;
  if (top_.size() == top_limit_ && value <= top_.back().value) return;
  const auto at = std::ranges::find_if(top_, [&](const Candidate& c) { return c.value < value; });
  top_.insert(at, {value, number});
  if (top_.size() > top_limit_) top_.pop_back();
}

}  // namespace tern::sim
