// SPDX-License-Identifier: Apache-2.0
#include "schedule/norms.hpp"
#include "spec/numerics/glu.hpp"

/// The feed-forward block.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

/// A command over the gate [slots][ffn], in place.
spec::VectorCommand over_gate(const Scope& s, VectorOp op) {
  spec::VectorCommand c;
  c.op = id(op);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = s.p.gate;
  c.dst = s.p.gate;
  c.n = s.m.ffn;
  c.rows = 1;
  c.stride_a = s.p.ffn_stride;
  c.stride_dst = s.p.ffn_stride;
  return c;
}

/// Squared ReLU of the gate, in place. While it streams: the unit of the product, but for the
/// shifts.
void square(Scope& s, MatmulTicket gated) {
  const Registers& r = s.r;
  Builder& out = s.out;
  const auto product = [&](uint32_t a, Operand b, uint32_t rd) {
    out.put(Scalar{.op = ScalarOp::kScaleMul, .a = each(a), .b = b, .rd = rd});
  };
  product(r.act, same(s.matrix_scale(Part::kFfnGate)), r.gate_unit);
  product(r.act, same(s.matrix_scale(Part::kFfnUp)), r.sub_unit);
  product(r.gate_unit, each(r.gate_unit), r.gate_unit);
  product(r.gate_unit, each(r.sub_unit), r.sub_unit);

  // While up streams: spec::relu2_shifts(). With w = 2 bits(gate), the shift of the gate is
  // max(0, w - 30); that of up needs min(w, 30), for which a word of so many bits is made.
  // (Gates of zero make a word of one bit, but then nothing depends on the shift.)
  const Operand gate = each(r.gate_max);
  out.put(Scalar{.op = ScalarOp::kBits, .a = gate, .b = gate, .rd = r.gate_shift, .constant = 30},
          out.after(gated));
  out.put(Scalar{.op = ScalarOp::kBits, .a = gate, .b = gate, .rd = r.gate_width});
  out.put(Scalar{.op = ScalarOp::kScaleShift,
                 .a = same(r.one),
                 .b = each(r.gate_width),
                 .rd = r.gate_width,
                 .constant = -1});
  out.put(Scalar{.op = ScalarOp::kFactor,
                 .a = each(r.gate_width),
                 .b = each(r.gate_shift),
                 .rd = r.gate_width,
                 .times = Times::kMinusOne});
  out.put(Scalar{.op = ScalarOp::kScaleShift,
                 .a = each(r.sub_unit),
                 .b = each(r.gate_shift),
                 .rd = r.sub_unit});
  spec::VectorCommand width;
  width.op = id(VectorOp::kScale);
  width.reduce = id(Reduce::kMaxAbs);
  width.scalar_step = 1;
  width.a = s.p.one;
  width.scalar = r.gate_width;
  width.reduce_reg = r.up_shift;
  width.n = 1;
  width.rows = 1;
  out.put(width);
  spec::VectorCommand c = over_gate(s, VectorOp::kSquare);
  c.use_scalar = 1;
  c.scalar = r.gate_shift;
  out.put(c);
}

/// SiLU of the gate in Q18, in place; the product's unit is that of up, but for the shift.
void silu(Scope& s, MatmulTicket gated) {
  const Registers& r = s.r;
  Builder& out = s.out;
  out.put(Scalar{.op = ScalarOp::kScaleMul,
                 .a = each(r.act),
                 .b = same(s.matrix_scale(Part::kFfnGate)),
                 .rd = r.gate_unit});
  out.put(Scalar{.op = ScalarOp::kFactor,
                 .a = each(r.gate_unit),
                 .rd = r.gate_unit,
                 .constant = spec::kSiluFrac});
  out.put(Scalar{.op = ScalarOp::kScaleMul,
                 .a = each(r.act),
                 .b = same(s.matrix_scale(Part::kFfnUp)),
                 .rd = r.sub_unit});
  spec::VectorCommand c = over_gate(s, VectorOp::kScale);
  c.scalar = r.gate_unit;
  out.put(c, out.after(gated));
  c.op = id(VectorOp::kSilu);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r.gate_max;
  c.scalar = 0;
  c.scalar_step = 0;
  out.put(c);
}

/// While up streams nothing but the gate is known: spec::relu2_shifts() left what it needs of it in
/// up_shift, SiLU its largest in gate_max.
void multiply_by_up(Scope& s, MatmulTicket upped) {
  const Registers& r = s.r;
  s.out.put(Scalar{.op = ScalarOp::kBits,
                   .a = each(s.m.silu ? r.gate_max : r.up_shift),
                   .b = each(r.up_max),
                   .rd = r.up_shift,
                   .constant = 30},
            s.out.after(upped));
  spec::VectorCommand c = over_gate(s, VectorOp::kMul);
  c.reduce = id(Reduce::kMaxAbs);
  c.use_scalar = 1;
  c.scalar = r.up_shift;
  c.b = s.p.up;
  c.reduce_reg = r.sub_max;
  c.stride_b = s.p.ffn_stride;
  s.out.put(c);
}

}  // namespace

void schedule_feed_forward(Scope& s) {
  const Plan& p = s.p;
  const Registers& r = s.r;
  Builder& out = s.out;
  out.begin(Block::kFeedForward);
  const NormInput norm = residual_norm(s, p.up, r.norm_limit + index_of(Norm::kFfnNorm));
  out.begin(PieceId::kFfnNorm, Rows::kSlots);
  const NormTickets input = normalise(s, norm);
  out.end();

  out.begin(PieceId::kFfnInputs, Rows::kSlots);
  const MatmulTicket gated =
      multiply(s, Part::kFfnGate, p.gate, p.ffn_stride, r.gate_max, input.quantised);
  const MatmulTicket upped =
      multiply(s, Part::kFfnUp, p.up, p.ffn_stride, r.up_max, input.quantised);
  const LoadTicket sub_gain_loaded = load_sub_gain(s, Norm::kFfnSubNorm, s.m.ffn);
  load_gain(s, s.l.next_gain, s.m.hidden, p.norm_gain, input.gain_read);
  out.end();

  out.begin(PieceId::kFfnInner, Rows::kSlots);
  sum_squares(s, norm);
  residual_scale(s, norm);
  if (s.m.silu)
    silu(s, gated);
  else
    square(s, gated);
  multiply_by_up(s, upped);
  const NormInput sub{.x = p.gate,
                      .x_stride = p.ffn_stride,
                      .n = s.m.ffn,
                      .z = p.up,
                      .z_stride = p.ffn_stride,
                      .gain = p.sub_gain,
                      .x_max = r.sub_max,
                      .size = r.ffn,
                      .limit = r.norm_limit + index_of(Norm::kFfnSubNorm),
                      .gain_loaded = sub_gain_loaded};
  const VectorTicket inner = quantise_inner(s, sub, Norm::kFfnSubNorm);
  out.end();

  out.begin(PieceId::kFfnOutput, Rows::kSlots);
  const MatmulTicket down = multiply(s, Part::kFfnDown, p.up, p.hidden_stride, r.unused, inner);
  inner_scale(s, sub, Norm::kFfnSubNorm, r.up_shift, s.m.silu ? -spec::kSiluFrac : 0);
  add_to_residual(s, Part::kFfnDown, p.up, down);
  out.end();
  out.end(Block::kFeedForward);
}

}  // namespace tern::firmware
