// SPDX-License-Identifier: Apache-2.0
#include "issue/steps.hpp"
#include "spec/numerics/head_norm.hpp"
#include "spec/numerics/rope.hpp"

/// Both blocks of a layer for all slots of a step.
namespace tern::firmware {

using spec::TracePoint;

/// A block is moved to its layer, and its scales are written, while the other one of the layer
/// plays.
void Steps::run_layer(uint32_t layer) {
  const Layer& l = m_.layer[layer];
  const Layer& next = m_.layer[layer + 1 == m_.layers ? 0 : layer + 1];
  attention(layer);
  attention_issued_ = units_.last_vector();
  program_.set_layer(Block::kFeedForward, l);
  write_feed_forward_scales(l);
  feed_forward(layer);
  feed_forward_issued_ = units_.last_vector();
  program_.set_layer(Block::kAttention, next);
  write_attention_scales(next);
}

void Steps::attention(uint32_t layer) {
  player_.enter(spec::Phase::kAttention, layer);
  player_.leave_out_scales(position_ == 0);
  if (in_one_go()) [[likely]]
    return player_.play(Block::kAttention, PieceId::kAttnNorm, PieceId::kAttnOutput);
  player_.play(PieceId::kAttnNorm);
  trace_rows(TracePoint::kAttnNorm, layer, p_.out, p_.hidden_stride, m_.hidden);
  player_.play(PieceId::kAttnInputs);
  trace_rows(TracePoint::kAttnQ, layer, p_.q, p_.q_stride, m_.q_size);
  trace_rows(TracePoint::kAttnK, layer, p_.k, p_.kv_stride, m_.kv_size);
  trace_rows(TracePoint::kAttnV, layer, p_.v, p_.kv_stride, m_.kv_size);
  player_.move(PieceId::kHeads, 0);
  player_.play(PieceId::kHeads);
  for (uint32_t slot = 0; slot < count_; ++slot) attend(layer, slot);
  player_.play(PieceId::kAttnInner);
  trace_rows(TracePoint::kAttnSubNorm, layer, p_.out, p_.q_stride, m_.q_size);
  player_.play(PieceId::kAttnOutput);
  trace_rows(TracePoint::kAttnOutput, layer, p_.out, p_.hidden_stride, m_.hidden);
  trace_rows(TracePoint::kAttnResidual, layer, p_.residual, p_.hidden_stride, m_.hidden);
  player_.flush();
}

/// A slot whose heads are in their places. Those of the next one are put there before its last
/// bundle, so that the engine has their scores to stream meanwhile.
void Steps::attend(uint32_t layer, uint32_t slot) {
  player_.move(PieceId::kHeadScales, slot);
  player_.play(PieceId::kHeadScales);
  // What is played by itself can be moved while others play.
  if (count_ > 1) player_.flush();
  const uint32_t last = m_.bundles - 1;
  for (uint32_t b = 0; b < last; ++b) bundle(program_.bundle(b), layer, slot, b, 0);
  uint32_t lag = 0;
  if (slot + 1 < count_) {
    // Its inputs are there: all waits for matrices are behind the first slot's.
    constexpr uint32_t kLongDone = 24;
    const Piece& heads = program_[PieceId::kHeads];
    player_.move(PieceId::kHeads, slot + 1);
    player_.play(PieceId::kHeads, spec::count_of(spec::Unit::kMatmul).put(kLongDone));
    lag = spec::subtract_waits(heads.after, heads.before) &
          ~spec::count_of(spec::Unit::kVector).mask();
  }
  bundle(PieceId::kLastBundle, layer, slot, last, lag);
  player_.move(PieceId::kJoin, slot);
  player_.play(PieceId::kJoin);
}

void Steps::bundle(PieceId id, uint32_t layer, uint32_t slot, uint32_t bundle, uint32_t lag) {
  if (tracer_.on()) [[unlikely]]
    trace_scores(layer, slot, bundle);
  if (id != PieceId::kLastBundle) player_.move_to_bundle(id, bundle);
  player_.move(id, slot);
  player_.play(id, lag);
  if (program_.loops()) player_.flush();
  if (tracer_.on()) [[unlikely]]
    trace_mixed(layer, slot, bundle);
}

void Steps::feed_forward(uint32_t layer) {
  player_.enter(spec::Phase::kFeedForward, layer);
  if (!tracer_.on()) [[likely]]
    return player_.play(Block::kFeedForward, PieceId::kFfnNorm, PieceId::kFfnOutput);
  player_.play(PieceId::kFfnNorm);
  trace_rows(TracePoint::kFfnNorm, layer, p_.up, p_.hidden_stride, m_.hidden);
  player_.play(PieceId::kFfnInputs);
  trace_rows(TracePoint::kFfnGate, layer, p_.gate, p_.ffn_stride, m_.ffn);
  trace_rows(TracePoint::kFfnUp, layer, p_.up, p_.ffn_stride, m_.ffn);
  player_.play(PieceId::kFfnInner);
  trace_rows(TracePoint::kFfnSubNorm, layer, p_.up, p_.ffn_stride, m_.ffn);
  player_.play(PieceId::kFfnOutput);
  trace_rows(TracePoint::kFfnDown, layer, p_.up, p_.hidden_stride, m_.hidden);
  trace_rows(TracePoint::kFfnResidual, layer, p_.residual, p_.hidden_stride, m_.hidden);
  player_.flush();
}

/// A vector of each slot, if there is a trace.
void Steps::trace_rows(TracePoint point, uint32_t layer, uint32_t word, uint32_t stride,
                       uint32_t n) {
  if (!tracer_.on()) [[likely]]
    return;
  player_.flush();
  for (uint32_t t = 0; t < count_; ++t)
    tracer_.save({point, static_cast<int32_t>(layer), -1, position_ + t}, word + t * stride, n);
}

void Steps::trace_scores(uint32_t layer, uint32_t slot, uint32_t bundle) {
  player_.flush();
  const uint32_t heads = m_.bundle_heads;
  const uint32_t odd = (slot * m_.bundles + bundle) & 1;
  for (uint32_t r = 0; r < heads; ++r)
    tracer_.save({TracePoint::kAttnScores, static_cast<int32_t>(layer),
                  static_cast<int32_t>(bundle * heads + r), position_ + slot},
                 p_.score + (odd * heads + r) * p_.score_stride, position_ + slot + 1);
}

void Steps::trace_mixed(uint32_t layer, uint32_t slot, uint32_t bundle) {
  player_.flush();
  for (uint32_t r = 0; r < m_.bundle_heads; ++r) {
    const uint32_t head = bundle * m_.bundle_heads + r;
    const uint32_t word = p_.mix + 2 * head * p_.mix_stride;
    const auto save = [&](TracePoint point, uint32_t from) {
      tracer_.save(
          {point, static_cast<int32_t>(layer), static_cast<int32_t>(head), position_ + slot}, from,
          m_.head_dim);
    };
    save(TracePoint::kAttnMixHigh, word);
    save(TracePoint::kAttnMixLow, word + p_.mix_stride);
  }
}

/// kActMax * 2^-exponent: what divides by it counts in units of the gain.
void Steps::write_limit(Norm norm, int32_t exponent) {
  constexpr Scale limit = spec::make_scale(spec::kActMax);
  write_scalar(r_.norm_limit + index_of(norm), {limit.m, limit.e - exponent});
}

/// Dividends of the units of heads: spec::head_norm_unit(), with the guard bits of Rope.
void Steps::write_head_limits(const Layer& l) {
  uint32_t i = 0;
  for (const Norm norm : spec::EnumRange{Norm::kAttnQNorm, Norm::kAttnKNorm}) {
    const int32_t shift = spec::head_norm_shift(m_.head_bits[i]) - spec::kRopeGuard;
    write_scalar(r_.head_limit + i++, {m_.head_root.m, m_.head_root.e + l.exponent[norm] + shift});
  }
}

/// Scales of a block of a layer. Their readers of the layer before lie a whole block behind.
void Steps::write_attention_scales(const Layer& l) {
  units_.wait(attention_issued_);
  for (const Part part : spec::EnumRange{Part::kAttnQ, Part::kAttnOutput})
    write_scalar(r_.matrix + index_of(part), l.scale[part]);
  write_limit(Norm::kAttnNorm, l.exponent[Norm::kAttnNorm]);
  write_limit(Norm::kAttnSubNorm, l.exponent[Norm::kAttnSubNorm]);
  if (m_.has[Norm::kAttnQNorm]) [[unlikely]]
    write_head_limits(l);
}

void Steps::write_feed_forward_scales(const Layer& l) {
  units_.wait(feed_forward_issued_);
  for (const Part part : spec::EnumRange{Part::kFfnGate, Part::kFfnDown})
    write_scalar(r_.matrix + index_of(part), l.scale[part]);
  write_limit(Norm::kFfnNorm, l.exponent[Norm::kFfnNorm]);
  write_limit(Norm::kFfnSubNorm, l.exponent[Norm::kFfnSubNorm]);
}

}  // namespace tern::firmware
