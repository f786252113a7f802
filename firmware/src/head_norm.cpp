// SPDX-License-Identifier: Apache-2.0
#include "spec/numerics/head_norm.hpp"

#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/rope.hpp"
#include "token_loop.hpp"

/// Norms of query and key heads. Elements are multiplied by the gain alone, to another place, since
/// the sums of squares are taken of the accumulators later, when the scales are computed.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

/// Those of queries, then of keys.
constexpr spec::EnumRange kHeadNorms{Norm::kAttnQNorm, Norm::kAttnKNorm};

}  // namespace

void TokenLoop::load_head_gains(const Layer& l) {
  uint32_t to = p_.head_gain;
  for (const Norm norm : kHeadNorms) {
    units_.relative_to(Layer::offset_of(norm));
    head_gains_loaded_ = load_gain(l.gain[norm], m_.head_dim, to, head_gains_read_);
    to += p_.mix_stride;
  }
}

/// Dividends of the units of heads: spec::head_norm_unit(), with the guard bits of Rope.
void TokenLoop::write_head_limits(const Layer& l) {
  uint32_t i = 0;
  for (const Norm norm : kHeadNorms) {
    const int32_t shift = spec::head_norm_shift(m_.head_bits[i]) - spec::kRopeGuard;
    write_scalar(r_.head_limit + i++, {m_.head_root.m, m_.head_root.e + l.exponent[norm] + shift});
  }
}

/// Heads [rows][head_dim] of results times the gain of queries (0) or keys (1) to `to`.
void TokenLoop::norm_heads(uint32_t heads, uint32_t to, uint32_t rows, uint32_t which,
                           MatmulTicket results) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kMul);
  c.dest = id(Dest::kScratch);
  c.shift = static_cast<uint32_t>(spec::head_norm_shift(m_.head_bits[which]));
  c.a = heads;
  c.b = p_.head_gain + which * p_.mix_stride;
  c.dst = to;
  c.n = m_.head_dim;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  c.stride_dst = m_.head_dim;
  head_gains_read_ = units_.issue(c, units_.after(results, head_gains_loaded_));
}

/// spec::head_norm_floor() of a token's queries and keys.
void TokenLoop::head_floors() {
  ScalarRun run = scalars(2);
  run.with(ScalarOp::kScaleMul, r_.unit, r_.unit, r_.head_floor);
  run.from(ScalarOp::kScaleDiv, r_.head_eps, r_.head_floor, r_.head_floor);
}

/// Units of heads [rows][head_dim] of results, after their norm, to the registers from `reg` on.
void TokenLoop::head_units(uint32_t heads, uint32_t rows, uint32_t which, uint32_t reg) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kSumSquares);
  const int shift = spec::head_norm_square_shift(m_.head_bits[which]);
  c.reduce = id(Reduce::kSum);
  c.shift = static_cast<uint32_t>(shift);
  c.a = heads;
  c.reduce_reg = reg;
  c.n = m_.head_dim;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  units_.issue(c, units_.after());
  ScalarRun run = scalars(rows);
  run.of(ScalarOp::kMakeScale, reg, reg, 2 * shift);
  run.by(ScalarOp::kScaleAdd, reg, r_.head_floor + which, reg);
  run.of(ScalarOp::kScaleSqrt, reg, reg);
  run.from(ScalarOp::kScaleDiv, r_.head_limit + which, reg, reg);
}

}  // namespace tern::firmware
