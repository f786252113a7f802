// SPDX-License-Identifier: Apache-2.0
#include "spec/numerics/softmax.hpp"

#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/attention.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "token_loop.hpp"

/// A step of the attention block: q.K, softmax and p.V of one slot of one token; and what joins the
/// slots.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

namespace {

constexpr uint32_t kValueLayout = id(spec::Layout::kValue);

}  // namespace

/// q.K of a step.
void TokenLoop::issue_scores(uint32_t layer, Step& step) {
  const TokenPlace& place = place_[step.token];
  const uint32_t kv_head = step.slot / m_.slots_of_kv_head;
  if (step.slot % m_.slots_of_kv_head == 0) load_kv_scales(layer, step.token, kv_head);
  spec::MatmulCommand c;
  c.layout = kValueLayout;
  c.planes = 1;
  c.act_columns = m_.slot_heads;
  c.max_reg = r_.score_max + step.odd * m_.slot_heads;
  c.read_addr = m_.layer[layer].k_cache + kv_head * m_.key_units;
  c.beats = place.key_stripes * p_.dim_tiles;
  c.rows = place.tokens;
  c.block = m_.chip.key_block;
  c.cols = m_.head_dim;
  c.act_tile = p_.query_tiles + (step.token & 1) * p_.query_size + step.slot * p_.dim_tiles;
  c.stripes = place.key_stripes;
  c.dst = p_.score + step.odd * m_.slot_heads * p_.score_stride;
  c.dst_stride = p_.score_stride / spec::kStrideUnit;
  units_.relative_to(offsetof(Layer, k_cache));
  units_.varies<fields::matmul::kBeats>(kKeyBeats);
  units_.varies<fields::matmul::kRows>(kTokens);
  units_.varies<fields::matmul::kStripes>(kKeyStripes);
  step.scores = units_.issue(c, units_.after(query_ready_, keys_stored_[step.token & 1]));
}

/// The scales of the group's own tokens behind those that were loaded; the largest of all keys and
/// of all values.
void TokenLoop::take_kv_scales(const Step& step, uint32_t kv_head) {
  const uint32_t t = step.token;
  const uint32_t scales = kv_scales(t, kv_head);
  spec::VectorCommand c;
  c.op = id(VectorOp::kCopy);
  c.dest = id(Dest::kScratch);
  c.a = p_.new_scales + kv_head * count_;
  c.dst = scales + position_;
  c.n = t + 1;
  c.rows = 2;
  c.stride_a = m_.kv_heads * count_;
  c.stride_dst = p_.score_stride;
  units_.varies<fields::vector::kDst>(kPosition);
  units_.issue(c, units_.after());
  c.dest = id(Dest::kNone);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.scale_max;
  c.a = scales;
  c.dst = 0;
  c.n = place_[t].tokens;
  c.stride_a = p_.score_stride;
  c.stride_dst = 0;
  units_.varies<fields::vector::kN>(kTokens);
  units_.issue(c, units_.after(kv_loaded_[kv_buffer(t, kv_head)]));
}

/// The accumulators of a step to probabilities in the activation buffer; spec::softmax_scores() and
/// softmax_probabilities().
VectorTicket TokenLoop::softmax(uint32_t layer, const Step& step) {
  const uint32_t t = step.token;
  const uint32_t heads = m_.slot_heads;
  const uint32_t n = place_[t].tokens;
  const uint32_t score = p_.score + step.odd * heads * p_.score_stride;
  const uint32_t kv_head = step.slot / m_.slots_of_kv_head;
  const uint32_t key_scales = kv_scales(t, kv_head);
  const uint32_t value_scales = key_scales + p_.score_stride;
  for (uint32_t r = 0; tracer_.on() && r < heads; ++r) {
    const auto head = static_cast<int32_t>(step.slot * heads + r);
    tracer_.save({TracePoint::kAttnScores, static_cast<int32_t>(layer), head, position_ + t},
                 score + r * p_.score_stride, n);
  }
  const bool first = step.slot % m_.slots_of_kv_head == 0;
  if (first) take_kv_scales(step, kv_head);

  ScalarRun run(units_, heads, units_.after(step.scores));
  if (first) run.repeat(ScalarOp::kBits, r_.scale_max + 1, r_.value_shift);
  run.by(ScalarOp::kBits, r_.score_max + step.odd * heads, r_.scale_max, r_.score_shift, 31);
  run.with(ScalarOp::kFactor, r_.score_unit + step.slot * heads, r_.score_shift, r_.score_factor,
           spec::kScoreFrac);

  spec::VectorCommand c;
  c.op = id(VectorOp::kMul);
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar_step = 1;
  c.a = score;
  c.scalar = r_.score_shift;
  c.b = key_scales;
  c.dst = score;
  c.n = n;
  c.rows = heads;
  c.stride_a = p_.score_stride;
  c.stride_dst = p_.score_stride;
  units_.varies<fields::vector::kN>(kTokens);
  units_.issue(c, units_.after());

  c.op = id(VectorOp::kScale);
  c.use_scalar = 0;
  c.b = 0;
  c.scalar = r_.score_factor;
  c.reduce = id(Reduce::kMax);
  c.reduce_reg = r_.score_top;
  units_.varies<fields::vector::kN>(kTokens);
  units_.issue(c, units_.after());

  c.op = id(VectorOp::kExp2);
  c.scalar = r_.score_top;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.exp_sum;
  units_.varies<fields::vector::kN>(kTokens);
  units_.issue(c, units_.after());

  c.op = id(VectorOp::kMul);
  c.use_scalar = 1;
  c.scalar_step = 0;
  c.scalar = r_.value_shift;
  c.b = value_scales;
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.weight_max;
  units_.varies<fields::vector::kN>(kTokens);
  kv_read_[kv_buffer(t, kv_head)] = units_.issue(c, units_.after());

  scalars(heads).of(ScalarOp::kMultiplier, r_.weight_max, r_.score_top, spec::kProbabilityMax);

  const bool one_column = m_.chip.act_columns == 1;
  const uint32_t tile = step.odd * p_.value_tiles * (one_column ? 2 : 1);
  spec::VectorCommand limb;
  limb.op = id(VectorOp::kScale);
  limb.dest = id(Dest::kActHigh);
  limb.keep = 1;
  limb.scalar_step = 1;
  limb.a = score;
  limb.scalar = r_.score_top;
  limb.act_step = one_column ? 0 : 2;
  limb.dst = score;
  limb.act_tile = tile;
  limb.n = n;
  limb.rows = heads;
  limb.stride_a = p_.score_stride;
  limb.stride_dst = p_.score_stride;
  limb.act_group = heads;
  units_.varies<fields::vector::kN>(kTokens);
  units_.issue(limb, units_.after());

  limb.op = id(VectorOp::kCopy);
  limb.dest = id(Dest::kActLow);
  limb.keep = 0;
  limb.scalar_step = 0;
  limb.scalar = 0;
  limb.dst = 0;
  limb.stride_dst = 0;
  limb.act_column = one_column ? 0 : 1;
  limb.act_tile = one_column ? tile + p_.value_tiles : tile;
  units_.varies<fields::vector::kN>(kTokens);
  return units_.issue(limb, units_.after());
}

/// p.V of a step.
MatmulTicket TokenLoop::mix(uint32_t layer, const Step& step, VectorTicket ready) {
  const TokenPlace& place = place_[step.token];
  const uint32_t kv_head = step.slot / m_.slots_of_kv_head;
  const bool one_column = m_.chip.act_columns == 1;
  const uint32_t heads = m_.slot_heads;
  const uint32_t first = p_.mix + 2 * step.slot * heads * p_.mix_stride;
  const Waits waits = units_.after(ready, values_stored_[step.token & 1]);
  spec::MatmulCommand c;
  c.layout = kValueLayout;
  c.planes = 1;
  c.act_columns = one_column ? 1 : 2 * heads;
  c.max_reg = r_.unused;
  c.read_addr = m_.layer[layer].v_cache + kv_head * m_.value_units;
  c.beats = place.value_tiles * m_.head_dim;
  c.rows = m_.head_dim;
  c.block = m_.head_dim;
  c.cols = place.tokens;
  c.act_tile = step.odd * p_.value_tiles * (one_column ? 2 : 1);
  c.stripes = m_.head_dim;
  c.dst = first;
  c.dst_stride = p_.mix_stride / spec::kStrideUnit;
  const auto varies = [&] {
    units_.relative_to(offsetof(Layer, v_cache));
    units_.varies<fields::matmul::kBeats>(kValueBeats);
    units_.varies<fields::matmul::kCols>(kTokens);
  };
  varies();
  MatmulTicket mixed = units_.issue(c, waits);
  if (one_column) {
    c.act_tile += p_.value_tiles;
    c.dst += p_.mix_stride;
    varies();
    mixed = units_.issue(c, waits);
  }
  for (uint32_t r = 0; tracer_.on() && r < heads; ++r) {
    const uint32_t word = first + 2 * r * p_.mix_stride;
    const auto head = static_cast<int32_t>(step.slot * heads + r);
    const auto at = static_cast<int32_t>(layer);
    const uint32_t position = position_ + step.token;
    tracer_.save({TracePoint::kAttnMixHigh, at, head, position}, word, m_.head_dim);
    tracer_.save({TracePoint::kAttnMixLow, at, head, position}, word + p_.mix_stride, m_.head_dim);
  }
  return mixed;
}

/// What one unit of a slot's mixed values is worth: the scale that softmax_probabilities() returns.
void TokenLoop::mix_scales(const Step& step) {
  ScalarRun run = scalars(m_.slot_heads);
  run.by(ScalarOp::kMakeScale, r_.weight_max, r_.value_shift, r_.weight_max);
  run.of(ScalarOp::kMakeScale, r_.exp_sum, r_.exp_sum);
  run.by(ScalarOp::kScaleMul, r_.exp_sum, r_.probability_limit, r_.exp_sum);
  run.with(ScalarOp::kScaleDiv, r_.weight_max, r_.exp_sum, r_.mix_scale + step.slot * m_.slot_heads,
           -spec::kKvScaleFrac);
}

/// All heads of a token to one unit, at q; spec::head_align(). `last` is the token's last step.
void TokenLoop::join(const Step& last, MatmulTicket mixed) {
  const uint32_t t = last.token;
  // Heads of scale 0 have a mantissa of 0, whatever their shift.
  ScalarRun run = scalars(m_.heads);
  run.of(ScalarOp::kCommonExponent, r_.mix_scale, r_.exponent);
  run.by(ScalarOp::kFactor, r_.mix_scale, r_.exponent, r_.query_multiplier, 0, Times::kMinusOne);

  const uint32_t y = p_.q + t * p_.q_stride;
  spec::VectorCommand c;
  c.op = id(VectorOp::kJoin);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_all = 1;
  c.a = p_.mix;
  c.b = p_.mix + p_.mix_stride;
  c.reduce_reg = r_.joined;
  c.n = m_.head_dim;
  c.rows = m_.heads;
  c.stride_a = 2 * p_.mix_stride;
  c.stride_b = 2 * p_.mix_stride;
  units_.issue(c, units_.after(mixed));
  run = scalars(1);
  run.of(ScalarOp::kBits64, r_.joined, r_.joined, 30);
  run.with(ScalarOp::kScaleShift, r_.one, r_.exponent, r_.sub_unit + t);
  run.with(ScalarOp::kScaleShift, r_.sub_unit + t, r_.joined, r_.sub_unit + t);

  c.reduce = 0;
  c.reduce_all = 0;
  c.reduce_reg = 0;
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar = r_.joined;
  c.dst = y;
  c.stride_dst = m_.head_dim;
  units_.issue(c, units_.after());

  spec::VectorCommand align;
  align.op = id(VectorOp::kScale);
  align.reduce = id(Reduce::kMaxAbs);
  align.reduce_all = 1;
  align.dest = id(Dest::kScratch);
  align.scalar_step = 1;
  align.a = y;
  align.scalar = r_.query_multiplier;
  align.reduce_reg = r_.sub_max + t;
  align.dst = y;
  align.n = m_.head_dim;
  align.rows = m_.heads;
  align.stride_a = m_.head_dim;
  align.stride_dst = m_.head_dim;
  units_.issue(align, units_.after());
}

}  // namespace tern::firmware
