#include "token_loop.hpp"

#include "fields.hpp"
#include "scratch.hpp"

namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

void TokenLoop::run(const uint32_t* tokens, uint32_t count, Head which, uint32_t keep) {
  count_ = count;
  for (uint32_t t = 0; t < count; ++t) place_[t] = place_of(position_ + t);
  enter(spec::Phase::kEmbed);
  norm_gain_loaded_ =
      load_gain(m_.layer[0].gain[kAttnNorm], m_.hidden, p_.norm_gain, norm_gain_read_);
  embed(tokens);
  for (uint32_t layer = 0; layer < m_.layers; ++layer) run_layer(layer);
  if (which != Head::kNone) enter(spec::Phase::kHead);
  if (which == Head::kLast) head(count - 1, keep);
  for (uint32_t t = 0; which == Head::kAll && t < count; ++t) head(t, keep);
  position_ += count;
}

TokenLoop::TokenPlace TokenLoop::place_of(uint32_t position) const {
  const uint32_t block = position / m_.chip.key_block * m_.chip.key_block;
  const uint32_t columns = m_.chip.columns;
  TokenPlace place;
  place.tokens = position + 1;
  place.key_stripes = block + m_.chip.key_block;
  place.value_tiles = m_.chip.tiles(position + 1);
  place.key_byte = (block * p_.dim_tiles + (position - block)) * columns;
  place.value_byte = (position / columns * m_.head_dim) * columns + position % columns;
  return place;
}

/// Both blocks of a layer. When tokens come one at a time, its commands differ from those of the
/// layer before in little: they are recorded once.
void TokenLoop::run_layer(uint32_t layer) {
  const Layer& l = m_.layer[layer];
  const Layer& next = m_.layer[layer + 1 == m_.layers ? 0 : layer + 1];
  const bool repeats = count_ == 1 && position_ > 0 && !tracer_.on();
  uint32_t place[kPlaceValues];
  if (repeats && layer <= 1) place_values(position_, place);
  // Not the first layer: what its first commands wait for is not what those of the others do.
  const bool records = repeats && layer == 1;

  const auto run_block = [&](Tape& tape, spec::Phase phase, auto issue) {
    if (repeats && tape.ready()) {
      if (layer == 0) tape.move(place);
      units_.play(tape, l);
      enter(phase, layer);
      tapes_played();
      return;
    }
    enter(phase, layer);
    if (records) units_.start_recording(tape, l);
    issue();
    if (records) units_.end_recording(place);
  };

  run_block(attention_tape_, spec::Phase::kAttention, [&] { attention(layer); });
  attention_issued_ = units_.last_vector();
  write_feed_forward_scales(l);

  run_block(feed_forward_tape_, spec::Phase::kFeedForward, [&] { feed_forward(layer); });
  feed_forward_issued_ = units_.last_vector();
  write_attention_scales(next);
}

/// Whatever waits for something on a tape waits for all of it.
void TokenLoop::tapes_played() {
  norm_gain_loaded_ = sub_gain_loaded_ = head_gains_loaded_ = kv_loaded_[0] = kv_loaded_[1] =
      units_.last_load();
  norm_gain_read_ = sub_gain_read_ = head_gains_read_ = kv_read_[0] = kv_read_[1] =
      units_.last_vector();
  scales_stored_ = units_.last_store();
}

/// What the tapes need to know of the only token of a group.
void TokenLoop::place_values(uint32_t position, uint32_t (&values)[kPlaceValues]) const {
  const TokenPlace place = place_of(position);
  values[kTokens] = place.tokens;
  values[kPosition] = position;
  values[kKeyStripes] = place.key_stripes;
  values[kKeyBeats] = place.key_stripes * p_.dim_tiles;
  values[kValueBeats] = place.value_tiles * m_.head_dim;
  values[kScaleBeats] = m_.chip.beats(4 * position);
  values[kScaleBytes] = 4 * position;
  values[kKeyBytes] = place.key_byte;
  values[kValueBytes] = place.value_byte;
  values[kRopeSkip] = rope_skip(position);
}

/// The tapes to the next position, while the head streams.
void TokenLoop::move_on() {
  if (tracer_.on() || !attention_tape_.ready() || !feed_forward_tape_.ready()) return;
  uint32_t place[kPlaceValues];
  place_values(position_ + count_, place);
  attention_tape_.move(place);
  feed_forward_tape_.move(place);
}

LoadTicket TokenLoop::load_gain(uint32_t address, uint32_t n, uint32_t dst, VectorTicket read) {
  spec::LoadCommand c;
  c.format = id(spec::Format::kHalf);
  c.read_addr = address;
  c.beats = m_.chip.beats(2 * n);
  c.count = n;
  c.dst = dst;
  return units_.issue(c, units_.after(read));
}

/// The gain of an inner norm, if the model has it.
void TokenLoop::load_sub_gain(const Layer& l, Norm norm, uint32_t n) {
  if (!m_.has[norm]) return;
  units_.relative_to(offsetof(Layer, gain) + norm * sizeof(uint32_t));
  sub_gain_loaded_ = load_gain(l.gain[norm], n, p_.sub_gain, sub_gain_read_);
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

/// x, whose largest magnitudes are the registers from `max` on, into the activation columns.
VectorTicket TokenLoop::quantise(const NormInput& in, uint32_t x, uint32_t stride, uint32_t max) {
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

/// Quantised, behind the norm if the model has it.
VectorTicket TokenLoop::quantise_inner(const NormInput& in, Norm norm) {
  if (!m_.has[norm]) return quantise(in, in.x, in.x_stride, in.x_max);
  const NormTickets out = normalise(in);
  sub_gain_read_ = out.gain_read;
  return out.quantised;
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

/// Scale of what quantise_inner() made; the units, register sub_unit on, are 2^constant times too
/// small, and by `shift` if that is a register. Without a norm it is spec::absmax_quant()'s.
void TokenLoop::inner_scale(const NormInput& in, Norm norm, uint32_t shift, int32_t constant) {
  ScalarRun run = m_.has[norm] ? sum_squares(in) : scalars(in.rows);
  if (shift != kNoRegister)
    run.with(ScalarOp::kScaleShift, r_.sub_unit, shift, r_.sub_unit, constant);
  if (m_.has[norm]) return scale_of(in, r_.sub_unit, run);
  run.of(ScalarOp::kMakeScale, in.x_max, r_.norm_max);
  run.with(ScalarOp::kScaleMul, r_.norm_max, r_.sub_unit, r_.norm_max);
  run.by(ScalarOp::kScaleDiv, r_.norm_max, r_.act_limit, r_.act);
}

/// kActMax * 2^-exponent: what divides by it counts in units of the gain.
void TokenLoop::write_limit(Norm norm, int32_t exponent) {
  constexpr Scale limit = spec::make_scale(spec::kActMax);
  write_scalar(r_.norm_limit + norm, {limit.m, limit.e - exponent});
}

/// Scales of a block of a layer. Their readers of the layer before lie a whole block behind.
void TokenLoop::write_attention_scales(const Layer& l) {
  units_.wait(attention_issued_);
  for (uint32_t i = kQuery; i <= kOutput; ++i) write_scalar(r_.matrix + i, l.scale[i]);
  write_limit(kAttnNorm, l.exponent[kAttnNorm]);
  write_limit(kAttnSubNorm, l.exponent[kAttnSubNorm]);
  if (m_.has[kQueryNorm]) write_head_limits(l);
}
void TokenLoop::write_feed_forward_scales(const Layer& l) {
  units_.wait(feed_forward_issued_);
  for (uint32_t i = kGate; i <= kDown; ++i) write_scalar(r_.matrix + i, l.scale[i]);
  write_limit(kFfnNorm, l.exponent[kFfnNorm]);
  write_limit(kFfnSubNorm, l.exponent[kFfnSubNorm]);
}

MatmulTicket TokenLoop::multiply(uint32_t layer, Linear linear, uint32_t dst, uint32_t stride,
                                 uint32_t max_reg, VectorTicket inputs) {
  const MatrixWords& w = m_.linear[linear];
  units_.relative_to(offsetof(Layer, matrix) + linear * sizeof(uint32_t));
  const spec::CommandWords words{{w.shape | count_ << 12 | max_reg << 16, 0,
                                  m_.layer[layer].matrix[linear], w.beats, w.rows, w.cols,
                                  w.stripes, dst | stride / spec::kStrideUnit << 20}};
  return units_.issue<spec::Unit::kMatmul>(words, units_.after(inputs));
}

/// residual += results at `from`. The factors are there before the results are.
void TokenLoop::add_to_residual(Linear linear, uint32_t from, MatmulTicket results) {
  ScalarRun run = scalars(count_);
  run.by(ScalarOp::kScaleMul, r_.act, matrix_scale(linear), r_.multiplier);
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

}  // namespace tern::firmware
