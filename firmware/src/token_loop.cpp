// SPDX-License-Identifier: Apache-2.0
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
      load_gain(m_.layer[0].gain[Norm::kAttnNorm], m_.hidden, p_.norm_gain, norm_gain_read_);
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

/// kActMax * 2^-exponent: what divides by it counts in units of the gain.
void TokenLoop::write_limit(Norm norm, int32_t exponent) {
  constexpr Scale limit = spec::make_scale(spec::kActMax);
  write_scalar(r_.norm_limit + index_of(norm), {limit.m, limit.e - exponent});
}

/// Scales of a block of a layer. Their readers of the layer before lie a whole block behind.
void TokenLoop::write_attention_scales(const Layer& l) {
  units_.wait(attention_issued_);
  for (const Part part : spec::EnumRange{Part::kAttnQ, Part::kAttnOutput})
    write_scalar(matrix_scale(part), l.scale[part]);
  write_limit(Norm::kAttnNorm, l.exponent[Norm::kAttnNorm]);
  write_limit(Norm::kAttnSubNorm, l.exponent[Norm::kAttnSubNorm]);
  if (m_.has[Norm::kAttnQNorm]) [[unlikely]]
    write_head_limits(l);
}
void TokenLoop::write_feed_forward_scales(const Layer& l) {
  units_.wait(feed_forward_issued_);
  for (const Part part : spec::EnumRange{Part::kFfnGate, Part::kFfnDown})
    write_scalar(matrix_scale(part), l.scale[part]);
  write_limit(Norm::kFfnNorm, l.exponent[Norm::kFfnNorm]);
  write_limit(Norm::kFfnSubNorm, l.exponent[Norm::kFfnSubNorm]);
}

}  // namespace tern::firmware
