#include "io/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "io/byte_sampler.hpp"
#include "io/error.hpp"
#include "io/image_parts.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::Layout;
using spec::MatrixDescriptor;
using spec::Random;
using spec::VectorDescriptor;

constexpr double kSigma = 30;  ///< Of the head's values and of the embedding's high bytes.
constexpr int kEmbeddingExponent = -17;  ///< One high byte is worth 2^8 of it: deviation 0.06.
constexpr int kHeadExponent = -40;       ///< With row scales of 2^30 to 2^31: deviation 0.04.

/// What has random numbers of its own; the numbers are part of what a seed means.
enum class Part : uint64_t {
  kAttnNorm,
  kAttnSubNorm,
  kFfnNorm,
  kFfnSubNorm,
  kAttnQ,
  kAttnK,
  kAttnV,
  kAttnOutput,
  kFfnGate,
  kFfnUp,
  kFfnDown,
  kOutputNorm,
  kEmbedding,
  kEmbeddingLow,
  kHead,
  kHeadRowScales,
  kAttnQNorm,
  kAttnKNorm,
};

/// Unique for every index: a space, then words of letters, shortest first, each also with a space
/// in front.
std::string piece_of(uint64_t index) {
  std::string letters;
  for (uint64_t n = (index + 1) / 2; n > 0; n = (n - 1) / 26)
    letters.insert(letters.begin(), static_cast<char>('a' + (n - 1) % 26));
  return (index % 2 ? "" : "\xE2\x96\x81") + letters;
}

Vocabulary make_vocabulary(const SynthPreset& preset) {
  Vocabulary v;
  int bytes = 0;
  uint64_t pieces = 0;
  for (int id = 0; id < preset.vocab; ++id) {
    if (id == preset.bos || id == preset.eos) {
      v.pieces.push_back(id == preset.bos ? "<s>" : "</s>");
      v.types.push_back(TokenType::kControl);
    } else if (bytes < 256) {
      v.pieces.push_back(fmt::format("<0x{:02X}>", bytes++));
      v.types.push_back(TokenType::kByte);
    } else {
      v.pieces.push_back(piece_of(pieces++));
      v.types.push_back(TokenType::kNormal);
    }
    v.scores.push_back(-static_cast<float>(pieces));
  }
  v.bos = preset.bos;
  v.eos = preset.eos;
  return v;
}

void check(const SynthPreset& preset, const SynthOptions& options) {
  if (!(options.zeros >= 0 && options.zeros <= 1))
    throw Error("preset {}: the probability of zeros is {}, 0 to 1 is expected", preset.name,
                options.zeros);
  if (options.layers < 0 || options.layers > preset.layers)
    throw Error("preset {}: {} layers are asked for, it has {}", preset.name, options.layers,
                preset.layers);
  if (options.context < 0 || options.context > 1 << 20)
    throw Error("preset {}: a context of {} is asked for, 1 to {} is expected", preset.name,
                options.context, 1 << 20);
  if (preset.vocab < 258)
    throw Error("preset {}: a vocabulary of {} has no room for 256 bytes, bos and eos", preset.name,
                preset.vocab);
}

class Synthesiser {
 public:
  Synthesiser(const SynthPreset& preset, const SynthOptions& options, ImageWriter& writer,
              const std::function<void(uint64_t, uint64_t)>& progress);
  void run();

 private:
  Random random(Part part, int layer = -1) const;
  VectorDescriptor gains(Part part, uint32_t count, int layer = -1);
  MatrixDescriptor ternary(Part part, int layer, uint32_t rows, uint32_t cols, double factor = 1);
  spec::LayerDescriptor layer(int i);
  VectorDescriptor embedding();
  void head();
  uint64_t estimate() const;
  void report() const {
    if (progress_) progress_(std::min(writer_.size(), all_), all_);
  }

  const SynthPreset& preset_;
  const SynthOptions options_;
  ImageWriter& writer_;
  const std::function<void(uint64_t, uint64_t)>& progress_;
  const std::string origin_;
  const ByteSampler trits_;
  const ByteSampler values_ = ByteSampler::normal_values(kSigma);
  const ModelConfig config_;
  spec::ModelDescriptor model_{};
  uint64_t all_ = 0;  ///< bytes of the image, roughly
};

Synthesiser::Synthesiser(const SynthPreset& preset, const SynthOptions& options,
                         ImageWriter& writer,
                         const std::function<void(uint64_t, uint64_t)>& progress)
    : preset_(preset),
      options_(options),
      writer_(writer),
      progress_(progress),
      origin_(fmt::format("preset {}", preset.name)),
      trits_(ByteSampler::trits(options.zeros)),
      config_(config_of(preset, options)) {
  model_ = describe_model(config_, writer.chip(), origin_);
  all_ = estimate();
}

/// Of weights, head, embedding and rope table, which are all of a big image but for some MB.
uint64_t Synthesiser::estimate() const {
  const uint64_t hidden = model_.hidden;
  const uint64_t q = uint64_t{model_.heads} * model_.head_dim;
  const uint64_t kv = uint64_t{model_.kv_heads} * model_.head_dim;
  const uint64_t weights = model_.layers * hidden * (2 * q + 2 * kv + 3 * uint64_t{model_.ffn});
  return weights / spec::kTritsPerByte + 3 * model_.vocab * hidden +
         uint64_t{model_.context} * model_.head_dim * 2;
}

Random Synthesiser::random(Part part, int layer) const {
  const uint64_t stream = static_cast<uint64_t>(part) | static_cast<uint64_t>(layer + 1) << 8;
  return {Random{Random{options_.seed}.next() ^ stream}.next()};
}

VectorDescriptor Synthesiser::gains(Part part, uint32_t count, int layer) {
  Random r = random(part, layer);
  std::vector<int16_t> g;
  for (uint32_t i = 0; i < count; ++i)
    g.push_back(static_cast<int16_t>(12288 + (r.next() >> 51)));  // 0.75 and 13 bits
  return {writer_.append_all(g), count, -14};
}

/// `factor` is the deviation of the outputs when the inputs have deviation 1.
MatrixDescriptor Synthesiser::ternary(Part part, int layer, uint32_t rows, uint32_t cols,
                                      double factor) {
  MatrixDescriptor m =
      describe_matrix(rows, cols, Layout::kPlane, writer_.chip(), origin_, "of a linear layer");
  m.scale = scale_from(factor / std::sqrt(std::max(1.0, cols * (1 - options_.zeros))));
  Random r = random(part, layer);
  const auto fill = [&](uint32_t stripe, std::span<uint8_t> codes) {
    trits_.fill(r, codes);
    const uint32_t valid = rows - stripe * spec::kTritsPerByte;
    if (valid >= spec::kTritsPerByte) return;
    for (uint8_t& code : codes) {  // rows beyond the last are zero
      spec::Trits t = spec::t5_decode(code);
      std::fill(t.t + valid, t.t + spec::kTritsPerByte, int8_t{0});
      code = spec::t5_pack(t);
    }
  };
  m.offset = writer_.append_matrix(spec::shape_of(m, writer_.chip().columns), fill);
  report();
  return m;
}

spec::LayerDescriptor Synthesiser::layer(int i) {
  const uint32_t q = model_.heads * model_.head_dim;
  const uint32_t kv = model_.kv_heads * model_.head_dim;
  const double into_residual = 1 / std::sqrt(2.0 * preset_.layers);
  spec::LayerDescriptor l{};
  l.attn_norm = gains(Part::kAttnNorm, model_.hidden, i);
  if (preset_.sub_norms) l.attn_sub_norm = gains(Part::kAttnSubNorm, q, i);
  l.ffn_norm = gains(Part::kFfnNorm, model_.hidden, i);
  if (preset_.sub_norms) l.ffn_sub_norm = gains(Part::kFfnSubNorm, model_.ffn, i);
  if (preset_.qk_norms) l.attn_q_norm = gains(Part::kAttnQNorm, model_.head_dim, i);
  if (preset_.qk_norms) l.attn_k_norm = gains(Part::kAttnKNorm, model_.head_dim, i);
  l.attn_q = ternary(Part::kAttnQ, i, q, model_.hidden);
  l.attn_k = ternary(Part::kAttnK, i, kv, model_.hidden);
  l.attn_v = ternary(Part::kAttnV, i, kv, model_.hidden);
  l.attn_output = ternary(Part::kAttnOutput, i, model_.hidden, q, into_residual);
  l.ffn_gate = ternary(Part::kFfnGate, i, model_.ffn, model_.hidden);
  l.ffn_up = ternary(Part::kFfnUp, i, model_.ffn, model_.hidden);
  l.ffn_down = ternary(Part::kFfnDown, i, model_.hidden, model_.ffn, into_residual);
  return l;
}

VectorDescriptor Synthesiser::embedding() {
  const VectorDescriptor v{writer_.begin(), model_.vocab * model_.hidden, kEmbeddingExponent};
  Random coarse = random(Part::kEmbedding);
  Random fine = random(Part::kEmbeddingLow);
  std::vector<uint8_t> codes(model_.hidden);
  std::vector<int16_t> row(model_.hidden);
  for (uint32_t r = 0; r < model_.vocab; ++r) {
    values_.fill(coarse, codes);
    uint64_t bits = 0;
    for (uint32_t c = 0; c < model_.hidden; ++c, bits >>= 8) {
      if (c % 8 == 0) bits = fine.next();
      row[c] = static_cast<int16_t>(spec::t5_decode_value(codes[c]) * 256 +
                                    static_cast<int8_t>(bits & 0xff));
    }
    writer_.write_all(row);
    if (r % 1024 == 0) report();
  }
  return v;
}

void Synthesiser::head() {
  MatrixDescriptor m = describe_matrix(model_.vocab, model_.hidden, Layout::kValue, writer_.chip(),
                                       origin_, "of the head");
  m.scale = spec::make_scale(1, kHeadExponent);
  Random values = random(Part::kHead);
  const auto fill = [&](uint32_t row, std::span<uint8_t> codes) {
    values_.fill(values, codes);
    if (row % 1024 == 0) report();
  };
  m.offset = writer_.append_matrix(spec::shape_of(m, writer_.chip().columns), fill);
  set_head(model_, m);
  std::vector<int32_t> row_scales(m.rows);
  Random scales = random(Part::kHeadRowScales);
  for (int32_t& s : row_scales) s = static_cast<int32_t>(1u << 30 | scales.next() >> 34);
  model_.head_row_scales = writer_.append_all(row_scales);
}

void Synthesiser::run() {
  std::vector<spec::LayerDescriptor> layers;
  for (int i = 0; i < config_.layers; ++i) layers.push_back(layer(i));
  model_.output_norm = gains(Part::kOutputNorm, model_.hidden);
  model_.embedding = embedding();
  head();
  model_.rope_table = append_rope_table(writer_, config_);
  const std::string name = fmt::format("{}, random weights, {} of {} layers, seed {}", preset_.name,
                                       config_.layers, preset_.layers, options_.seed);
  writer_.finish(model_, std::move(layers), make_vocabulary(preset_), name);
  if (progress_) progress_(all_, all_);
}

}  // namespace

const SynthPreset& find_preset(std::string_view name) {
  std::string known;
  for (const SynthPreset& preset : kSynthPresets) {
    if (name == preset.name) return preset;
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  throw Error("preset {} is unknown; known: {}", quote(name), known);
}

ModelConfig config_of(const SynthPreset& preset, const SynthOptions& options) {
  check(preset, options);
  ModelConfig config;
  config.hidden = preset.hidden;
  config.layers = options.layers ? options.layers : preset.layers;
  config.heads = preset.heads;
  config.kv_heads = preset.kv_heads;
  config.head_dim = preset.head_dim;
  config.ffn = preset.ffn;
  config.vocab = preset.vocab;
  config.context = options.context ? options.context : preset.context;
  config.rope_theta = preset.rope_theta;
  config.rms_eps = preset.rms_eps;
  config.activation = preset.activation;
  config.sub_norms = preset.sub_norms;
  config.qk_norms = preset.qk_norms;
  config.bos = preset.bos;
  config.eos = preset.eos;
  return config;
}

void synthesise(const SynthPreset& preset, const SynthOptions& options, ImageWriter& writer,
                const std::function<void(uint64_t done, uint64_t all)>& progress) {
  check(preset, options);
  Synthesiser(preset, options, writer, progress).run();
}

}  // namespace tern::io
