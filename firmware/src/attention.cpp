// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/rope.hpp"
#include "token_loop.hpp"

/// The attention block. A step is one slot of one token: q.K, softmax, p.V for the query heads that
/// share a read of a KV head's cache. q.K of the next step is issued before the softmax of this
/// one, so that the engine streams meanwhile.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

namespace {

/// A byte address, from units and a distance in bytes.
void set_address(spec::StoreCommand& c, uint32_t unit, uint32_t bytes) {
  const uint64_t address = uint64_t{unit} * spec::kAddrUnit + bytes;
  c.addr_low = static_cast<uint32_t>(address);
  c.addr_high = static_cast<uint32_t>(address >> 32);
}

}  // namespace

void TokenLoop::attention(uint32_t layer) {
  const Layer& l = m_.layer[layer];
  const NormInput norm = residual_norm(p_.out, r_.norm_limit + index_of(Norm::kAttnNorm));
  const NormTickets input = normalise(norm);
  norm_gain_read_ = input.gain_read;
  trace_rows(TracePoint::kAttnNorm, layer, p_.out, p_.hidden_stride, m_.hidden);
  stored_before_ = units_.last_store();
  if (m_.has[Norm::kAttnQNorm]) [[unlikely]]
    load_head_gains(l);
  // Keys first: their way to memory is the longest.
  key_done_ = multiply(layer, Part::kAttnK, p_.k, p_.kv_stride, r_.unused, input.quantised);
  query_done_ = multiply(layer, Part::kAttnQ, p_.q, p_.q_stride, r_.unused, input.quantised);
  value_done_ = multiply(layer, Part::kAttnV, p_.v, p_.kv_stride, r_.unused, input.quantised);
  load_sub_gain(l, Norm::kAttnSubNorm, m_.q_size);
  units_.relative_to(Layer::offset_of(Norm::kFfnNorm));
  norm_gain_loaded_ = load_gain(l.gain[Norm::kFfnNorm], m_.hidden, p_.norm_gain, norm_gain_read_);
  trace_rows(TracePoint::kAttnQ, layer, p_.q, p_.q_stride, m_.q_size);
  trace_rows(TracePoint::kAttnK, layer, p_.k, p_.kv_stride, m_.kv_size);
  trace_rows(TracePoint::kAttnV, layer, p_.v, p_.kv_stride, m_.kv_size);
  ScalarRun run = sum_squares(norm);
  residual_scale(norm, run);

  Step steps[2];
  const uint32_t count = count_ * m_.slots;
  quantise_heads(layer, 0);
  steps[0] = {0, 0, 0, {}};
  issue_scores(layer, steps[0]);
  scale_heads(layer, 0);
  for (uint32_t i = 0; i < count; ++i) {
    Step& step = steps[i & 1];
    const bool last = step.slot + 1 == m_.slots;
    // The scores of a step are issued after p.V of the step before the last, whose buffers it
    // takes over.
    if (i + 1 < count) {
      Step& next = steps[(i + 1) & 1];
      next = {last ? step.token + 1 : step.token, last ? 0 : step.slot + 1, (i + 1) & 1, {}};
      if (last) quantise_heads(layer, next.token);
      issue_scores(layer, next);
    }
    const MatmulTicket mixed = mix(layer, step, softmax(layer, step));
    mix_scales(step);
    if (!last) continue;
    join(step, mixed);
    if (i + 1 < count) scale_heads(layer, step.token + 1);
  }

  const NormInput sub{p_.q,
                      p_.q_stride,
                      m_.q_size,
                      p_.out,
                      p_.q_stride,
                      p_.sub_gain,
                      r_.sub_max,
                      r_.q_size,
                      sub_gain_loaded_,
                      count_,
                      r_.norm_limit + index_of(Norm::kAttnSubNorm)};
  const VectorTicket mixed = quantise_inner(sub, Norm::kAttnSubNorm);
  trace_rows(TracePoint::kAttnSubNorm, layer, p_.out, p_.q_stride, m_.q_size);
  const MatmulTicket output =
      multiply(layer, Part::kAttnOutput, p_.out, p_.hidden_stride, r_.unused, mixed);
  inner_scale(sub, Norm::kAttnSubNorm, kNoRegister, 0);
  trace_rows(TracePoint::kAttnOutput, layer, p_.out, p_.hidden_stride, m_.hidden);
  add_to_residual(Part::kAttnOutput, p_.out, output);
  trace_rows(TracePoint::kAttnResidual, layer, p_.residual, p_.hidden_stride, m_.hidden);
}

/// q, k and v of a token from the accumulators to the activation buffer and the caches.
void TokenLoop::quantise_heads(uint32_t layer, uint32_t t) {
  const uint32_t cosines = p_.rope + rope_skip_ + t * m_.head_dim;
  const uint32_t k = p_.turned_k + t * p_.kv_stride;
  const uint32_t q = p_.turned_q + t * p_.q_stride;
  const uint32_t v = p_.v + t * p_.kv_stride;

  const bool norms = m_.has[Norm::kAttnQNorm];
  if (norms) [[unlikely]]
    norm_heads(p_.k + t * p_.kv_stride, k, m_.kv_heads, 1, key_done_);
  else
    shorten(k, m_.kv_size, 1, key_done_);
  rotate(k, cosines, m_.kv_heads, r_.kv_max, key_done_);
  scalars(m_.kv_heads).of(ScalarOp::kMultiplier, r_.kv_max, r_.kv_multiplier, spec::kValueMax);
  store_keys(layer, t, scale_rows(k, m_.kv_heads, r_.kv_multiplier));

  if (norms) [[unlikely]]
    norm_heads(p_.q + t * p_.q_stride, q, m_.heads, 0, query_done_);
  else
    shorten(q, m_.q_size, 0, query_done_);
  rotate(q, cosines, m_.heads, r_.query_max, query_done_);
  scalars(m_.heads).of(ScalarOp::kMultiplier, r_.query_max, r_.query_multiplier, spec::kActMax);
  spec::VectorCommand query;
  query.op = id(VectorOp::kScale);
  query.dest = id(Dest::kAct);
  query.scalar_step = 1;
  query.a = q;
  query.scalar = r_.query_multiplier;
  query.act_step = 1;
  query.act_tile = p_.query_tiles + (t & 1) * p_.query_size;
  query.n = m_.head_dim;
  query.rows = m_.heads;
  query.stride_a = m_.head_dim;
  query.act_group = m_.slot_heads;
  query.act_tile_stride = p_.dim_tiles;
  query_ready_ = units_.issue(query, units_.after());

  spec::VectorCommand value;
  value.op = id(VectorOp::kCopy);
  value.reduce = id(Reduce::kMaxAbs);
  value.a = v;
  value.reduce_reg = r_.kv_max + m_.kv_heads;
  value.n = m_.head_dim;
  value.rows = m_.kv_heads;
  value.stride_a = m_.head_dim;
  units_.issue(value, units_.after(value_done_));
  scalars(m_.kv_heads)
      .of(ScalarOp::kMultiplier, r_.kv_max + m_.kv_heads, r_.kv_multiplier, spec::kValueMax);
  store_values(layer, t, scale_rows(v, m_.kv_heads, r_.kv_multiplier));
}

/// Queries (0) or keys (1) of a token in place, by what rope() cannot take: spec::rope_shift().
void TokenLoop::shorten(uint32_t heads, uint32_t n, uint32_t which, MatmulTicket results) {
  if (spec::rope_shift(m_.head_bits[which]) == 0) [[likely]]
    return;
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar = r_.rope_shift + which;
  c.a = c.dst = heads;
  c.n = n;
  c.rows = 1;
  units_.issue(c, units_.after(results));
}

/// Heads [rows][head_dim] in place; the largest magnitude of each to reg.
VectorTicket TokenLoop::rotate(uint32_t heads, uint32_t cosines, uint32_t rows, uint32_t reg,
                               MatmulTicket results) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kRope);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.a = heads;
  c.b = cosines;
  c.reduce_reg = reg;
  c.dst = heads;
  c.n = m_.head_dim / 2;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  c.stride_dst = m_.head_dim;
  units_.varies<fields::vector::kB>(kRopeSkip);
  return units_.issue(c, units_.after(results, rope_loaded_));
}

/// Heads [rows][head_dim] in place, each by its register from `reg` on.
VectorTicket TokenLoop::scale_rows(uint32_t heads, uint32_t rows, uint32_t reg) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = heads;
  c.scalar = reg;
  c.dst = heads;
  c.n = m_.head_dim;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  c.stride_dst = m_.head_dim;
  return units_.issue(c, units_.after());
}

void TokenLoop::store_keys(uint32_t layer, uint32_t t, VectorTicket ready) {
  spec::StoreCommand c;
  c.format = id(spec::StoreFormat::kCode);
  set_address(c, m_.layer[layer].k_cache, place_[t].key_byte);
  c.count = m_.head_dim;
  c.src = p_.turned_k + t * p_.kv_stride;
  c.rows = m_.kv_heads;
  c.src_stride = m_.head_dim;
  c.beat_stride = m_.chip.key_block;
  c.row_stride = m_.key_units;
  units_.relative_to(offsetof(Layer, k_cache));
  units_.varies<fields::store::kAddrLow>(kKeyBytes);
  keys_stored_[t & 1] = units_.issue(c, units_.after(ready));
}

void TokenLoop::store_values(uint32_t layer, uint32_t t, VectorTicket ready) {
  spec::StoreCommand c;
  c.format = id(spec::StoreFormat::kCode);
  c.scatter = 1;
  set_address(c, m_.layer[layer].v_cache, place_[t].value_byte);
  c.count = m_.head_dim;
  c.src = p_.v + t * p_.kv_stride;
  c.rows = m_.kv_heads;
  c.src_stride = m_.head_dim;
  c.beat_stride = 1;
  c.row_stride = m_.value_units;
  units_.relative_to(offsetof(Layer, v_cache));
  units_.varies<fields::store::kAddrLow>(kValueBytes);
  values_stored_[t & 1] = units_.issue(c, units_.after(ready));
}

/// The real scales of a token's queries, keys and values; the last two as spec::kv_quant() has
/// them, to the scratchpad.
void TokenLoop::scale_heads(uint32_t layer, uint32_t t) {
  ScalarRun run = scalars(3);
  const uint32_t values = r_.kv_max + m_.kv_heads;
  run.from(ScalarOp::kScaleMul, r_.act + t, matrix_scale(Part::kAttnQ), r_.unit);
  const bool norms = m_.has[Norm::kAttnQNorm];
  if (norms) [[unlikely]] {
    head_floors();
    head_units(p_.k + t * p_.kv_stride, m_.kv_heads, 1, r_.kv_multiplier);
    run = scalars(2 * m_.kv_heads);
  }
  run.rows(2 * m_.kv_heads);
  run.of(ScalarOp::kMakeScale, r_.kv_max, r_.kv_max);
  run.rows(m_.kv_heads);
  if (norms) [[unlikely]]
    run.with(ScalarOp::kScaleMul, r_.kv_max, r_.kv_multiplier, r_.kv_max);
  else
    run.by(ScalarOp::kScaleMul, r_.kv_max, r_.unit + index_of(Part::kAttnK), r_.kv_max);
  run.by(ScalarOp::kScaleMul, values, r_.unit + index_of(Part::kAttnV), values);
  run.rows(2 * m_.kv_heads);
  run.by(ScalarOp::kScaleDiv, r_.kv_max, r_.value_limit, r_.kv_max);
  run.of(ScalarOp::kFactor, r_.kv_max, r_.kv_max, spec::kKvScaleFrac);
  spec::VectorCommand fixed;
  fixed.op = id(VectorOp::kScale);
  fixed.dest = id(Dest::kScratch);
  fixed.scalar_step = 1;
  fixed.a = p_.one;
  fixed.scalar = r_.kv_max;
  fixed.dst = p_.new_scales + t;
  fixed.n = 1;
  fixed.rows = 2 * m_.kv_heads;
  fixed.stride_dst = count_;
  const VectorTicket made = units_.issue(fixed, units_.after(scales_stored_));
  if (t + 1 == count_) store_scales(layer, made);

  if (norms) [[unlikely]] {
    head_units(p_.q + t * p_.q_stride, m_.heads, 0, r_.score_unit);
    run = scalars(m_.heads);
    run.of(ScalarOp::kMakeScale, r_.query_max, r_.query_max);
    run.with(ScalarOp::kScaleMul, r_.query_max, r_.score_unit, r_.score_unit);
  } else {
    run = scalars(m_.heads);
    run.of(ScalarOp::kMakeScale, r_.query_max, r_.score_unit);
    run.by(ScalarOp::kScaleMul, r_.score_unit, r_.unit + index_of(Part::kAttnQ), r_.score_unit);
  }
  run.by(ScalarOp::kScaleDiv, r_.score_unit, r_.act_limit, r_.score_unit);
  run.by(ScalarOp::kScaleMul, r_.score_unit, r_.score_scale, r_.score_unit, -spec::kKvScaleFrac);
}

/// The new scales of all tokens of the group.
void TokenLoop::store_scales(uint32_t layer, VectorTicket ready) {
  spec::StoreCommand c;
  set_address(c, m_.layer[layer].k_scales, 4 * position_);
  c.count = count_;
  c.src = p_.new_scales;
  c.rows = m_.kv_heads;
  c.src_stride = count_;
  c.beat_stride = 1;
  c.row_stride = m_.scale_units;
  units_.relative_to(offsetof(Layer, k_scales));
  units_.varies<fields::store::kAddrLow>(kScaleBytes);
  units_.issue(c, units_.after(ready));
  set_address(c, m_.layer[layer].v_scales, 4 * position_);
  c.src = p_.new_scales + m_.kv_heads * count_;
  units_.relative_to(offsetof(Layer, v_scales));
  units_.varies<fields::store::kAddrLow>(kScaleBytes);
  scales_stored_ = units_.issue(c, units_.after(ready));
}

/// Those of the tokens before the group.
void TokenLoop::load_kv_scales(uint32_t layer, uint32_t t, uint32_t kv_head) {
  const uint32_t odd = kv_buffer(t, kv_head);
  if (position_ == 0) {
    kv_loaded_[odd] = units_.done_load();
    return;
  }
  const Waits waits = units_.after(kv_read_[odd], stored_before_);
  spec::LoadCommand c;
  c.read_addr = m_.layer[layer].k_scales + kv_head * m_.scale_units;
  c.beats = m_.chip.beats(4 * position_);
  c.count = position_;
  c.dst = kv_scales(t, kv_head);
  units_.relative_to(offsetof(Layer, k_scales));
  units_.varies<fields::load::kBeats>(kScaleBeats);
  units_.varies<fields::load::kCount>(kPosition);
  units_.issue(c, waits);
  c.read_addr = m_.layer[layer].v_scales + kv_head * m_.scale_units;
  c.dst += p_.score_stride;
  units_.relative_to(offsetof(Layer, v_scales));
  units_.varies<fields::load::kBeats>(kScaleBeats);
  units_.varies<fields::load::kCount>(kPosition);
  kv_loaded_[odd] = units_.issue(c, waits);
}

}  // namespace tern::firmware
