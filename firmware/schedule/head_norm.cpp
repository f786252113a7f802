// SPDX-License-Identifier: Apache-2.0
#include "spec/numerics/head_norm.hpp"

#include "schedule/attention.hpp"

/// Norms of query and key heads. Elements are multiplied by the gain alone, to another place, since
/// the sums of squares are taken of the accumulators later, when the scales are computed.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

LoadTicket Attention::load_head_gains() {
  load_gain(s_, s_.l.gain[Norm::kAttnQNorm], m_.head_dim, p_.head_gain, {});
  return load_gain(s_, s_.l.gain[Norm::kAttnKNorm], m_.head_dim, p_.head_gain + p_.mix_stride, {});
}

/// Heads [rows][head_dim] of results times the gain of queries (0) or keys (1) to `to`.
void Attention::norm_heads(uint32_t heads, uint32_t to, uint32_t rows, uint32_t which,
                           SlotValue row, MatmulTicket results) {
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
  out_.put(c, out_.after(results, head_gains_loaded_));
  out_.follows<fields::vector::kA>(row);
  out_.follows<fields::vector::kDst>(row);
}

/// spec::head_norm_floor() of a slot's queries and keys.
void Attention::head_floors() {
  out_.put(Scalar{.op = ScalarOp::kScaleMul,
                  .a = each(r_.unit),
                  .b = each(r_.unit),
                  .rd = r_.head_floor,
                  .rows = 2});
  out_.put(Scalar{.op = ScalarOp::kScaleDiv,
                  .a = same(r_.head_eps),
                  .b = each(r_.head_floor),
                  .rd = r_.head_floor,
                  .rows = 2});
}

/// Units of heads [rows][head_dim] of results, after their norm, to the registers from `reg` on.
void Attention::head_units(uint32_t heads, uint32_t rows, uint32_t which, uint32_t reg,
                           SlotValue row) {
  const int shift = spec::head_norm_square_shift(m_.head_bits[which]);
  spec::VectorCommand c;
  c.op = id(VectorOp::kSumSquares);
  c.reduce = id(Reduce::kSum);
  c.shift = static_cast<uint32_t>(shift);
  c.a = heads;
  c.reduce_reg = reg;
  c.n = m_.head_dim;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  out_.put(c);
  out_.follows<fields::vector::kA>(row);
  const auto put = [&](ScalarOp op, Operand a, Operand b, int32_t constant) {
    out_.put(Scalar{.op = op, .a = a, .b = b, .rd = reg, .constant = constant, .rows = rows});
  };
  put(ScalarOp::kMakeScale, each(reg), {}, 2 * shift);
  put(ScalarOp::kScaleAdd, each(reg), same(r_.head_floor + which), 0);
  put(ScalarOp::kScaleSqrt, each(reg), {}, 0);
  put(ScalarOp::kScaleDiv, same(r_.head_limit + which), each(reg), 0);
}

}  // namespace tern::firmware
