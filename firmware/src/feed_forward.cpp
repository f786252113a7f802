// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/glu.hpp"
#include "token_loop.hpp"

/// What both blocks of a layer do around a matrix, and the feed-forward block.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

LoadTicket TokenLoop::load_gain(uint32_t address, uint32_t n, uint32_t dst, VectorTicket read) {
  spec::LoadCommand c;
  c.format = id(spec::Format::kHalf);
  c.read_addr = address;
  c.beats = m_.chip.beats(2 * n);
  c.count = n;
  c.dst = dst;
  return units_.issue(c, units_.after(read));
}

/// The residual stream's norm, with its result at z.
TokenLoop::NormInput TokenLoop::residual_norm(uint32_t z, uint32_t limit) const {
  return {p_.residual,
          p_.hidden_stride,
          m_.hidden,
          z,
          p_.hidden_stride,
          p_.norm_gain,
          r_.residual_max,
          r_.hidden,
          norm_gain_loaded_,
          count_,
          limit};
}

/// x, whose largest magnitudes are the registers from `max` on, into the activation columns.
[[gnu::always_inline]] inline VectorTicket TokenLoop::quantise(const NormInput& in, uint32_t x,
                                                               uint32_t stride, uint32_t max) {
  scalars(in.rows).of(ScalarOp::kMultiplier, max, r_.multiplier, spec::kActMax);

  spec::VectorCommand quantise;
  quantise.op = id(VectorOp::kScale);
  quantise.dest = id(Dest::kAct);
  quantise.keep = tracer_.on();
  quantise.scalar_step = 1;
  quantise.a = x;
  quantise.scalar = r_.multiplier;
  quantise.act_step = 1;
  quantise.dst = in.z;
  quantise.n = in.n;
  quantise.rows = in.rows;
  quantise.stride_a = stride;
  quantise.stride_dst = in.z_stride;
  quantise.act_group = in.rows;
  return units_.issue(quantise, units_.after());
}

TokenLoop::NormTickets TokenLoop::normalise(const NormInput& in) {
  NormTickets out;
  ScalarRun run = scalars(in.rows);
  run.of(ScalarOp::kBits, in.x_max, r_.norm_shift, 16);
  run.of(ScalarOp::kBits, in.x_max, r_.square_shift, 23);

  spec::VectorCommand product;
  product.op = id(VectorOp::kMul);
  product.reduce = id(Reduce::kMaxAbs);
  product.dest = id(Dest::kScratch);
  product.use_scalar = 1;
  product.scalar_step = 1;
  product.a = in.x;
  product.scalar = r_.norm_shift;
  product.b = in.gain;
  product.reduce_reg = r_.norm_max;
  product.dst = in.z;
  product.n = in.n;
  product.rows = in.rows;
  product.stride_a = in.x_stride;
  product.stride_dst = in.z_stride;
  out.gain_read = units_.issue(product, units_.after(in.gain_loaded));

  out.quantised = quantise(in, in.z, in.z_stride, r_.norm_max);
  return out;
}

VectorTicket TokenLoop::quantise_plain(const NormInput& in) {
  return quantise(in, in.x, in.x_stride, in.x_max);
}

/// The mean of squares, but for the unit of x; not on the way to the next matrix. This and what
/// follows is spec::norm_scale().
ScalarRun TokenLoop::sum_squares(const NormInput& in) {
  spec::VectorCommand squares;
  squares.op = id(VectorOp::kSumSquares);
  squares.reduce = id(Reduce::kSum);
  squares.use_scalar = 1;
  squares.scalar_step = 1;
  squares.a = in.x;
  squares.scalar = r_.square_shift;
  squares.reduce_reg = r_.squares;
  squares.n = in.n;
  squares.rows = in.rows;
  squares.stride_a = in.x_stride;
  units_.issue(squares, units_.after());
  ScalarRun run = scalars(in.rows);
  run.with(ScalarOp::kMakeScale, r_.squares, r_.square_shift, r_.squares, 0, Times::kTwo);
  return run;
}

/// Scale of a quantised norm of the residual stream, whose unit is a power of two: its products
/// are exact, so they are shifts.
void TokenLoop::residual_scale(const NormInput& in, ScalarRun& run) {
  const int32_t unit = -static_cast<int32_t>(m_.residual_frac);
  run.by(ScalarOp::kScaleDiv, r_.squares, in.size, r_.squares, 2 * unit);
  run.by(ScalarOp::kScaleAdd, r_.squares, r_.eps, r_.squares);
  run.of(ScalarOp::kScaleSqrt, r_.squares, r_.squares);
  run.by(ScalarOp::kScaleMul, r_.squares, in.limit, r_.squares);
  run.with(ScalarOp::kMakeScale, r_.norm_max, r_.norm_shift, r_.norm_max, unit);
  run.with(ScalarOp::kScaleDiv, r_.norm_max, r_.squares, r_.act);
}

/// Scale of a quantised norm whose units are the registers from `unit` on.
void TokenLoop::scale_of(const NormInput& in, uint32_t unit, ScalarRun& run) {
  run.with(ScalarOp::kMakeScale, r_.norm_max, r_.norm_shift, r_.norm_max);
  run.with(ScalarOp::kScaleMul, r_.norm_max, unit, r_.norm_max);
  run.with(ScalarOp::kScaleMul, unit, unit, unit);
  run.by(ScalarOp::kScaleDiv, r_.squares, in.size, r_.squares);
  run.with(ScalarOp::kScaleMul, r_.squares, unit, r_.squares);
  run.by(ScalarOp::kScaleAdd, r_.squares, r_.eps, r_.squares);
  run.of(ScalarOp::kScaleSqrt, r_.squares, r_.squares);
  run.by(ScalarOp::kScaleMul, r_.squares, in.limit, r_.squares);
  run.with(ScalarOp::kScaleDiv, r_.norm_max, r_.squares, r_.act);
}

/// The same without a norm; spec::absmax_quant().
void TokenLoop::plain_scale(const NormInput& in, ScalarRun& run) {
  run.of(ScalarOp::kMakeScale, in.x_max, r_.norm_max);
  run.with(ScalarOp::kScaleMul, r_.norm_max, r_.sub_unit, r_.norm_max);
  run.by(ScalarOp::kScaleDiv, r_.norm_max, r_.act_limit, r_.act);
}

MatmulTicket TokenLoop::multiply(uint32_t layer, Part part, uint32_t dst, uint32_t stride,
                                 uint32_t max_reg, VectorTicket inputs) {
  const MatrixWords& w = m_.matrix_words[part];
  units_.relative_to(Layer::offset_of(part));
  using namespace spec::fields::matmul;
  const spec::CommandWords words{{w.shape | kActColumns.put(count_) | kMaxReg.put(max_reg), 0,
                                  m_.layer[layer].matrix[part], w.beats, w.rows, w.cols, w.stripes,
                                  dst | kDstStride.put(stride / spec::kStrideUnit)}};
  return units_.issue<spec::Unit::kMatmul>(words, units_.after(inputs));
}

/// residual += results at `from`. The factors are there before the results are.
void TokenLoop::add_to_residual(Part part, uint32_t from, MatmulTicket results) {
  ScalarRun run = scalars(count_);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(part), r_.multiplier);
  run.of(ScalarOp::kFactor, r_.multiplier, r_.multiplier, static_cast<int32_t>(m_.residual_frac));
  spec::VectorCommand c;
  c.op = id(VectorOp::kMac);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = from;
  c.scalar = r_.multiplier;
  c.b = p_.residual;
  c.reduce_reg = r_.residual_max;
  c.dst = p_.residual;
  c.n = m_.hidden;
  c.rows = count_;
  c.stride_a = p_.hidden_stride;
  c.stride_b = p_.hidden_stride;
  c.stride_dst = p_.hidden_stride;
  units_.issue(c, units_.after(results));
}

/// Squared ReLU of the gate, in place. While it streams: the unit of the product, but for the
/// shifts.
[[gnu::always_inline]] inline void TokenLoop::square(ScalarRun& run, MatmulTicket gated) {
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(Part::kFfnGate), r_.gate_unit);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(Part::kFfnUp), r_.sub_unit);
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
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(Part::kFfnGate), r_.gate_unit);
  run.of(ScalarOp::kFactor, r_.gate_unit, r_.gate_unit, spec::kSiluFrac);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(Part::kFfnUp), r_.sub_unit);
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
[[gnu::always_inline]] inline void TokenLoop::multiply_by_up(MatmulTicket upped) {
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

void TokenLoop::feed_forward(uint32_t layer) {
  const Layer& l = m_.layer[layer];
  const NormInput norm = residual_norm(p_.up, r_.norm_limit + index_of(Norm::kFfnNorm));
  const NormTickets input = normalise(norm);
  norm_gain_read_ = input.gain_read;
  trace_rows(TracePoint::kFfnNorm, layer, p_.up, p_.hidden_stride, m_.hidden);
  const MatmulTicket gated =
      multiply(layer, Part::kFfnGate, p_.gate, p_.ffn_stride, r_.gate_max, input.quantised);
  const MatmulTicket upped =
      multiply(layer, Part::kFfnUp, p_.up, p_.ffn_stride, r_.up_max, input.quantised);
  load_sub_gain(l, Norm::kFfnSubNorm, m_.ffn);
  units_.relative_to(offsetof(Layer, next_gain));
  norm_gain_loaded_ = load_gain(l.next_gain, m_.hidden, p_.norm_gain, norm_gain_read_);
  trace_rows(TracePoint::kFfnGate, layer, p_.gate, p_.ffn_stride, m_.ffn);
  trace_rows(TracePoint::kFfnUp, layer, p_.up, p_.ffn_stride, m_.ffn);

  ScalarRun run = sum_squares(norm);
  residual_scale(norm, run);
  if (m_.silu) [[unlikely]]
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
                      r_.norm_limit + index_of(Norm::kFfnSubNorm)};
  const VectorTicket inner = quantise_inner(sub, Norm::kFfnSubNorm);
  trace_rows(TracePoint::kFfnSubNorm, layer, p_.up, p_.ffn_stride, m_.ffn);
  const MatmulTicket down =
      multiply(layer, Part::kFfnDown, p_.up, p_.hidden_stride, r_.unused, inner);
  inner_scale(sub, Norm::kFfnSubNorm, r_.up_shift, m_.silu ? -spec::kSiluFrac : 0);
  trace_rows(TracePoint::kFfnDown, layer, p_.up, p_.hidden_stride, m_.hidden);
  add_to_residual(Part::kFfnDown, p_.up, down);
  trace_rows(TracePoint::kFfnResidual, layer, p_.residual, p_.hidden_stride, m_.hidden);
}

}  // namespace tern::firmware
