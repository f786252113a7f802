// SPDX-License-Identifier: Apache-2.0
#include "reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "io/error.hpp"
#include "spec/generated/layer.hpp"

namespace tern::reference {

using spec::Norm;
using spec::Part;

namespace {

/// Sum of a[i] * b[i], in sixteen interleaved partial sums so that the compiler can vectorise it
/// without reordering additions itself.
template <typename A>
float dot(const A* a, const float* b, int size) {
  constexpr int kLanes = 16;
  float sums[kLanes] = {};
  int i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane)
      sums[lane] += static_cast<float>(a[i + lane]) * b[i + lane];
  }
  for (; i < size; ++i) sums[i % kLanes] += static_cast<float>(a[i]) * b[i];
  return std::accumulate(std::begin(sums), std::end(sums), 0.0f);
}

std::vector<float> multiply_floats(const Linear& linear, std::span<const float> x) {
  std::vector<float> y(linear.rows);
  for (int row = 0; row < linear.rows; ++row) {
    const float* weights = linear.weights.data() + static_cast<std::size_t>(row) * linear.cols;
    y[row] = dot(weights, x.data(), linear.cols) * linear.factor;
  }
  return y;
}

std::vector<float> multiply(const Linear& linear, std::span<const float> x) {
  if (!linear.weights.empty() && !linear.int8_inputs) return multiply_floats(linear, x);
  float absmax = 0;
  for (const float value : x) absmax = std::max(absmax, std::abs(value));
  const float s = 127.0f / std::max(absmax, 1e-5f);
  std::vector<float> q(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    q[i] = std::clamp(std::nearbyint(x[i] * s), -128.0f, 127.0f);  // ties to even
  }
  if (!linear.weights.empty()) {
    std::vector<float> y = multiply_floats(linear, q);
    for (float& value : y) value /= s;
    return y;
  }
  std::vector<float> y(linear.rows);
  for (int row = 0; row < linear.rows; ++row) {
    const std::int8_t* trits = linear.trits.data() + static_cast<std::size_t>(row) * linear.cols;
    y[row] = dot(trits, q.data(), linear.cols) / s * linear.scale * linear.factor;
  }
  return y;
}

std::vector<float> rms_norm(std::span<const float> x, std::span<const float> weight, float eps) {
  float squares = 0;
  for (const float value : x) squares += value * value;
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(x.size()) + eps);
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * inverse * weight[i];
  return y;
}

/// rms_norm of every head by itself; nothing without weights.
void norm_heads(std::vector<float>& heads, std::span<const float> weight, float eps) {
  if (weight.empty()) return;
  for (std::size_t head = 0; head < heads.size(); head += weight.size()) {
    const std::span<float> one(heads.data() + head, weight.size());
    const std::vector<float> normed = rms_norm(one, weight, eps);
    std::copy(normed.begin(), normed.end(), one.begin());
  }
}

/// Rotates the pairs of every head by so much a position.
void rope(std::span<float> heads, std::span<const double> rates, int position,
          io::RopePairs pairs) {
  const int half = static_cast<int>(rates.size()), head_dim = 2 * half;
  const bool halves = pairs == io::RopePairs::kHalves;
  for (int i = 0; i < half; ++i) {
    const double angle = position * rates[i];
    const float cosine = static_cast<float>(std::cos(angle));
    const float sine = static_cast<float>(std::sin(angle));
    for (std::size_t head = 0; head < heads.size(); head += head_dim) {
      float& a = heads[head + (halves ? i : 2 * i)];
      float& b = heads[head + (halves ? i + half : 2 * i + 1)];
      const float rotated = a * cosine - b * sine;
      b = a * sine + b * cosine;
      a = rotated;
    }
  }
}

void softmax(std::span<float> scores) {
  const float maximum = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& score : scores) sum += score = std::exp(score - maximum);
  for (float& score : scores) score /= sum;
}

float activate(float gate, io::Activation activation) {
  if (activation == io::Activation::kSilu) return gate / (1.0f + std::exp(-gate));
  const float positive = std::max(gate, 0.0f);
  return positive * positive;
}

void add(std::span<float> x, std::span<const float> delta) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += delta[i];
}

Linear load_linear(const io::ModelFiles& files, int layer, std::string_view part) {
  const std::string name = io::layer_tensor(layer, part);
  const io::MatrixSize size = files.size(name);
  Linear linear{static_cast<int>(size.rows), static_cast<int>(size.cols)};
  const std::string factor = io::layer_scale(layer, part);
  if (files.has(factor)) linear.factor = files.floats(factor)[0];
  if (files.has_one_scale(name)) {
    io::TernaryMatrix matrix = files.ternary(name);
    linear.scale = matrix.scale;
    linear.trits = std::move(matrix.trits);
  } else {
    linear.weights = files.floats(name);
  }
  return linear;
}

Layer load_layer(const io::ModelFiles& files, int index) {
  Layer layer;
  for (const spec::NormInfo& norm : spec::kNorms) {
    if (spec::has_norm(files.config(), norm.norm))
      layer.norm[norm.norm] = files.floats(io::layer_tensor(index, norm.gguf));
  }
  for (const spec::PartInfo& part : spec::kParts)
    layer.matrix[part.part] = load_linear(files, index, part.gguf);
  return layer;
}

}  // namespace

Model::Model(const io::ModelFiles& files, const Options& options)
    : config_(files.config()), rope_rates_(config_.rope_rates()) {
  embedding_ = files.floats("token_embd.weight");
  if (!config_.tied) head_ = files.floats("output.weight");
  output_norm_ = files.floats("output_norm.weight");
  for (int i = 0; i < config_.layers; ++i) layers_.push_back(load_layer(files, i));
  for (Layer& layer : layers_) {
    for (Linear& linear : layer.matrix) linear.int8_inputs = options.int8_inputs;
  }
  logits_.resize(config_.vocab);
}

std::vector<float> Model::attention(Layer& layer, int index, std::span<const float> x) {
  const io::ModelConfig& c = config_;
  const std::vector<float> h = rms_norm(x, layer.norm[Norm::kAttnNorm], c.rms_eps);
  traced("attn_norm", index, h);
  std::vector<float> q = multiply(layer.matrix[Part::kAttnQ], h);
  std::vector<float> k = multiply(layer.matrix[Part::kAttnK], h);
  const std::vector<float> v = multiply(layer.matrix[Part::kAttnV], h);
  norm_heads(q, layer.norm[Norm::kAttnQNorm], c.rms_eps);
  norm_heads(k, layer.norm[Norm::kAttnKNorm], c.rms_eps);
  rope(q, rope_rates_, position_, c.rope_pairs);
  rope(k, rope_rates_, position_, c.rope_pairs);
  traced("q", index, q);
  traced("k", index, k);
  traced("v", index, v);
  // What an earlier, longer sequence left behind this position is cut off.
  const std::size_t stored = static_cast<std::size_t>(position_) * c.keys();
  layer.key_cache.resize(stored);
  layer.value_cache.resize(stored);
  layer.key_cache.insert(layer.key_cache.end(), k.begin(), k.end());
  layer.value_cache.insert(layer.value_cache.end(), v.begin(), v.end());

  std::vector<float> a(c.queries(), 0.0f);
  std::vector<float> p(position_ + 1);
  const auto factor = static_cast<float>(c.score_factor());
  for (int head = 0; head < c.heads; ++head) {
    const int kv_offset = head / (c.heads / c.kv_heads) * c.head_dim;
    const float* query = q.data() + head * c.head_dim;
    float* result = a.data() + head * c.head_dim;
    for (int t = 0; t <= position_; ++t) {
      const float* key =
          layer.key_cache.data() + static_cast<std::size_t>(t) * c.keys() + kv_offset;
      p[t] = dot(key, query, c.head_dim) / std::sqrt(static_cast<float>(c.head_dim)) * factor;
    }
    softmax(p);
    for (int t = 0; t <= position_; ++t) {
      const float* value =
          layer.value_cache.data() + static_cast<std::size_t>(t) * c.keys() + kv_offset;
      for (int i = 0; i < c.head_dim; ++i) result[i] += p[t] * value[i];
    }
  }
  traced("attn", index, a);
  if (!c.sub_norms) return multiply(layer.matrix[Part::kAttnOutput], a);
  const std::vector<float> normed = rms_norm(a, layer.norm[Norm::kAttnSubNorm], c.rms_eps);
  traced("attn_sub_norm", index, normed);
  return multiply(layer.matrix[Part::kAttnOutput], normed);
}

std::vector<float> Model::feed_forward(const Layer& layer, int index,
                                       std::span<const float> x) const {
  const std::vector<float> h = rms_norm(x, layer.norm[Norm::kFfnNorm], config_.rms_eps);
  traced("ffn_norm", index, h);
  const std::vector<float> gate = multiply(layer.matrix[Part::kFfnGate], h);
  const std::vector<float> up = multiply(layer.matrix[Part::kFfnUp], h);
  traced("gate", index, gate);
  traced("up", index, up);
  std::vector<float> product(gate.size());
  for (std::size_t i = 0; i < gate.size(); ++i) {
    product[i] = activate(gate[i], config_.activation) * up[i];
  }
  traced("glu", index, product);
  if (!config_.sub_norms) return multiply(layer.matrix[Part::kFfnDown], product);
  const std::vector<float> normed =
      rms_norm(product, layer.norm[Norm::kFfnSubNorm], config_.rms_eps);
  traced("ffn_sub_norm", index, normed);
  return multiply(layer.matrix[Part::kFfnDown], normed);
}

std::span<const float> Model::forward(int token) {
  if (token < 0 || token >= config_.vocab) {
    throw Error("token id {} is outside the vocabulary of {}", token, config_.vocab);
  }
  if (position_ >= config_.context) {
    throw Error("the context of {} positions is full; shorten the prompt or generate fewer tokens",
                config_.context);
  }
  const auto row = embedding_.begin() + static_cast<std::ptrdiff_t>(token) * config_.hidden;
  std::vector<float> x(row, row + config_.hidden);
  traced("embedding", -1, x);
  for (int i = 0; i < config_.layers; ++i) {
    const std::vector<float> attended = attention(layers_[i], i, x);
    traced("attn_out", i, attended);
    add(x, attended);
    traced("residual_attn", i, x);
    const std::vector<float> fed = feed_forward(layers_[i], i, x);
    traced("ffn_out", i, fed);
    add(x, fed);
    traced("residual_ffn", i, x);
  }
  const std::vector<float> h = rms_norm(x, output_norm_, config_.rms_eps);
  traced("output_norm", -1, h);
  const std::vector<float>& head = config_.tied ? embedding_ : head_;
  for (int id = 0; id < config_.vocab; ++id) {
    logits_[id] =
        dot(head.data() + static_cast<std::size_t>(id) * config_.hidden, h.data(), config_.hidden);
  }
  traced("logits", -1, logits_);
  ++position_;
  return logits_;
}

}  // namespace tern::reference
