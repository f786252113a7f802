// SPDX-License-Identifier: Apache-2.0
#include "schedule/norms.hpp"

namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

/// x, whose largest magnitudes are the registers from `max` on, into the activation columns.
VectorTicket quantise(Scope& s, const NormInput& in, uint32_t x, uint32_t stride, uint32_t max) {
  s.out.put(Scalar{.op = ScalarOp::kMultiplier,
                   .a = each(max),
                   .rd = s.r.multiplier,
                   .constant = spec::kActMax});
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kAct);
  c.scalar_step = 1;
  c.a = x;
  c.scalar = s.r.multiplier;
  c.act_step = 1;
  c.dst = in.z;
  c.n = in.n;
  c.rows = 1;
  c.stride_a = stride;
  c.stride_dst = in.z_stride;
  c.act_group = 1;
  const VectorTicket quantised = s.out.put(c);
  s.out.follows<fields::vector::kKeep>(StepValue::kTraced);
  if (s.p.group > 1) s.out.follows<fields::vector::kActGroup>(StepValue::kSlots);
  return quantised;
}

/// Scale of a quantised norm whose units are the registers from sub_unit on.
void scale_of(Scope& s, const NormInput& in) {
  const Registers& r = s.r;
  const uint32_t unit = r.sub_unit;
  const auto put = [&](ScalarOp op, Operand a, Operand b, uint32_t rd) {
    s.out.put(Scalar{.op = op, .a = a, .b = b, .rd = rd});
  };
  put(ScalarOp::kMakeScale, each(r.norm_max), each(r.norm_shift), r.norm_max);
  put(ScalarOp::kScaleMul, each(r.norm_max), each(unit), r.norm_max);
  put(ScalarOp::kScaleMul, each(unit), each(unit), unit);
  put(ScalarOp::kScaleDiv, each(r.squares), same(in.size), r.squares);
  put(ScalarOp::kScaleMul, each(r.squares), each(unit), r.squares);
  put(ScalarOp::kScaleAdd, each(r.squares), same(r.eps), r.squares);
  put(ScalarOp::kScaleSqrt, each(r.squares), {}, r.squares);
  put(ScalarOp::kScaleMul, each(r.squares), same(in.limit), r.squares);
  put(ScalarOp::kScaleDiv, each(r.norm_max), each(r.squares), r.act);
}

/// The same without a norm; spec::absmax_quant().
void plain_scale(Scope& s, const NormInput& in) {
  const Registers& r = s.r;
  s.out.put(Scalar{.op = ScalarOp::kMakeScale, .a = each(in.x_max), .rd = r.norm_max});
  s.out.put(Scalar{
      .op = ScalarOp::kScaleMul, .a = each(r.norm_max), .b = each(r.sub_unit), .rd = r.norm_max});
  s.out.put(Scalar{
      .op = ScalarOp::kScaleDiv, .a = each(r.norm_max), .b = same(r.act_limit), .rd = r.act});
}

}  // namespace

NormInput residual_norm(const Scope& s, uint32_t z, uint32_t limit) {
  return {.x = s.p.residual,
          .x_stride = s.p.hidden_stride,
          .n = s.m.hidden,
          .z = z,
          .z_stride = s.p.hidden_stride,
          .gain = s.p.norm_gain,
          .x_max = s.r.residual_max,
          .size = s.r.hidden,
          .limit = limit,
          .gain_loaded = {},
          .of_slot = false};
}

NormTickets normalise(Scope& s, const NormInput& in) {
  const Registers& r = s.r;
  NormTickets tickets;
  const auto bits = [&](uint32_t rd, int32_t constant) {
    s.out.put(Scalar{.op = ScalarOp::kBits, .a = each(in.x_max), .rd = rd, .constant = constant});
    if (in.of_slot) s.out.follows<fields::scalar::kRa>(SlotValue::kSlot);
  };
  bits(r.norm_shift, 16);
  bits(r.square_shift, 23);
  spec::VectorCommand c;
  c.op = id(VectorOp::kMul);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar_step = 1;
  c.a = in.x;
  c.scalar = r.norm_shift;
  c.b = in.gain;
  c.reduce_reg = r.norm_max;
  c.dst = in.z;
  c.n = in.n;
  c.rows = 1;
  c.stride_a = in.x_stride;
  c.stride_dst = in.z_stride;
  tickets.gain_read = s.out.put(c, s.out.after(in.gain_loaded));
  if (in.of_slot) s.out.follows<fields::vector::kA>(SlotValue::kHiddenRow);
  tickets.quantised = quantise(s, in, in.z, in.z_stride, r.norm_max);
  return tickets;
}

VectorTicket quantise_inner(Scope& s, const NormInput& in, Norm norm) {
  if (!s.m.has[norm]) return quantise(s, in, in.x, in.x_stride, in.x_max);
  return normalise(s, in).quantised;
}

void sum_squares(Scope& s, const NormInput& in) {
  const Registers& r = s.r;
  spec::VectorCommand c;
  c.op = id(VectorOp::kSumSquares);
  c.reduce = id(Reduce::kSum);
  c.use_scalar = 1;
  c.scalar_step = 1;
  c.a = in.x;
  c.scalar = r.square_shift;
  c.reduce_reg = r.squares;
  c.n = in.n;
  c.rows = 1;
  c.stride_a = in.x_stride;
  s.out.put(c);
  if (in.of_slot) s.out.follows<fields::vector::kA>(SlotValue::kHiddenRow);
  s.out.put(Scalar{.op = ScalarOp::kMakeScale,
                   .a = each(r.squares),
                   .b = each(r.square_shift),
                   .rd = r.squares,
                   .times = Times::kTwo});
}

void residual_scale(Scope& s, const NormInput& in) {
  const Registers& r = s.r;
  const int32_t unit = -static_cast<int32_t>(s.m.residual_frac);
  const auto put = [&](ScalarOp op, uint32_t a, Operand b, uint32_t rd, int32_t constant) {
    s.out.put(Scalar{.op = op, .a = each(a), .b = b, .rd = rd, .constant = constant});
  };
  put(ScalarOp::kScaleDiv, r.squares, same(in.size), r.squares, 2 * unit);
  put(ScalarOp::kScaleAdd, r.squares, same(r.eps), r.squares, 0);
  put(ScalarOp::kScaleSqrt, r.squares, {}, r.squares, 0);
  put(ScalarOp::kScaleMul, r.squares, same(in.limit), r.squares, 0);
  put(ScalarOp::kMakeScale, r.norm_max, each(r.norm_shift), r.norm_max, unit);
  put(ScalarOp::kScaleDiv, r.norm_max, each(r.squares), r.act, 0);
}

void inner_scale(Scope& s, const NormInput& in, Norm norm, uint32_t shift, int32_t constant) {
  const bool normed = s.m.has[norm];
  if (normed) sum_squares(s, in);
  if (shift != kNoRegister)
    s.out.put(Scalar{.op = ScalarOp::kScaleShift,
                     .a = each(s.r.sub_unit),
                     .b = each(shift),
                     .rd = s.r.sub_unit,
                     .constant = constant});
  if (normed)
    scale_of(s, in);
  else
    plain_scale(s, in);
}

LoadTicket load_gain(Scope& s, const uint32_t& address, uint32_t n, uint32_t dst,
                     VectorTicket read) {
  spec::LoadCommand c;
  c.format = id(spec::Format::kHalf);
  c.read_addr = address;
  c.beats = s.m.chip.beats(2 * n);
  c.count = n;
  c.dst = dst;
  const LoadTicket loaded = s.out.put(c, s.out.after(read));
  s.out.follows<fields::load::kReadAddr>(address);
  return loaded;
}

LoadTicket load_sub_gain(Scope& s, Norm norm, uint32_t n) {
  if (!s.m.has[norm]) return {};
  return load_gain(s, s.l.gain[norm], n, s.p.sub_gain, {});
}

MatmulTicket multiply(Scope& s, Part part, uint32_t dst, uint32_t stride, uint32_t max_reg,
                      VectorTicket inputs) {
  const MatrixWords& w = s.m.matrix_words[part];
  using namespace fields::matmul;
  const spec::CommandWords words{{w.shape | kActColumns.put(1u) | kMaxReg.put(max_reg), 0,
                                  s.l.matrix[part], w.beats, w.rows, w.cols, w.stripes,
                                  dst | kDstStride.put(stride / spec::kStrideUnit)}};
  const MatmulTicket multiplied = s.out.put_matmul(words, s.out.after(inputs));
  s.out.follows<kReadAddr>(s.l.matrix[part]);
  if (s.p.group > 1) s.out.follows<kActColumns>(StepValue::kSlots);
  return multiplied;
}

void add_to_residual(Scope& s, Part part, uint32_t from, MatmulTicket results) {
  const Registers& r = s.r;
  s.out.put(Scalar{.op = ScalarOp::kScaleMul,
                   .a = each(r.act),
                   .b = same(s.matrix_scale(part)),
                   .rd = r.multiplier});
  s.out.put(Scalar{.op = ScalarOp::kFactor,
                   .a = each(r.multiplier),
                   .rd = r.multiplier,
                   .constant = static_cast<int32_t>(s.m.residual_frac)});
  spec::VectorCommand c;
  c.op = id(VectorOp::kMac);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = from;
  c.scalar = r.multiplier;
  c.b = s.p.residual;
  c.reduce_reg = r.residual_max;
  c.dst = s.p.residual;
  c.n = s.m.hidden;
  c.rows = 1;
  c.stride_a = s.p.hidden_stride;
  c.stride_b = s.p.hidden_stride;
  c.stride_dst = s.p.hidden_stride;
  s.out.put(c, s.out.after(results));
}

}  // namespace tern::firmware
