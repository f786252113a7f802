// SPDX-License-Identifier: Apache-2.0
#include "issue/steps.hpp"

#include "spec/numerics/rope.hpp"
#include "spec/numerics/softmax.hpp"

namespace tern::firmware {

bool Steps::prepare() {
  if (!program_.compile()) return false;
  const int32_t shift = -(m_.embedding_exponent + static_cast<int32_t>(m_.residual_frac));
  write_scalar(r_.embed, 1, static_cast<uint32_t>(shift));
  write_scalar(r_.zero, 0, 0);
  write_scalar(r_.one, spec::make_scale(1));
  write_scalar(r_.eps, m_.eps);
  write_scalar(r_.score_scale, m_.score_scale);
  write_scalar(r_.head_scale, m_.head_scale);
  write_scalar(r_.log2e, spec::kLog2E);
  write_scalar(r_.hidden, spec::make_scale(m_.hidden));
  write_scalar(r_.q_size, spec::make_scale(m_.q_size));
  write_scalar(r_.ffn, spec::make_scale(m_.ffn));
  write_scalar(r_.act_limit, spec::make_scale(spec::kActMax));
  write_scalar(r_.value_limit, spec::make_scale(spec::kValueMax));
  write_scalar(r_.probability_limit, spec::make_scale(spec::kProbabilityMax));
  write_scalar(r_.inverse_temperature, 0, 0);
  if (m_.has[Norm::kAttnQNorm])
    write_scalar(r_.head_eps, spec::scale_mul(spec::make_scale(m_.head_dim), m_.eps));
  for (uint32_t i = 0; i < 2; ++i)
    write_scalar(r_.rope_shift + i, 1, static_cast<uint32_t>(spec::rope_shift(m_.head_bits[i])));
  write_scratch(p_.one, 1);
  constexpr Scale limit = spec::make_scale(spec::kActMax);
  write_scalar(r_.output_limit, {limit.m, limit.e - m_.output_exponent});
  attention_issued_ = feed_forward_issued_ = units_.last_vector();
  write_attention_scales(m_.layer[0]);
  seek(0);
  return true;
}

void Steps::run(const uint32_t* tokens, uint32_t count, Head which, uint32_t keep) {
  count_ = count;
  enter(spec::Phase::kEmbed);
  load_gain();
  embed(tokens);
  StepValues step;
  step[StepValue::kSlots] = count;
  step[StepValue::kTraced] = tracer_.on();
  step[StepValue::kKeep] = keep;
  program_.set_step(step);
  program_.set_position(position_);
  program_.set_slots(count);
  for (uint32_t layer = 0; layer < m_.layers; ++layer) run_layer(layer);
  if (which != Head::kNone) enter(spec::Phase::kHead);
  if (which == Head::kLast) head(count - 1);
  for (uint32_t t = 0; which == Head::kAll && t < count; ++t) head(t);
  position_ += count;
}

}  // namespace tern::firmware
