// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "io/model_files.hpp"
#include "spec/generated/parts.hpp"

/// Ternary and float models in float32, one token at a time, straight from their definitions:
/// BitNet b1.58 (Microsoft, arXiv 2504.12285, and the released model code), and the Llama and Qwen
/// 3 architectures that other ternary models keep. It is the yardstick for the integer model, and
/// shares only the file reading with it.
namespace tern::reference {

/// y[rows] = W x * factor. Where the weights are trits with one scale, as BitNet was trained, the
/// input is quantised per token to int8 by its absolute maximum,
///     s = 127 / max(max|x|, 1e-5),  q = clamp(round half even (x s), -128, 127),  y = (t . q) / s
///     * scale;
/// t . q is exact in float, since |t . q| <= 128 * cols < 2^24. Weights in float or with several
/// scales (TriLM, Bonsai) were trained with inputs in float, and multiply them as they are.
struct Linear {
  int rows = 0;
  int cols = 0;
  bool int8_inputs = false;  ///< Quantised as above, although the weights are floats.
  float scale = 0;
  float factor = 1;
  std::vector<std::int8_t> trits;  ///< [rows][cols], or empty
  std::vector<float> weights;      ///< [rows][cols], or empty
};

struct Layer {
  spec::ByNorm<std::vector<float>> norm;  ///< empty: none
  spec::ByPart<Linear> matrix;
  std::vector<float> key_cache, value_cache;  ///< [position][kv_heads * head_dim], keys after rope
};

/// Called with each intermediate vector in the order of computation. Points, per layer:
/// "attn_norm", "q", "k" (both after rope), "v", "attn" (before the sub-norm), "attn_sub_norm",
/// "attn_out", "residual_attn", "ffn_norm", "gate", "up", "glu", "ffn_sub_norm", "ffn_out",
/// "residual_ffn"; and with layer -1: "embedding", "output_norm", "logits".
using Trace = std::function<void(std::string_view point, int layer, std::span<const float> values)>;

struct Options {
  /// Quantise the inputs of every linear layer but the head to int8 per token, whatever the
  /// weights: what is left between this and the integer model is rounding.
  bool int8_inputs = false;
};

class Model {
 public:
  /// Dequantises the whole model into memory. Throws Error, naming the file, if it is not one of
  /// the supported architectures (io::ModelConfig) or holds values that cannot be decoded.
  explicit Model(const io::ModelFiles& files, const Options& options = {});
  explicit Model(const io::Gguf& gguf) : Model(*io::model_files(gguf)) {}

  /// Runs `token` at the next position and returns the logits [vocab] for the one after it, valid
  /// until the next call. Throws Error if the token is outside the vocabulary or the context is
  /// full.
  std::span<const float> forward(int token);
  /// Forgets every position.
  void reset() { position_ = 0; }
  /// Tokens consumed since the last reset.
  int position() const { return position_; }
  const io::ModelConfig& config() const { return config_; }
  /// An empty function switches tracing off.
  void set_trace(Trace trace) { trace_ = std::move(trace); }

 private:
  std::vector<float> attention(Layer& layer, int index, std::span<const float> x);
  std::vector<float> feed_forward(const Layer& layer, int index, std::span<const float> x) const;
  void traced(std::string_view point, int layer, std::span<const float> values) const {
    if (trace_) trace_(point, layer, values);
  }

  io::ModelConfig config_;
  std::vector<double> rope_rates_;
  std::vector<float> embedding_;  ///< [vocab][hidden]
  std::vector<float> head_;       ///< [vocab][hidden], empty if tied
  std::vector<float> output_norm_;
  std::vector<Layer> layers_;
  std::vector<float> logits_;
  int position_ = 0;
  Trace trace_;
};

}  // namespace tern::reference
