#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/glu.hpp"
#include "token_loop.hpp"

/// The feed-forward block.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

void TokenLoop::feed_forward(uint32_t layer) {
  const Layer& l = m_.layer[layer];
  const NormInput norm = residual_norm(p_.up, r_.norm_limit + kFfnNorm);
  const NormTickets input = normalise(norm);
  norm_gain_read_ = input.gain_read;
  trace_rows(TracePoint::kFfnNorm, layer, p_.up, p_.hidden_stride, m_.hidden);
  const MatmulTicket gated =
      multiply(layer, kGate, p_.gate, p_.ffn_stride, r_.gate_max, input.quantised);
  const MatmulTicket upped = multiply(layer, kUp, p_.up, p_.ffn_stride, r_.up_max, input.quantised);
  load_sub_gain(l, kFfnSubNorm, m_.ffn);
  units_.relative_to(sizeof(Layer) + offsetof(Layer, gain) + kAttnNorm * sizeof(uint32_t));
  norm_gain_loaded_ = load_gain((&l)[1].gain[kAttnNorm], m_.hidden, p_.norm_gain, norm_gain_read_);
  trace_rows(TracePoint::kFfnGate, layer, p_.gate, p_.ffn_stride, m_.ffn);
  trace_rows(TracePoint::kFfnUp, layer, p_.up, p_.ffn_stride, m_.ffn);

  ScalarRun run = sum_squares(norm);
  residual_scale(norm, run);
  if (m_.silu)
    silu(run, gated);
  else
    square(run, gated);
  multiply_by_up(upped);

  const NormInput sub{p_.gate,
                      p_.ffn_stride,
                      m_.ffn,
                      p_.up,
                      p_.ffn_stride,
                      p_.sub_gain,
                      r_.sub_max,
                      r_.ffn,
                      sub_gain_loaded_,
                      count_,
                      r_.norm_limit + kFfnSubNorm};
  const VectorTicket inner = quantise_inner(sub, kFfnSubNorm);
  trace_rows(TracePoint::kFfnSubNorm, layer, p_.up, p_.ffn_stride, m_.ffn);
  const MatmulTicket down = multiply(layer, kDown, p_.up, p_.hidden_stride, r_.unused, inner);
  inner_scale(sub, kFfnSubNorm, r_.up_shift, m_.silu ? -spec::kSiluFrac : 0);
  trace_rows(TracePoint::kFfnDown, layer, p_.up, p_.hidden_stride, m_.hidden);
  add_to_residual(kDown, p_.up, down);
  trace_rows(TracePoint::kFfnResidual, layer, p_.residual, p_.hidden_stride, m_.hidden);
}

/// Squared ReLU of the gate, in place. While it streams: the unit of the product, but for the
/// shifts.
void TokenLoop::square(ScalarRun& run, MatmulTicket gated) {
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(kGate), r_.gate_unit);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(kUp), r_.sub_unit);
  run.with(ScalarOp::kScaleMul, r_.gate_unit, r_.gate_unit, r_.gate_unit);
  run.with(ScalarOp::kScaleMul, r_.gate_unit, r_.sub_unit, r_.sub_unit);

  // While up streams: spec::relu2_shifts(). With w = 2 bits(gate), the shift of the gate is
  // max(0, w - 30); that of up needs min(w, 30), for which a word of so many bits is made.
  // (Gates of zero make a word of one bit, but then nothing depends on the shift.)
  run = ScalarRun(units_, count_, units_.after(gated));
  run.with(ScalarOp::kBits, r_.gate_max, r_.gate_max, r_.gate_shift, 30);
  run.with(ScalarOp::kBits, r_.gate_max, r_.gate_max, r_.gate_width);
  run.from(ScalarOp::kScaleShift, r_.one, r_.gate_width, r_.gate_width, -1);
  run.with(ScalarOp::kFactor, r_.gate_width, r_.gate_shift, r_.gate_width, 0, Times::kMinusOne);
  run.with(ScalarOp::kScaleShift, r_.sub_unit, r_.gate_shift, r_.sub_unit);
  spec::VectorCommand width;
  width.op = id(VectorOp::kScale);
  width.reduce = id(Reduce::kMaxAbs);
  width.scalar_step = 1;
  width.a = p_.one;
  width.scalar = r_.gate_width;
  width.reduce_reg = r_.up_shift;
  width.n = 1;
  width.rows = count_;
  units_.issue(width, units_.after());
  spec::VectorCommand square;
  square.op = id(VectorOp::kSquare);
  square.dest = id(Dest::kScratch);
  square.use_scalar = 1;
  square.scalar_step = 1;
  square.a = p_.gate;
  square.scalar = r_.gate_shift;
  square.dst = p_.gate;
  square.n = m_.ffn;
  square.rows = count_;
  square.stride_a = p_.ffn_stride;
  square.stride_dst = p_.ffn_stride;
  units_.issue(square, units_.after());
}

/// SiLU of the gate in Q18, in place; the product's unit is that of up, but for the shift.
void TokenLoop::silu(ScalarRun& run, MatmulTicket gated) {
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(kGate), r_.gate_unit);
  run.of(ScalarOp::kFactor, r_.gate_unit, r_.gate_unit, spec::kSiluFrac);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(kUp), r_.sub_unit);
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = p_.gate;
  c.scalar = r_.gate_unit;
  c.dst = p_.gate;
  c.n = m_.ffn;
  c.rows = count_;
  c.stride_a = p_.ffn_stride;
  c.stride_dst = p_.ffn_stride;
  units_.issue(c, units_.after(gated));
  c.op = id(VectorOp::kSilu);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.gate_max;
  c.scalar = 0;
  c.scalar_step = 0;
  units_.issue(c, units_.after());
}

/// While up streams nothing but the gate is known: spec::relu2_shifts() left what it needs of it in
/// up_shift, SiLU its largest in gate_max.
void TokenLoop::multiply_by_up(MatmulTicket upped) {
  ScalarRun run(units_, count_, units_.after(upped));
  run.with(ScalarOp::kBits, m_.silu ? r_.gate_max : r_.up_shift, r_.up_max, r_.up_shift, 30);
  spec::VectorCommand c;
  c.op = id(VectorOp::kMul);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar_step = 1;
  c.a = p_.gate;
  c.scalar = r_.up_shift;
  c.b = p_.up;
  c.reduce_reg = r_.sub_max;
  c.dst = p_.gate;
  c.n = m_.ffn;
  c.rows = count_;
  c.stride_a = p_.ffn_stride;
  c.stride_b = p_.ffn_stride;
  c.stride_dst = p_.ffn_stride;
  units_.issue(c, units_.after());
}

}  // namespace tern::firmware
