// SPDX-License-Identifier: Apache-2.0
#include "golden/model.hpp"

#include <algorithm>

#include "io/available_memory.hpp"
#include "io/error.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/attention.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/glu.hpp"
#include "spec/numerics/head.hpp"
#include "spec/numerics/head_norm.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/norm_quant.hpp"
#include "spec/numerics/residual.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/softmax.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::golden {

using spec::Norm;
using spec::Part;
using spec::Scale;
using spec::TracePoint;

Model::Model(const io::Image& image, uint32_t threads)
    : workers_(threads), image_(image), m_(image.model()) {
  io::require_memory(m_.work_offset - m_.cache_offset,
                     fmt::format("{}: the KV cache of {} layers and {} positions", image.origin(),
                                 m_.layers, m_.context),
                     "use a model with a shorter context");
  for (uint32_t i = 0; i < m_.layers; ++i) {
    const spec::LayerDescriptor& l = image.layer(i);
    layers_.emplace_back();
    for (const Part part : spec::kEveryPart) layers_.back().matrix[part] = load(l.matrix[part]);
    for (uint32_t h = 0; h < m_.kv_heads; ++h)
      layers_.back().cache.emplace_back(m_.context, m_.head_dim, m_.key_block, image.columns());
  }
  head_ = load(m_.head);
  logits_.resize(m_.vocab);
}

Matrix Model::load(const spec::MatrixDescriptor& m) const {
  return Matrix(image_.matrix(m), spec::shape_of(m, image_.columns()));
}

void Model::reset() {
  position_ = 0;
  for (Layer& layer : layers_) {
    for (KvCache& cache : layer.cache) cache.clear();
  }
}

void Model::seek(uint32_t positions, const KvSource& source) {
  if (positions > m_.context)
    throw Error("position {} is outside of the context of {} positions", positions, m_.context);
  reset();
  for (uint32_t i = 0; i < m_.layers; ++i) {
    for (uint32_t h = 0; h < m_.kv_heads; ++h) layers_[i].cache[h].assign(source(i, h), positions);
  }
  position_ = static_cast<int>(positions);
}

void Model::forward(int32_t token) {
  if (position_ >= static_cast<int>(m_.context)) {
    throw Error("the context of {} positions is full; ask for fewer tokens or a shorter prompt",
                m_.context);
  }
  if (token < 0 || token >= static_cast<int32_t>(m_.vocab))
    throw Error("token {} is outside of the vocabulary of {}", token, m_.vocab);
  embed(static_cast<uint32_t>(token));
  trace(TracePoint::kEmbed, -1, residual_.x);
  for (int layer = 0; layer < static_cast<int>(m_.layers); ++layer) {
    attention(layer);
    feed_forward(layer);
  }
  head();
  ++position_;
}

void Model::embed(uint32_t token) {
  residual_.unit = spec::make_scale(1, -static_cast<int32_t>(m_.residual_frac));
  residual_.x.clear();
  for (int16_t e : image_.embedding(token)) {
    residual_.x.push_back(spec::rshift_round_sat(
        e, -(m_.embedding.exponent + static_cast<int32_t>(m_.residual_frac))));
  }
  if (!image_.has_trit_embedding()) return;
  const io::Image::TritRow row = image_.trit_embedding(token);
  const uint32_t width = spec::group_columns(static_cast<spec::Group>(m_.embedding_group));
  for (uint32_t i = 0; i < m_.hidden; ++i) {
    const spec::Trits trits = spec::t5_decode(row.codes[i / spec::kTritsPerByte]);
    residual_.x.push_back(spec::embedding_element(trits.t[i % spec::kTritsPerByte],
                                                  row.scales[i / width], m_.embedding.exponent,
                                                  m_.residual_frac));
  }
}

void Model::attention(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  Layer& l = layers_[static_cast<std::size_t>(layer)];
  const Activations h = normalise(residual_, d.norm[Norm::kAttnNorm], TracePoint::kAttnNorm, layer);
  Wide queries = multiply(Part::kAttnQ, h, TracePoint::kAttnQ, layer);
  Wide keys = multiply(Part::kAttnK, h, TracePoint::kAttnK, layer);
  const Wide v = multiply(Part::kAttnV, h, TracePoint::kAttnV, layer);

  const Heads q =
      turn(std::move(queries), d.norm[Norm::kAttnQNorm], spec::result_bits(d.matrix[Part::kAttnQ]));
  const Heads k =
      turn(std::move(keys), d.norm[Norm::kAttnKNorm], spec::result_bits(d.matrix[Part::kAttnK]));

  const int dim = static_cast<int>(m_.head_dim);
  std::vector<int32_t> key_values, value_values;
  std::vector<uint8_t> key(m_.head_dim), value(m_.head_dim);
  for (uint32_t h_kv = 0; h_kv < m_.kv_heads; ++h_kv) {
    const int32_t key_scale =
        spec::kv_quant(&k.x[h_kv * m_.head_dim], dim, k.unit[h_kv], key.data());
    const int32_t value_scale = spec::kv_quant(&v.x[h_kv * m_.head_dim], dim, v.unit, value.data());
    l.cache[h_kv].append(key, key_scale, value, value_scale);
    for (int i = 0; i < dim; ++i) {
      key_values.push_back(spec::t5_decode_value(key[i]));
      value_values.push_back(spec::t5_decode_value(value[i]));
    }
  }
  trace(TracePoint::kKeyBytes, layer, key_values);
  trace(TracePoint::kValueBytes, layer, value_values);

  const Wide mixed = attend_heads(layer, q);
  const Activations a =
      normalise(mixed, d.norm[Norm::kAttnSubNorm], TracePoint::kAttnSubNorm, layer);
  add_to_residual(multiply(Part::kAttnOutput, a, TracePoint::kAttnOutput, layer),
                  TracePoint::kAttnResidual, layer);
}

Model::Heads Model::turn(Wide x, const spec::VectorDescriptor& gain, spec::ResultBits bits) const {
  const int dim = static_cast<int>(m_.head_dim);
  const int16_t* table = image_.rope(static_cast<uint32_t>(position_)).data();
  const Scale floor = spec::head_norm_floor(m_.head_dim, x.unit, m_.eps);
  if (const int shift = spec::rope_shift(bits); !spec::present(gain) && shift != 0) {
    for (int32_t& v : x.x) v = static_cast<int32_t>(spec::rshift_round(v, shift));
    x.unit = spec::scale_shift(x.unit, shift);
  }
  Heads heads{std::vector<int32_t>(x.x.size()), {}};
  std::vector<int32_t> normed(m_.head_dim);
  for (std::size_t at = 0; at < x.x.size(); at += m_.head_dim) {
    const int32_t* head = &x.x[at];
    Scale unit = x.unit;
    if (spec::present(gain)) {
      unit = spec::head_norm(head, image_.vector(gain).data(), dim, bits, gain.exponent, floor,
                             normed.data());
      head = normed.data();
    }
    spec::rope(head, table, dim, &heads.x[at]);
    heads.unit.push_back(spec::scale_shift(unit, -spec::kRopeGuard));
  }
  return heads;
}

Model::Wide Model::attend_heads(int layer, const Heads& q) {
  Layer& l = layers_[static_cast<std::size_t>(layer)];
  const uint32_t group = m_.heads / m_.kv_heads;
  std::vector<int64_t> mix(q.x.size());
  std::vector<Scale> scales(m_.heads);
  const auto head = [&](uint32_t h) {
    scales[h] = attend(l.cache[h / group], {&q.x[h * m_.head_dim], m_.head_dim}, q.unit[h], layer,
                       static_cast<int>(h), {&mix[h * m_.head_dim], m_.head_dim})
                    .unit;
  };
  if (trace_)  // in order
    for (uint32_t h = 0; h < m_.heads; ++h) head(h);
  else
    workers_.run(m_.heads, head);
  uint64_t largest = 0;
  for (int64_t v : mix) largest = std::max(largest, static_cast<uint64_t>(v < 0 ? -v : v));
  const int32_t exponent = spec::common_exponent(scales.data(), static_cast<int>(scales.size()));
  const int shift = spec::head_shift(largest);
  Wide y{std::vector<int32_t>(mix.size()), spec::make_scale(1, exponent + shift)};
  for (std::size_t i = 0; i < mix.size(); ++i)
    y.x[i] = spec::head_align(mix[i], shift, scales[i / m_.head_dim], exponent);
  return y;
}

Model::Wide Model::attend(const KvCache& cache, std::span<const int32_t> q, Scale q_unit, int layer,
                          int head, std::span<int64_t> mix) {
  const int dim = static_cast<int>(q.size());
  const int n = cache.tokens();
  std::vector<int8_t> query(q.size());
  const Scale query_scale = spec::absmax_quant(q.data(), dim, q_unit, query.data());

  std::vector<int32_t> acc(static_cast<std::size_t>(n)), score(acc.size()), p(acc.size());
  cache.multiply_keys(query, acc);
  trace(TracePoint::kAttnScores, layer, acc, query, head);
  const Scale unit =
      spec::scale_shift(spec::scale_mul(query_scale, m_.score_scale), -spec::kKvScaleFrac);
  spec::softmax_scores(acc.data(), cache.key_scales().data(), n, unit, score.data());
  const Scale p_scale =
      spec::softmax_probabilities(score.data(), cache.value_scales().data(), n, p.data());

  std::vector<int8_t> high, low;
  for (int32_t v : p) {
    const spec::Limbs limbs = spec::split_limbs(v);
    high.push_back(limbs.high);
    low.push_back(limbs.low);
  }
  std::vector<int32_t> acc_high(q.size()), acc_low(q.size());
  cache.multiply_values(high, acc_high);
  cache.multiply_values(low, acc_low);
  trace(TracePoint::kAttnMixHigh, layer, acc_high, high, head);
  trace(TracePoint::kAttnMixLow, layer, acc_low, low, head);
  for (int i = 0; i < dim; ++i) mix[i] = spec::join_limbs(acc_high[i], acc_low[i]);
  return {{}, spec::scale_shift(p_scale, -spec::kKvScaleFrac)};
}

void Model::feed_forward(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const Activations h = normalise(residual_, d.norm[Norm::kFfnNorm], TracePoint::kFfnNorm, layer);
  const Wide gate = multiply(Part::kFfnGate, h, TracePoint::kFfnGate, layer);
  const Wide up = multiply(Part::kFfnUp, h, TracePoint::kFfnUp, layer);

  const Wide inner = gated(gate, up);
  const Activations a = normalise(inner, d.norm[Norm::kFfnSubNorm], TracePoint::kFfnSubNorm, layer);
  add_to_residual(multiply(Part::kFfnDown, a, TracePoint::kFfnDown, layer),
                  TracePoint::kFfnResidual, layer);
}

Model::Wide Model::gated(const Wide& gate, const Wide& up) const {
  const int n = static_cast<int>(m_.ffn);
  const uint32_t up_max = spec::max_abs(up.x.data(), n);
  Wide h{std::vector<int32_t>(gate.x.size()), {}};
  if (m_.activation == static_cast<uint32_t>(spec::Activation::kSilu)) {
    std::vector<int32_t> silu;
    for (int32_t g : gate.x) silu.push_back(spec::silu(spec::silu_input(g, gate.unit)));
    const int shift = spec::silu_shift(spec::max_abs(silu.data(), n), up_max);
    for (std::size_t i = 0; i < h.x.size(); ++i) h.x[i] = spec::silu_glu(silu[i], up.x[i], shift);
    h.unit = spec::scale_shift(up.unit, shift - spec::kSiluFrac);
    return h;
  }
  const spec::GluShifts shifts = spec::relu2_shifts(spec::max_abs(gate.x.data(), n), up_max);
  for (std::size_t i = 0; i < h.x.size(); ++i) h.x[i] = spec::relu2_glu(gate.x[i], up.x[i], shifts);
  h.unit = spec::scale_shift(spec::scale_mul(spec::scale_mul(gate.unit, gate.unit), up.unit),
                             shifts.gate + shifts.up);
  return h;
}

void Model::head() {
  const Activations h = normalise(residual_, m_.output_norm, TracePoint::kHeadNorm, -1);
  const Wide acc = multiply(head_, m_.head, h, TracePoint::kHead, -1);
  const std::span<const int32_t> rows = image_.head_row_scales();
  for (std::size_t i = 0; i < logits_.size(); ++i)
    logits_[i] = spec::logit(acc.x[i], rows[i], static_cast<int>(m_.head_shift));
  logit_scale_ = spec::scale_mul(h.scale, m_.head_scale);
  trace(TracePoint::kLogits, -1, logits_);
}

Model::Activations Model::normalise(const Wide& x, const spec::VectorDescriptor& gain,
                                    TracePoint point, int layer) {
  Activations out{std::vector<int8_t>(x.x.size()), {}};
  std::vector<int32_t> scratch(x.x.size());
  const int n = static_cast<int>(x.x.size());
  if (spec::present(gain))
    out.scale = spec::norm_quant(x.x.data(), image_.vector(gain).data(), n, x.unit, gain.exponent,
                                 m_.eps, scratch.data(), out.q.data());
  else
    out.scale = spec::absmax_quant(x.x.data(), n, x.unit, out.q.data());
  if (trace_) {
    scratch.assign(out.q.begin(), out.q.end());
    trace(point, layer, scratch);
  }
  return out;
}

Model::Wide Model::multiply(const Matrix& w, const spec::MatrixDescriptor& m, const Activations& a,
                            TracePoint point, int layer) {
  Wide out{std::vector<int32_t>(static_cast<std::size_t>(w.rows())),
           spec::scale_mul(a.scale, m.scale)};
  w.multiply(a.q, out.x, workers_);
  trace(point, layer, out.x, a.q);
  return out;
}

Model::Wide Model::multiply(Part part, const Activations& a, TracePoint point, int layer) {
  const auto i = static_cast<uint32_t>(layer);
  return multiply(layers_[i].matrix[part], image_.layer(i).matrix[part], a, point, layer);
}

void Model::add_to_residual(const Wide& x, TracePoint point, int layer) {
  saturations_ += spec::residual_add(residual_.x.data(), x.x.data(), static_cast<int>(x.x.size()),
                                     x.unit, static_cast<int>(m_.residual_frac));
  trace(point, layer, residual_.x);
}

void Model::trace(TracePoint point, int layer, std::span<const int32_t> values,
                  std::span<const int8_t> inputs, int head) {
  if (trace_) trace_({{position_, layer, point, head}, values, inputs, 0});
}

const Matrix* Model::matrix(TracePoint point, int layer) const {
  if (point == TracePoint::kHead) return &head_;
  if (layer < 0) return nullptr;
  const Layer& l = layers_[static_cast<std::size_t>(layer)];
  for (const spec::PartInfo& part : spec::kParts) {
    if (part.results == point) return &l.matrix[part.part];
  }
  return nullptr;
}

}  // namespace tern::golden
