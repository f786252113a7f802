#include "token_loop.hpp"

#include <algorithm>

#include "spec/numerics/glu.hpp"
#include "spec/numerics/head.hpp"
#include "spec/numerics/norm_quant.hpp"
#include "spec/numerics/residual.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::driver {

using spec::Scale;
using spec::TracePoint;

TokenLoop::TokenLoop(const io::Image& image, Transport& transport, CommandStream& chip)
    : image_(image),
      m_(image.model()),
      config_(transport.config()),
      chip_(chip),
      memory_(transport, image.model()) {
  const std::size_t width = config_.act_columns;
  const std::size_t heads = width * m_.heads;
  const std::size_t q = std::size_t{m_.heads} * m_.head_dim;
  const std::size_t kv = std::size_t{m_.kv_heads} * m_.head_dim;
  const std::size_t widest = std::max({std::size_t{m_.hidden}, q, std::size_t{m_.ffn}});
  residual_.resize(width * m_.hidden);
  act_.resize(width * widest);
  act_scale_.resize(width);
  q_.resize(width * q);
  k_.resize(width * kv);
  v_.resize(width * kv);
  gate_.resize(width * m_.ffn);
  up_.resize(width * m_.ffn);
  out_.resize(width * m_.hidden);
  key_.resize(width * kv);
  value_.resize(width * kv);
  query_.resize(width * q);
  query_scale_.resize(heads);
  score_.resize(heads * m_.context);
  limbs_.resize(heads * 2 * m_.context);
  mix_scale_.resize(heads);
  limb_sums_.resize(heads * 2 * m_.head_dim);
  joined_.resize(q);
  scratch_.resize(std::max(widest, std::size_t{m_.context}));
  head_acc_.resize(width * m_.vocab);
  logits_.resize(m_.vocab);
  kv_scales_.resize(std::size_t{m_.layers} * m_.kv_heads);
  for (KvScales& s : kv_scales_) {
    s.key.resize(m_.context);
    s.value.resize(m_.context);
  }
}

void TokenLoop::run(std::span<const int32_t> tokens, uint32_t position, Head which) {
  position_ = position;
  count_ = static_cast<uint32_t>(tokens.size());
  embed(tokens);
  for (int layer = 0; layer < static_cast<int>(m_.layers); ++layer) {
    attention(layer);
    feed_forward(layer);
  }
  if (which != Head::kNone) head(which == Head::kAll ? 0 : count_ - 1);
}

void TokenLoop::embed(std::span<const int32_t> tokens) {
  const int shift = -(m_.embedding.exponent + static_cast<int32_t>(m_.residual_frac));
  for (uint32_t t = 0; t < count_; ++t) {
    int32_t* x = &residual_[std::size_t{t} * m_.hidden];
    const std::span<const int16_t> row = image_.embedding(static_cast<uint32_t>(tokens[t]));
    for (uint32_t i = 0; i < m_.hidden; ++i) x[i] = spec::rshift_round_sat(row[i], shift);
    trace(t, TracePoint::kEmbed, -1, {x, m_.hidden});
  }
}

void TokenLoop::feed_forward(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const Scale unit = spec::make_scale(1, -static_cast<int32_t>(m_.residual_frac));
  for (uint32_t t = 0; t < count_; ++t) {
    normalise(t, &residual_[std::size_t{t} * m_.hidden], unit, d.ffn_norm, TracePoint::kFfnNorm,
              layer);
  }
  multiply(m_.hidden, layer,
           {{&d.ffn_gate, &gate_, TracePoint::kFfnGate}, {&d.ffn_up, &up_, TracePoint::kFfnUp}});

  const int n = static_cast<int>(m_.ffn);
  for (uint32_t t = 0; t < count_; ++t) {
    int32_t* gate = &gate_[std::size_t{t} * m_.ffn];
    const int32_t* up = &up_[std::size_t{t} * m_.ffn];
    const spec::GluShifts shifts = spec::relu2_shifts(spec::max_abs(gate, n), spec::max_abs(up, n));
    for (int i = 0; i < n; ++i) gate[i] = spec::relu2_glu(gate[i], up[i], shifts);
    const Scale gate_unit = spec::scale_mul(act_scale_[t], d.ffn_gate.scale);
    const Scale up_unit = spec::scale_mul(act_scale_[t], d.ffn_up.scale);
    const Scale inner = spec::scale_shift(
        spec::scale_mul(spec::scale_mul(gate_unit, gate_unit), up_unit), shifts.gate + shifts.up);
    normalise(t, gate, inner, d.ffn_sub_norm, TracePoint::kFfnSubNorm, layer);
  }
  multiply(m_.ffn, layer, {{&d.ffn_down, &out_, TracePoint::kFfnDown}});
  add_to_residual(d.ffn_down, TracePoint::kFfnResidual, layer);
}

/// For the tokens of the group from `first` on.
void TokenLoop::head(uint32_t first) {
  const Scale unit = spec::make_scale(1, -static_cast<int32_t>(m_.residual_frac));
  for (uint32_t t = first; t < count_; ++t) {
    normalise(t, &residual_[std::size_t{t} * m_.hidden], unit, m_.output_norm,
              TracePoint::kHeadNorm, -1);
  }
  multiply(m_.hidden, -1, {{&m_.head, &head_acc_, TracePoint::kHead}}, first);
  const std::span<const int32_t> rows = image_.head_row_scales();
  for (uint32_t t = first; t < count_; ++t) {
    const int32_t* acc = &head_acc_[std::size_t{t} * m_.vocab];
    for (uint32_t i = 0; i < m_.vocab; ++i)
      logits_[i] = spec::logit(acc[i], rows[i], static_cast<int>(m_.head_shift));
    logit_scale_ = spec::scale_mul(act_scale_[t], m_.head_scale);
    trace(t, TracePoint::kLogits, -1, logits_);
  }
}

/// x [gain.count] -> activation column `token`.
void TokenLoop::normalise(uint32_t token, const int32_t* x, Scale unit,
                          const spec::VectorDescriptor& gain, TracePoint point, int layer) {
  int8_t* q = &act_[std::size_t{token} * gain.count];
  act_scale_[token] = spec::norm_quant(x, image_.vector(gain).data(), static_cast<int>(gain.count),
                                       unit, gain.exponent, m_.eps, scratch_.data(), q);
  if (!trace_) return;
  std::copy(q, q + gain.count, scratch_.begin());
  trace(token, point, layer, {scratch_.data(), gain.count});
}

/// Activation columns from `first` on [cols] -> one row of each product's `out` a token.
void TokenLoop::multiply(uint32_t cols, int layer, std::initializer_list<Product> products,
                         uint32_t first) {
  const auto operation = [&](TracePoint point) {
    return Operation{point, position_ + first, layer};
  };
  const int8_t* x = &act_[std::size_t{first} * cols];
  chip_.load({x, cols, cols, count_ - first}, operation(products.begin()->point));
  for (const Product& p : products) {
    chip_.multiply(p.m->offset, spec::shape_of(*p.m, config_.columns),
                   {&(*p.out)[std::size_t{first} * p.m->rows], p.m->rows}, operation(p.point));
  }
  chip_.finish();
  if (!trace_) return;
  for (uint32_t t = first; t < count_; ++t) {
    for (const Product& p : products) {
      trace(t, p.point, layer, {&(*p.out)[std::size_t{t} * p.m->rows], p.m->rows},
            {&act_[std::size_t{t} * cols], cols});
    }
  }
}

/// out_ holds the accumulators of `m`, made from the activations.
void TokenLoop::add_to_residual(const spec::MatrixDescriptor& m, TracePoint point, int layer) {
  for (uint32_t t = 0; t < count_; ++t) {
    int32_t* x = &residual_[std::size_t{t} * m_.hidden];
    spec::residual_add(x, &out_[std::size_t{t} * m_.hidden], static_cast<int>(m_.hidden),
                       spec::scale_mul(act_scale_[t], m.scale), static_cast<int>(m_.residual_frac));
    trace(t, point, layer, {x, m_.hidden});
  }
}

void TokenLoop::trace(uint32_t token, TracePoint point, int layer, std::span<const int32_t> values,
                      std::span<const int8_t> inputs, int head) {
  if (!trace_) return;
  const int32_t position = static_cast<int32_t>(position_ + token);
  trace_({{position, layer, point, head}, values, inputs, chip_.cycle()});
}

void TokenLoop::trace_codes(uint32_t token, TracePoint point, int layer,
                            const std::vector<uint8_t>& codes) {
  if (!trace_) return;
  const std::size_t n = std::size_t{m_.kv_heads} * m_.head_dim;
  for (std::size_t i = 0; i < n; ++i) scratch_[i] = spec::t5_decode_value(codes[token * n + i]);
  trace(token, point, layer, {scratch_.data(), n});
}

}  // namespace tern::driver
