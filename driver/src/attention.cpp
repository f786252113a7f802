#include "spec/numerics/attention.hpp"

#include <algorithm>

#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/softmax.hpp"
#include "token_loop.hpp"

/// The attention block of the token loop. Keys and values of the whole group go to memory first;
/// then each token reads as many rows of K and columns of V as it may see.
namespace tern::driver {

using spec::Scale;
using spec::TracePoint;

void TokenLoop::attention(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const Scale unit = spec::make_scale(1, -static_cast<int32_t>(m_.residual_frac));
  for (uint32_t t = 0; t < count_; ++t) {
    normalise(t, &residual_[std::size_t{t} * m_.hidden], unit, d.attn_norm, TracePoint::kAttnNorm,
              layer);
  }
  multiply(m_.hidden, layer,
           {{&d.attn_q, &q_, TracePoint::kAttnQ},
            {&d.attn_k, &k_, TracePoint::kAttnK},
            {&d.attn_v, &v_, TracePoint::kAttnV}});
  write_kv(layer);
  quantise_queries(layer);
  scores(layer);
  softmax(layer);
  mix(layer);
  for (uint32_t t = 0; t < count_; ++t) join_heads(t, layer);
  multiply(m_.heads * m_.head_dim, layer, {{&d.attn_output, &out_, TracePoint::kAttnOutput}});
  add_to_residual(d.attn_output, TracePoint::kAttnResidual, layer);
}

/// k_, v_ -> the caches of all KV heads.
void TokenLoop::write_kv(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const int dim = static_cast<int>(m_.head_dim);
  const std::size_t kv = std::size_t{m_.kv_heads} * m_.head_dim;
  for (uint32_t t = 0; t < count_; ++t) {
    const int16_t* table = image_.rope(position_ + t).data();
    const Scale k_unit =
        spec::scale_shift(spec::scale_mul(act_scale_[t], d.attn_k.scale), -spec::kRopeGuard);
    const Scale v_unit = spec::scale_mul(act_scale_[t], d.attn_v.scale);
    for (uint32_t h = 0; h < m_.kv_heads; ++h) {
      const std::size_t at = t * kv + std::size_t{h} * m_.head_dim;
      KvScales& scales = kv_scales(layer, h);
      spec::rope(&k_[at], table, dim, scratch_.data());
      scales.key[position_ + t] = spec::kv_quant(scratch_.data(), dim, k_unit, &key_[at]);
      scales.value[position_ + t] = spec::kv_quant(&v_[at], dim, v_unit, &value_[at]);
    }
    trace_codes(t, TracePoint::kKeyBytes, layer, key_);
    trace_codes(t, TracePoint::kValueBytes, layer, value_);
  }
  for (uint32_t h = 0; h < m_.kv_heads; ++h) {
    const std::size_t at = std::size_t{h} * m_.head_dim;
    memory_.write_keys(d.k_cache + h * m_.key_cache_bytes, position_, {&key_[at], kv, count_});
    memory_.write_values(d.v_cache + h * m_.value_cache_bytes, position_,
                         {&value_[at], kv, count_});
  }
}

/// q_ -> query_, query_scale_.
void TokenLoop::quantise_queries(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const int dim = static_cast<int>(m_.head_dim);
  for (uint32_t t = 0; t < count_; ++t) {
    const int16_t* table = image_.rope(position_ + t).data();
    const Scale unit =
        spec::scale_shift(spec::scale_mul(act_scale_[t], d.attn_q.scale), -spec::kRopeGuard);
    for (uint32_t h = 0; h < m_.heads; ++h) {
      const std::size_t at = head_at(t, h) * m_.head_dim;
      spec::rope(&q_[at], table, dim, scratch_.data());
      const uint32_t a = spec::max_abs(scratch_.data(), dim);
      const spec::Multiplier by = spec::quantise_multiplier(a, spec::kActMax);
      for (int i = 0; i < dim; ++i)
        query_[at + static_cast<std::size_t>(i)] =
            static_cast<int8_t>(spec::quantise(scratch_[static_cast<std::size_t>(i)], by));
      query_scale_[head_at(t, h)] = spec::scale_div(spec::scale_mul(spec::make_scale(a), unit),
                                                    spec::make_scale(spec::kActMax));
    }
  }
}

/// query_ times the K cache -> score_, sums. Query heads of one KV head share a read of its cache.
void TokenLoop::scores(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const uint32_t group = m_.heads / m_.kv_heads;
  for (uint32_t t = 0; t < count_; ++t) {
    const spec::MatrixShape keys =
        spec::key_cache_shape(length(t), m_.head_dim, m_.key_block, config_.columns);
    for (uint32_t h_kv = 0; h_kv < m_.kv_heads; ++h_kv) {
      const uint64_t address = d.k_cache + h_kv * m_.key_cache_bytes;
      for (uint32_t done = 0; done < group; done += config_.act_columns) {
        const uint32_t h = h_kv * group + done;
        const Operation what{TracePoint::kAttnScores, position_ + t, layer, static_cast<int>(h)};
        chip_.load({&query_[head_at(t, h) * m_.head_dim], m_.head_dim, m_.head_dim,
                    std::min(config_.act_columns, group - done)},
                   what);
        chip_.multiply(address, keys, {&score_[head_at(t, h) * m_.context], m_.context}, what);
      }
    }
  }
  chip_.finish();
  for (uint32_t t = 0; trace_ && t < count_; ++t) {
    for (uint32_t h = 0; h < m_.heads; ++h) {
      trace(t, TracePoint::kAttnScores, layer, {&score_[head_at(t, h) * m_.context], length(t)},
            {&query_[head_at(t, h) * m_.head_dim], m_.head_dim}, static_cast<int>(h));
    }
  }
}

/// score_, sums -> limbs_, mix_scale_.
void TokenLoop::softmax(int layer) {
  const uint32_t group = m_.heads / m_.kv_heads;
  for (uint32_t t = 0; t < count_; ++t) {
    const int n = static_cast<int>(length(t));
    for (uint32_t h = 0; h < m_.heads; ++h) {
      const KvScales& scales = kv_scales(layer, h / group);
      const std::size_t at = head_at(t, h);
      const Scale unit =
          spec::scale_shift(spec::scale_mul(query_scale_[at], m_.score_scale), -spec::kKvScaleFrac);
      int32_t* p = &score_[at * m_.context];
      spec::softmax_scores(p, scales.key.data(), n, unit, scratch_.data());
      const Scale p_scale = spec::softmax_probabilities(scratch_.data(), scales.value.data(), n, p);
      int8_t* high = &limbs_[2 * at * m_.context];
      int8_t* low = high + m_.context;
      for (int i = 0; i < n; ++i) {
        const spec::Limbs limbs = spec::split_limbs(p[i]);
        high[i] = limbs.high;
        low[i] = limbs.low;
      }
      mix_scale_[at] = spec::scale_shift(p_scale, -spec::kKvScaleFrac);
    }
  }
}

/// limbs_ times the V cache -> limb_sums_. Both limbs of all query heads of one KV head share a
/// read of its cache.
void TokenLoop::mix(int layer) {
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  const uint32_t group = m_.heads / m_.kv_heads;
  for (uint32_t t = 0; t < count_; ++t) {
    const spec::MatrixShape values =
        spec::value_cache_shape(length(t), m_.head_dim, config_.columns);
    for (uint32_t h_kv = 0; h_kv < m_.kv_heads; ++h_kv) {
      const uint64_t address = d.v_cache + h_kv * m_.value_cache_bytes;
      for (uint32_t done = 0; done < 2 * group; done += config_.act_columns) {
        const uint32_t h = h_kv * group + done / 2;
        const std::size_t column = 2 * head_at(t, h_kv * group) + done;
        const TracePoint point = done % 2 == 0 ? TracePoint::kAttnMixHigh : TracePoint::kAttnMixLow;
        const Operation what{point, position_ + t, layer, static_cast<int>(h)};
        chip_.load({&limbs_[column * m_.context], m_.context, length(t),
                    std::min(config_.act_columns, 2 * group - done)},
                   what);
        chip_.multiply(address, values, {&limb_sums_[column * m_.head_dim], m_.head_dim}, what);
      }
    }
  }
  chip_.finish();
  for (uint32_t t = 0; trace_ && t < count_; ++t) {
    for (uint32_t h = 0; h < m_.heads; ++h) {
      for (uint32_t limb = 0; limb < 2; ++limb) {
        const std::size_t column = 2 * head_at(t, h) + limb;
        trace(t, limb == 0 ? TracePoint::kAttnMixHigh : TracePoint::kAttnMixLow, layer,
              {&limb_sums_[column * m_.head_dim], m_.head_dim},
              {&limbs_[column * m_.context], length(t)}, static_cast<int>(h));
      }
    }
  }
}

/// limb_sums_ -> activations for the output projection, all heads in one unit.
void TokenLoop::join_heads(uint32_t token, int layer) {
  const std::size_t dim = m_.head_dim;
  uint64_t largest = 0;
  for (uint32_t h = 0; h < m_.heads; ++h) {
    const int32_t* high = &limb_sums_[2 * head_at(token, h) * dim];
    for (std::size_t i = 0; i < dim; ++i) {
      const int64_t v = spec::join_limbs(high[i], high[dim + i]);
      joined_[h * dim + i] = v;
      largest = std::max(largest, static_cast<uint64_t>(v < 0 ? -v : v));
    }
  }
  const Scale* scales = &mix_scale_[head_at(token, 0)];
  const int32_t exponent = spec::common_exponent(scales, static_cast<int>(m_.heads));
  const int shift = spec::head_shift(largest);
  int32_t* y = &q_[head_at(token, 0) * dim];
  for (std::size_t i = 0; i < joined_.size(); ++i)
    y[i] = spec::head_align(joined_[i], shift, scales[i / dim], exponent);
  const spec::LayerDescriptor& d = image_.layer(static_cast<uint32_t>(layer));
  normalise(token, y, spec::make_scale(1, exponent + shift), d.attn_sub_norm,
            TracePoint::kAttnSubNorm, layer);
}

}  // namespace tern::driver
