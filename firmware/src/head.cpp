// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"
#include "scratch.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/softmax.hpp"
#include "token_loop.hpp"

/// What comes before and after the layers.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

void TokenLoop::prepare() {
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
  if (m_.has[Norm::kAttnQNorm])
    write_scalar(r_.head_eps, spec::scale_mul(spec::make_scale(m_.head_dim), m_.eps));
  for (uint32_t i = 0; i < 2; ++i)
    write_scalar(r_.rope_shift + i, 1, static_cast<uint32_t>(spec::rope_shift(m_.head_bits[i])));
  write_scratch(p_.one, 1);
  constexpr Scale limit = spec::make_scale(spec::kActMax);
  write_scalar(r_.output_limit, {limit.m, limit.e - m_.output_exponent});
  attention_tape_.forget();
  feed_forward_tape_.forget();
  attention_issued_ = feed_forward_issued_ = units_.last_vector();
  write_attention_scales(m_.layer[0]);
  rope_loaded_ = norm_gain_loaded_ = sub_gain_loaded_ = head_gains_loaded_ = units_.last_load();
  norm_gain_read_ = sub_gain_read_ = head_gains_read_ = units_.last_vector();
  scales_stored_ = units_.last_store();
  kv_loaded_[0] = kv_loaded_[1] = units_.last_load();
  kv_read_[0] = kv_read_[1] = units_.last_vector();
  seek(0);
}

/// tokens -> residual, and the positions' rows of the rope table.
void TokenLoop::embed(const uint32_t* tokens) {
  const Waits free = units_.after(units_.last_vector());
  const uint32_t rope_bytes = 2 * m_.head_dim;
  const uint32_t rope_at = position_ * rope_bytes;
  rope_skip_ = rope_skip(position_);
  spec::LoadCommand load;
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.rope_table + rope_at / spec::kAddrUnit;
  load.count = rope_skip_ + count_ * m_.head_dim;
  load.beats = m_.chip.beats(2 * load.count);
  load.dst = p_.rope;
  rope_loaded_ = units_.issue(load, free);
  for (uint32_t t = 0; t < count_; ++t) {
    if (m_.embedding_group != 0)
      embed_trits(tokens[t], t, free);
    else
      embed_halves(tokens[t], t, free);
  }
  trace_rows(TracePoint::kEmbed, ~0u, p_.residual, p_.hidden_stride, m_.hidden);
}

/// A row of int16.
void TokenLoop::embed_halves(uint32_t token, uint32_t t, Waits free) {
  const uint64_t at = uint64_t{token} * (2 * m_.hidden);
  const uint32_t skip = static_cast<uint32_t>(at) % spec::kAddrUnit / 2;
  spec::LoadCommand load;
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.embedding + static_cast<uint32_t>(at / spec::kAddrUnit);
  load.count = skip + m_.hidden;
  load.beats = m_.chip.beats(2 * load.count);
  load.dst = p_.work + t * (p_.hidden_stride + spec::kAddrUnit / 2);
  const LoadTicket loaded = units_.issue(load, free);
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.scalar = r_.embed;
  c.a = load.dst + skip;
  c.dest = id(Dest::kScratch);
  c.dst = p_.residual + t * p_.hidden_stride;
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.residual_max + t;
  c.n = m_.hidden;
  c.rows = 1;
  units_.issue(c, units_.after(loaded));
}

/// Trits times the scales of their groups: spec::embedding_element(). The scales become scalars
/// through a sum of one element each, so that the controller need not wait for them.
void TokenLoop::embed_trits(uint32_t token, uint32_t t, Waits free) {
  const uint32_t groups = (m_.hidden + m_.embedding_group - 1) / m_.embedding_group;
  const uint32_t row_units =
      static_cast<uint32_t>(spec::embedding_row_bytes(m_.hidden)) / spec::kAddrUnit;
  const uint32_t scale_units = (2 * groups + spec::kAddrUnit - 1) / spec::kAddrUnit;
  spec::LoadCommand load;
  load.format = id(spec::Format::kTrit);
  load.read_addr = m_.embedding + token * row_units;
  load.count = m_.hidden;
  load.beats = m_.chip.beats((m_.hidden + spec::kTritsPerByte - 1) / spec::kTritsPerByte);
  load.dst = p_.trits + t * p_.trit_stride;
  const uint32_t trits = load.dst;
  units_.issue(load, free);
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.embedding + m_.vocab * row_units + token * scale_units;
  load.count = groups;
  load.beats = m_.chip.beats(2 * groups);
  load.dst += p_.hidden_stride;
  const LoadTicket loaded = units_.issue(load, free);

  spec::VectorCommand c;
  c.op = id(VectorOp::kCopy);
  c.a = load.dst;
  c.stride_a = 1;
  c.n = 1;
  c.rows = groups;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.trit_scale;
  c.dest = id(Dest::kNone);
  units_.issue(c, units_.after(loaded));
  scalars(groups).of(ScalarOp::kFactor, r_.trit_scale, r_.trit_scale,
                     m_.embedding_exponent + static_cast<int32_t>(m_.residual_frac));
  c = {};
  c.op = id(VectorOp::kScale);
  c.scalar = r_.trit_scale;
  c.scalar_step = 1;
  c.dest = id(Dest::kScratch);
  c.a = trits;
  c.dst = p_.residual + t * p_.hidden_stride;
  c.n = m_.embedding_group;
  c.stride_a = c.stride_dst = c.n;
  c.rows = m_.hidden / m_.embedding_group;
  if (c.rows != 0) units_.issue(c, units_.after());
  // The last group may be narrower.
  c.scalar += c.rows;
  c.a += c.rows * c.n;
  c.dst += c.rows * c.n;
  c.n = m_.hidden - c.rows * c.n;
  c.rows = 1;
  if (c.n != 0) units_.issue(c, units_.after());
  c = {};
  c.op = id(VectorOp::kCopy);
  c.a = p_.residual + t * p_.hidden_stride;
  c.dest = id(Dest::kNone);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.residual_max + t;
  c.n = m_.hidden;
  c.rows = 1;
  units_.issue(c, units_.after());
}

/// Logits of one token of the group, chunk by chunk: the largest go to the top-k list.
void TokenLoop::head(uint32_t token, uint32_t keep) {
  NormInput norm = residual_norm(p_.head_norm, r_.output_limit);
  norm.x += token * p_.hidden_stride;
  norm.x_max += token;
  norm.rows = 1;
  const NormTickets input = normalise(norm);
  norm_gain_read_ = input.gain_read;
  const uint32_t position = position_ + token;
  if (tracer_.on())
    tracer_.save({TracePoint::kHeadNorm, -1, -1, position}, p_.head_norm, m_.hidden);
  ScalarRun run = sum_squares(norm);
  run.of(ScalarOp::kTopKClear, 0, 0, static_cast<int32_t>(keep));
  residual_scale(norm, run);
  const VectorTicket scaled = run.with(ScalarOp::kScaleMul, r_.act, r_.head_scale, r_.logit_scale);

  uint32_t acc_record = 0, logit_record = 0;
  if (tracer_.on()) {
    units_.wait(scaled);
    const Scale unit{read_low(r_.logit_scale), static_cast<int32_t>(read_high(r_.logit_scale))};
    tracer_.reserve(2, m_.vocab);
    acc_record = tracer_.begin({TracePoint::kHead, -1, -1, position}, m_.vocab);
    logit_record = tracer_.begin({TracePoint::kLogits, -1, -1, position, unit}, m_.vocab);
  }

  const uint32_t step = p_.head_rows;
  const uint32_t units_of_chunk = p_.head_beats[0] * m_.chip.columns / spec::kAddrUnit;
  VectorTicket read[2] = {input.quantised, input.quantised};
  uint32_t address = m_.head;
  uint32_t scales = m_.head_row_scales;
  uint32_t odd = 0;
  for (uint32_t first = 0; first < m_.vocab; first += step, odd ^= 1) {
    const bool last = m_.vocab - first <= step;
    const uint32_t rows = last ? m_.vocab - first : step;
    const uint32_t acc = p_.head_acc + odd * step;
    const uint32_t row_scales = p_.head_scales + odd * step;
    spec::MatmulCommand matmul;
    matmul.layout = m_.head_matrix.layout;
    matmul.planes = 1;
    matmul.group = m_.head_matrix.group;
    matmul.act_columns = 1;
    matmul.max_reg = r_.unused;
    matmul.read_addr = address;
    matmul.beats = p_.head_beats[last];
    matmul.rows = rows;
    matmul.block = m_.head_matrix.block;
    matmul.cols = m_.hidden;
    matmul.stripes = p_.head_stripes[last];
    matmul.dst = acc;
    const MatmulTicket done = units_.issue(matmul, units_.after(read[odd]));
    spec::LoadCommand load;
    load.read_addr = scales;
    load.beats = m_.chip.beats(4 * rows);
    load.count = rows;
    load.dst = row_scales;
    const LoadTicket loaded = units_.issue(load, units_.after(read[odd]));
    if (tracer_.on()) tracer_.add(acc_record, first, acc, rows);

    spec::VectorCommand c;
    c.op = id(VectorOp::kMul);
    c.reduce = id(Reduce::kTopK);
    c.dest = tracer_.on() ? id(Dest::kScratch) : id(Dest::kNone);
    c.shift = m_.head_shift;
    c.a = acc;
    c.b = row_scales;
    c.dst = tracer_.on() ? acc : 0;
    c.n = rows;
    c.rows = 1;
    read[odd] = units_.issue(c, units_.after(done, loaded));
    if (tracer_.on()) tracer_.add(logit_record, first, acc, rows);
    address += units_of_chunk;
    scales += step / (spec::kAddrUnit / 4);
  }
  move_on();
  units_.wait(units_.last_vector());
}

/// The weights of spec::sample(): 2^((value - first) * logit_scale / temperature), Q30.
uint32_t TokenLoop::sample(uint32_t top_p_q16, spec::Random& random) {
  ScalarRun run = scalars(1);
  run.with(ScalarOp::kScaleMul, r_.logit_scale, r_.inverse_temperature, r_.sample_unit);
  run.with(ScalarOp::kScaleMul, r_.sample_unit, r_.log2e, r_.sample_unit);
  run.of(ScalarOp::kFactor, r_.sample_unit, r_.sample_unit, spec::kScoreFrac);
  const uint32_t count = Bus::read(spec::mmio::kTopCount);
  const uint32_t values = p_.head_acc;
  const uint32_t weights = p_.head_scales;
  for (uint32_t i = 0; i < count; ++i)
    write_scratch(values + i, Bus::read(spec::mmio::top_list::value(i)));

  spec::VectorCommand c;
  c.op = id(VectorOp::kSub);
  c.dest = id(Dest::kScratch);
  c.a = values;
  c.b = values;
  c.dst = weights;
  c.n = 1;
  c.rows = count;
  c.stride_a = 1;
  c.stride_dst = 1;
  units_.issue(c, units_.after());
  c.op = id(VectorOp::kScale);
  c.scalar = r_.sample_unit;
  c.a = weights;
  c.b = 0;
  c.n = count;
  c.rows = 1;
  units_.issue(c, units_.after());
  c.op = id(VectorOp::kExp2);
  c.scalar = r_.zero;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.weight_sum;
  units_.wait(units_.issue(c, units_.after()));
  const uint64_t sum = uint64_t{read_high(r_.weight_sum)} << 32 | read_low(r_.weight_sum);
  const uint32_t place = spec::draw([=](uint32_t i) { return read_scratch(weights + i); }, count,
                                    sum, top_p_q16, random);
  return Bus::read(spec::mmio::top_list::number(place));
}

void TokenLoop::save_rows(TracePoint point, uint32_t layer, uint32_t word, uint32_t stride,
                          uint32_t n) {
  for (uint32_t t = 0; t < count_; ++t) {
    tracer_.save({point, static_cast<int32_t>(layer), -1, position_ + t}, word + t * stride, n);
  }
}

}  // namespace tern::firmware
