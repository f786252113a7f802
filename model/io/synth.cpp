// SPDX-License-Identifier: Apache-2.0
#include "io/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "io/byte_sampler.hpp"
#include "io/error.hpp"
#include "io/fit.hpp"
#include "io/image_parts.hpp"
#include "io/skeleton.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/group_scale.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::MatrixDescriptor;
using spec::Random;
using spec::VectorDescriptor;

constexpr double kSigma = 30;  ///< Of the head's values and of the embedding's high bytes.
constexpr int kEmbeddingExponent = -17;      ///< One high byte is worth 2^8 of it: deviation 0.06.
constexpr int kTritEmbeddingExponent = -18;  ///< With scales of 2^14 to 2^15: deviation 0.08.
constexpr int kHeadExponent = -40;           ///< With row scales of 2^30 to 2^31: deviation 0.04.

/// What has random numbers of its own; the numbers are part of what a seed means.
enum class Stream : uint64_t {
  kVectorNorms = 0,  ///< Of Norm, up to FfnSubNorm.
  kParts = 4,        ///< Of Part.
  kOutputNorm = 11,
  kEmbedding,
  kEmbeddingLow,
  kHead,
  kHeadRowScales,
  kHeadNorms = 16,    ///< Of Norm, from AttnQNorm on.
  kGroupScales = 18,  ///< With another stream in the high bits.
  kMoreParts = 32,    ///< Of Part, behind those that have a number above.
  kMoreNorms = 64,    ///< The same of Norm.
};

Stream operator+(Stream first, uint64_t i) { return Stream{static_cast<uint64_t>(first) + i}; }

Stream stream_of(spec::Norm norm) {
  const uint64_t i = spec::index_of(norm), of_heads = spec::index_of(spec::Norm::kAttnQNorm);
  constexpr uint64_t kHeadNormCount = 2;
  if (i < of_heads) return Stream::kVectorNorms + i;
  return i < of_heads + kHeadNormCount ? Stream::kHeadNorms + (i - of_heads)
                                       : Stream::kMoreNorms + i;
}
Stream stream_of(spec::Part part) {
  const uint64_t i = spec::index_of(part), above = spec::index_of(spec::Part::kFfnDown);
  return i <= above ? Stream::kParts + i : Stream::kMoreParts + i;
}

/// A scale that is drawn for a group of a row, whatever the order in which they are asked for.
uint32_t draw_scale(uint64_t key, uint64_t index, uint32_t most) {
  Random r{key + index * 0x9E3779B97F4A7C15u};
  const uint32_t half = most / 2;
  return half + static_cast<uint32_t>(r.next() >> 33) % (most - half + 1);
}

void fill_bits(Random& r, std::span<uint8_t> bits) {
  uint64_t word = 0;
  for (std::size_t i = 0; i < bits.size(); ++i, word >>= 8) {
    if (i % 8 == 0) word = r.next();
    bits[i] = static_cast<uint8_t>(word);
  }
}

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
  Random random(Stream stream, int layer = -1) const;
  VectorDescriptor gains(Stream stream, uint32_t count, int layer = -1);
  MatrixDescriptor matrix(Stream stream, int layer, uint32_t rows, uint32_t cols,
                          const MatrixFormat& format, double factor = 1);
  spec::LayerDescriptor layer(int i);
  VectorDescriptor embedding();
  VectorDescriptor trit_embedding();
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
      config_(config_for(preset, options, writer.chip())) {
  model_ = describe_model(config_, writer.chip(), origin_);
  all_ = estimate();
}

/// Of weights, head, embedding and rope table, which are all of a big image but for some MB.
uint64_t Synthesiser::estimate() const {
  uint64_t weights = 0;
  for (const spec::Part part : spec::kEveryPart)
    weights += uint64_t{spec::rows_of(part, model_)} * spec::columns_of(part, model_);
  weights *= model_.layers;
  const uint64_t tables = uint64_t{model_.vocab} * model_.hidden;
  const auto bytes = [](uint64_t n, const MatrixFormat& f) {
    const bool sign = f.layout == spec::Layout::kSign;
    const uint64_t codes = sign ? n / 8 : n * f.planes / spec::kTritsPerByte;
    return f.group == spec::Group::kNone
               ? codes
               : codes + n / spec::kTritsPerByte * spec::kScaleBytes / spec::group_columns(f.group);
  };
  return bytes(weights, preset_.weights) +
         (preset_.tables ? bytes(tables, *preset_.tables) + tables / spec::kTritsPerByte
                         : 3 * tables) +
         uint64_t{model_.context} * model_.head_dim * 2;
}

Random Synthesiser::random(Stream stream, int layer) const {
  const uint64_t number = static_cast<uint64_t>(stream) | static_cast<uint64_t>(layer + 1) << 8;
  return {Random{Random{options_.seed}.next() ^ number}.next()};
}

VectorDescriptor Synthesiser::gains(Stream stream, uint32_t count, int layer) {
  Random r = random(stream, layer);
  std::vector<int16_t> g;
  for (uint32_t i = 0; i < count; ++i)
    g.push_back(static_cast<int16_t>(12288 + (r.next() >> 51)));  // 0.75 and 13 bits
  return {writer_.append_all(g), count, -14};
}

/// `factor` is the deviation of the outputs when the inputs have deviation 1.
MatrixDescriptor Synthesiser::matrix(Stream stream, int layer, uint32_t rows, uint32_t cols,
                                     const MatrixFormat& format, double factor) {
  const bool sign = format.layout == spec::Layout::kSign;
  MatrixDescriptor m = describe_matrix(rows, cols, format, writer_.chip(), origin_, "of a matrix");
  const spec::MatrixShape shape = spec::shape_of(m, writer_.chip().columns);
  double squares = 0;  // of a weight, with its scale
  uint64_t largest = 0;
  for (uint32_t plane = 0; plane < m.planes; ++plane) {
    squares += (sign ? 1 : 1 - options_.zeros) * spec::kPow3[plane] * spec::kPow3[plane];
    largest += static_cast<uint64_t>(spec::kPow3[plane]);
  }
  // No row can leave GroupedSumMax, whatever its weights.
  const auto most = static_cast<uint32_t>(std::min<uint64_t>(
      spec::kScaleMax, spec::kGroupedSumMax / (spec::kActivationBound * largest * cols)));
  const bool grouped = format.group != spec::Group::kNone;
  if (grouped) squares *= 7.0 / 12 * most * most;
  m.scale = scale_from(factor / std::sqrt(std::max(grouped ? 0.0 : 1.0, cols * squares)));
  Random r = random(stream, layer);
  const uint64_t key = Random{r.state + static_cast<uint64_t>(Stream::kGroupScales)}.next();
  const auto fill = [&](uint32_t stripe, std::span<uint8_t> codes) {
    if (sign) return fill_bits(r, codes);
    trits_.fill(r, codes);
    const uint32_t valid = rows - stripe * spec::kTritsPerByte;
    if (valid >= spec::kTritsPerByte) return;
    for (uint8_t& code : codes) {  // rows beyond the last are zero
      spec::Trits t = spec::t5_decode(code);
      std::fill(t.t + valid, t.t + spec::kTritsPerByte, int8_t{0});
      code = spec::t5_pack(t);
    }
  };
  const auto scale = [&](uint32_t stripe, uint32_t group) {
    uint32_t scales[spec::kTritsPerByte];
    for (uint32_t i = 0; i < spec::kTritsPerByte; ++i) {
      const uint64_t row = uint64_t{stripe} * spec::kTritsPerByte + i;
      scales[i] = draw_scale(key, row * shape.groups() + group, most);
    }
    return spec::scale_word(scales);
  };
  m.offset = writer_.append_matrix(shape, fill, scale);
  report();
  return m;
}

spec::LayerDescriptor Synthesiser::layer(int i) {
  const double into_residual = 1 / std::sqrt(2.0 * preset_.layers);
  spec::LayerDescriptor l{};
  for (const spec::Norm norm : spec::kEveryNorm) {
    if (spec::has_norm(preset_, norm))
      l.norm[norm] = gains(stream_of(norm), spec::count_of(norm, model_), i);
  }
  for (const spec::Part part : spec::kEveryPart) {
    const bool last = part == spec::Part::kAttnOutput || part == spec::Part::kFfnDown;
    l.matrix[part] =
        matrix(stream_of(part), i, spec::rows_of(part, model_), spec::columns_of(part, model_),
               preset_.weights, last ? into_residual : 1);
  }
  return l;
}

/// Trits, or signs where the tables are, with a scale for each group.
VectorDescriptor Synthesiser::trit_embedding() {
  const spec::Group group = preset_.tables->group;
  model_.embedding_group = static_cast<uint32_t>(group);
  const VectorDescriptor v{writer_.begin(), model_.vocab * model_.hidden, kTritEmbeddingExponent};
  const bool sign = preset_.tables->layout == spec::Layout::kSign;
  const ByteSampler trits = ByteSampler::trits(sign ? 0 : options_.zeros);
  Random codes = random(Stream::kEmbedding);
  Random scales = random(Stream::kEmbeddingLow);
  std::vector<uint8_t> line(spec::embedding_row_bytes(model_.hidden));
  const auto used = std::span(line).first(spec::ceil_div(model_.hidden, spec::kTritsPerByte));
  for (uint32_t r = 0; r < model_.vocab; ++r) {
    trits.fill(codes, used);
    writer_.write_all(line);
    if (r % 1024 == 0) report();
  }
  std::vector<int16_t> row(spec::embedding_scale_bytes(model_.hidden, group) / sizeof(int16_t));
  const uint32_t groups = spec::ceil_div(model_.hidden, spec::group_columns(group));
  for (uint32_t r = 0; r < model_.vocab; ++r) {
    for (uint32_t g = 0; g < groups; ++g)
      row[g] = static_cast<int16_t>(16384 + (scales.next() >> 50));  // and 14 bits
    writer_.write_all(row);
  }
  return v;
}

VectorDescriptor Synthesiser::embedding() {
  const VectorDescriptor v{writer_.begin(), model_.vocab * model_.hidden, kEmbeddingExponent};
  Random coarse = random(Stream::kEmbedding);
  Random fine = random(Stream::kEmbeddingLow);
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
  if (preset_.tables) {
    set_head(model_, matrix(Stream::kHead, -1, model_.vocab, model_.hidden, *preset_.tables, 2));
    model_.head_row_scales = writer_.append_all(std::vector<int32_t>(model_.vocab, 1));
    return;
  }
  MatrixDescriptor m =
      describe_matrix(model_.vocab, model_.hidden, kValues, writer_.chip(), origin_, "of the head");
  m.scale = spec::make_scale(1, kHeadExponent);
  Random values = random(Stream::kHead);
  const auto fill = [&](uint32_t row, std::span<uint8_t> codes) {
    values_.fill(values, codes);
    if (row % 1024 == 0) report();
  };
  m.offset = writer_.append_matrix(spec::shape_of(m, writer_.chip().columns), fill);
  set_head(model_, m);
  std::vector<int32_t> row_scales(m.rows);
  Random scales = random(Stream::kHeadRowScales);
  for (int32_t& s : row_scales) s = static_cast<int32_t>(1u << 30 | scales.next() >> 34);
  model_.head_row_scales = writer_.append_all(row_scales);
}

void Synthesiser::run() {
  std::vector<spec::LayerDescriptor> layers;
  for (int i = 0; i < config_.layers; ++i) layers.push_back(layer(i));
  model_.output_norm = gains(Stream::kOutputNorm, model_.hidden);
  model_.embedding = preset_.tables ? trit_embedding() : embedding();
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

ModelConfig config_for(const SynthPreset& preset, const SynthOptions& options,
                       const spec::ChipConfig& chip, std::string_view context_flag) {
  ModelConfig config = config_of(preset, options);
  config.context = static_cast<int>(
      choose_context(config, formats_of(preset.weights, preset.tables), chip,
                     fmt::format("preset {}", preset.name),
                     {static_cast<uint32_t>(options.context), options.for_chip, context_flag}));
  return config;
}

Skeleton skeleton_for(const SynthPreset& preset, const SynthOptions& options,
                      const spec::ChipConfig& chip, std::string_view context_flag) {
  const ModelConfig config = config_for(preset, options, chip, context_flag);
  const std::string name =
      config.layers == preset.layers
          ? std::string(preset.name)
          : fmt::format("{}, {} of {} layers", preset.name, config.layers, preset.layers);
  return make_skeleton(config, chip, name, preset.weights, preset.tables);
}

void synthesise(const SynthPreset& preset, const SynthOptions& options, ImageWriter& writer,
                const std::function<void(uint64_t done, uint64_t all)>& progress) {
  check(preset, options);
  Synthesiser(preset, options, writer, progress).run();
}

}  // namespace tern::io
