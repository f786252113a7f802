// SPDX-License-Identifier: Apache-2.0
#include "schedule/attention.hpp"

namespace tern::firmware {

void schedule_attention(Scope& s) { Attention(s).schedule(); }

void Attention::schedule() {
  Scope& s = s_;
  out_.begin(Block::kAttention);
  const NormInput norm = residual_norm(s, p_.out, r_.norm_limit + index_of(Norm::kAttnNorm));
  out_.begin(PieceId::kAttnNorm, Rows::kSlots);
  const NormTickets input = normalise(s, norm);
  out_.end();

  out_.begin(PieceId::kAttnInputs, Rows::kSlots);
  if (m_.has[Norm::kAttnQNorm]) head_gains_loaded_ = load_head_gains();
  // Keys first: their way to memory is the longest.
  key_done_ = multiply(s, Part::kAttnK, p_.k, p_.kv_stride, r_.unused, input.quantised);
  query_done_ = multiply(s, Part::kAttnQ, p_.q, p_.q_stride, r_.unused, input.quantised);
  value_done_ = multiply(s, Part::kAttnV, p_.v, p_.kv_stride, r_.unused, input.quantised);
  const LoadTicket sub_gain_loaded = load_sub_gain(s, Norm::kAttnSubNorm, m_.q_size);
  load_gain(s, s.l.gain[Norm::kFfnNorm], m_.hidden, p_.norm_gain, input.gain_read);
  sum_squares(s, norm);
  residual_scale(s, norm);
  out_.end();

  out_.begin(PieceId::kHeads);
  kv_read_[0] = out_.next_vector();
  quantise_heads();
  issue_scores(0);
  out_.end();
  out_.begin(PieceId::kHeadScales);
  kv_read_[1] = out_.next_vector();
  scale_heads();
  out_.end();
  // The copy that serves the first bundle comes again behind others.
  if (out_.loops()) kv_read_[1] = out_.last_vector();

  for (uint32_t i = 0; i < out_.copies(); ++i) {
    out_.begin(static_cast<PieceId>(index_of(PieceId::kBundle) + i));
    issue_scores(i + 1);
    finish_bundle(i);
    out_.end();
  }
  const uint32_t last = m_.bundles - 1;
  if (out_.loops()) {
    // The copy before it may be one whose bundles have the other buffers.
    const uint32_t next = out_.copies();
    scores_[last & 1] = scores_[next & 1];
    kv_loaded_[scales_odd(last)] = kv_loaded_[scales_odd(next)];
  }
  out_.begin(PieceId::kLastBundle);
  const MatmulTicket mixed = finish_bundle(last);
  out_.end();
  out_.begin(PieceId::kJoin);
  join(mixed);
  out_.end();

  const NormInput sub{.x = p_.q,
                      .x_stride = p_.q_stride,
                      .n = m_.q_size,
                      .z = p_.out,
                      .z_stride = p_.q_stride,
                      .gain = p_.sub_gain,
                      .x_max = r_.sub_max,
                      .size = r_.q_size,
                      .limit = r_.norm_limit + index_of(Norm::kAttnSubNorm),
                      .gain_loaded = sub_gain_loaded};
  out_.begin(PieceId::kAttnInner, Rows::kSlots);
  const VectorTicket inner = quantise_inner(s, sub, Norm::kAttnSubNorm);
  out_.end();
  out_.begin(PieceId::kAttnOutput, Rows::kSlots);
  const MatmulTicket output =
      multiply(s, Part::kAttnOutput, p_.out, p_.hidden_stride, r_.unused, inner);
  inner_scale(s, sub, Norm::kAttnSubNorm, kNoRegister, 0);
  add_to_residual(s, Part::kAttnOutput, p_.out, output);
  out_.end();
  out_.end(Block::kAttention);
}

/// What a bundle does behind its scores.
MatmulTicket Attention::finish_bundle(uint32_t bundle) {
  const MatmulTicket mixed = mix(bundle, softmax(bundle));
  mix_scales(bundle);
  return mixed;
}

}  // namespace tern::firmware
