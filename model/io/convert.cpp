#include "io/convert.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "io/error.hpp"
#include "io/image.hpp"
#include "io/model_config.hpp"
#include "io/tensor_types.hpp"
#include "io/tokenizer.hpp"
#include "spec/numerics/head.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::Layout;
using spec::MatrixDescriptor;
using spec::Scale;
using spec::VectorDescriptor;

constexpr uint32_t kResidualFrac = 16;

Scale scale_from(double v) {
  if (v == 0) return {0, 0};
  int exponent = 0;
  const double mantissa = std::frexp(v, &exponent);  // in [0.5, 1)
  return spec::make_scale(static_cast<uint64_t>(std::llround(std::ldexp(mantissa, 53))),
                          exponent - 53);
}

/// Exponent e such that the largest |v| * 2^-e lies in [2^(bits-1), 2^bits), one lower when
/// rounding would reach 2^bits.
int exponent_for(double largest, int bits) {
  if (largest == 0) return 0;
  int exponent = std::ilogb(largest) + 1 - bits;
  if (std::llround(std::ldexp(largest, -exponent)) >> bits) ++exponent;
  return exponent;
}

double largest_magnitude(std::span<const float> v) {
  double a = 0;
  for (float x : v) a = std::max(a, std::abs(static_cast<double>(x)));
  return a;
}

/// Grows the image part by part; every part begins at a multiple of 64 bytes.
class Builder {
 public:
  Builder(const Gguf& gguf, const spec::ChipConfig& chip)
      : gguf_(gguf), chip_(chip), config_(read_model_config(gguf)) {}

  std::vector<std::byte> build(const std::function<void(double, std::string_view)>& progress);

 private:
  uint64_t append(std::span<const std::byte> data) {
    bytes_.resize(spec::align_up(bytes_.size(), spec::kAddrUnit));
    const uint64_t at = bytes_.size();
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    return at;
  }
  template <typename T>
  uint64_t append_all(const std::vector<T>& v) {
    return append(std::as_bytes(std::span(v)));
  }

  VectorDescriptor vector(std::string_view tensor);
  MatrixDescriptor ternary(std::string_view tensor);
  MatrixDescriptor head(const GgufTensor& tensor, spec::ModelDescriptor& model);
  MatrixDescriptor describe(uint32_t rows, uint32_t cols, Layout layout,
                            std::string_view tensor) const;
  spec::LayerDescriptor layer(int i);
  std::vector<int16_t> rope_table() const;
  void place_caches(spec::ModelDescriptor& model, std::vector<spec::LayerDescriptor>& layers) const;

  const Gguf& gguf_;
  const spec::ChipConfig& chip_;
  ModelConfig config_;
  std::vector<std::byte> bytes_;
};

VectorDescriptor Builder::vector(std::string_view name) {
  const std::vector<float> values = decode_floats(gguf_.tensor(name));
  const int exponent = exponent_for(largest_magnitude(values), 15);
  std::vector<int16_t> out;
  for (float v : values) out.push_back(static_cast<int16_t>(std::lround(std::ldexp(v, -exponent))));
  return {append_all(out), static_cast<uint32_t>(out.size()), exponent};
}

MatrixDescriptor Builder::describe(uint32_t rows, uint32_t cols, Layout layout,
                                   std::string_view tensor) const {
  MatrixDescriptor m{};
  m.rows = rows;
  m.cols = cols;
  m.layout = static_cast<uint32_t>(layout);
  m.planes = 1;
  m.stripes = layout == Layout::kPlane ? spec::ceil_div(rows, spec::kTritsPerByte) : rows;
  m.block = layout == Layout::kPlane ? chip_.row_block : chip_.row_block * spec::kTritsPerByte;
  const spec::MatrixShape shape = spec::shape_of(m, chip_.columns);
  if (cols > spec::kMaxDotLength || shape.tiles() > chip_.act_depth) {
    throw Error(
        "{}: tensor {} has {} columns; configuration {} holds activations for {}, choose a wider "
        "one",
        gguf_.file(), tensor, cols, chip_.name,
        std::min(spec::kMaxDotLength, chip_.act_depth * chip_.columns));
  }
  m.beats = static_cast<uint32_t>(shape.beats());
  return m;
}

MatrixDescriptor Builder::ternary(std::string_view name) {
  const TernaryMatrix t = decode_ternary(gguf_.tensor(name));
  MatrixDescriptor m =
      describe(static_cast<uint32_t>(t.rows), static_cast<uint32_t>(t.cols), Layout::kPlane, name);
  m.scale = scale_from(t.scale);
  const spec::MatrixShape shape = spec::shape_of(m, chip_.columns);
  std::vector<uint8_t> beats(shape.bytes(), spec::kT5Zero);
  for (uint32_t stripe = 0; stripe < m.stripes; ++stripe) {
    for (uint32_t c = 0; c < m.cols; ++c) {
      spec::Trits trits{};
      for (uint32_t i = 0; i < spec::kTritsPerByte; ++i) {
        const uint64_t row = uint64_t{stripe} * spec::kTritsPerByte + i;
        if (row < m.rows) trits.t[i] = t.trits[row * m.cols + c];
      }
      beats[shape.offset(stripe, c)] = spec::t5_pack(trits);
    }
  }
  m.offset = append_all(beats);
  return m;
}

MatrixDescriptor Builder::head(const GgufTensor& tensor, spec::ModelDescriptor& model) {
  const auto rows = static_cast<uint32_t>(tensor.rows());
  const auto cols = static_cast<uint32_t>(tensor.cols());
  const std::vector<float> values = decode_floats(tensor);
  MatrixDescriptor m = describe(rows, cols, Layout::kValue, tensor.name);
  const spec::MatrixShape shape = spec::shape_of(m, chip_.columns);
  std::vector<uint8_t> beats(shape.bytes(), spec::kT5Zero);
  std::vector<int32_t> row_scales(rows);
  const int exponent = exponent_for(largest_magnitude(values) / spec::kValueMax, 31);
  for (uint32_t r = 0; r < rows; ++r) {
    const std::span<const float> row = std::span(values).subspan(uint64_t{r} * cols, cols);
    const double unit = largest_magnitude(row) / spec::kValueMax;
    row_scales[r] = static_cast<int32_t>(std::llround(std::ldexp(unit, -exponent)));
    for (uint32_t c = 0; c < cols; ++c) {
      const auto value = static_cast<int32_t>(unit == 0 ? 0 : std::lround(row[c] / unit));
      beats[shape.offset(r, c)] = spec::t5_pack_value(value);
    }
  }
  m.offset = append_all(beats);
  m.scale = scale_from(std::ldexp(1.0, exponent));
  model.head_row_scales = append_all(row_scales);
  model.head_shift = static_cast<uint32_t>(spec::logit_shift(cols));
  model.head_scale = spec::scale_shift(m.scale, static_cast<int>(model.head_shift));
  return m;
}

std::vector<int16_t> Builder::rope_table() const {
  std::vector<int16_t> table;
  const int half = config_.head_dim / 2;
  const auto q15 = [](double v) {
    return static_cast<int16_t>(std::min(std::lround(v * 32768), 32767l));
  };
  for (int position = 0; position < config_.context; ++position) {
    for (int i = 0; i < half; ++i) {
      const double angle =
          position * std::pow(static_cast<double>(config_.rope_theta), -2.0 * i / config_.head_dim);
      table.push_back(q15(std::cos(angle)));
      table.push_back(q15(std::sin(angle)));
    }
  }
  return table;
}

spec::LayerDescriptor Builder::layer(int i) {
  const auto name = [&](std::string_view part) { return layer_tensor(i, part); };
  spec::LayerDescriptor l{};
  l.attn_norm = vector(name("attn_norm"));
  l.attn_sub_norm = vector(name("attn_sub_norm"));
  l.ffn_norm = vector(name("ffn_norm"));
  l.ffn_sub_norm = vector(name("ffn_sub_norm"));
  l.attn_q = ternary(name("attn_q"));
  l.attn_k = ternary(name("attn_k"));
  l.attn_v = ternary(name("attn_v"));
  l.attn_output = ternary(name("attn_output"));
  l.ffn_gate = ternary(name("ffn_gate"));
  l.ffn_up = ternary(name("ffn_up"));
  l.ffn_down = ternary(name("ffn_down"));
  return l;
}

void Builder::place_caches(spec::ModelDescriptor& model,
                           std::vector<spec::LayerDescriptor>& layers) const {
  model.key_cache_bytes =
      spec::key_cache_shape(model.context, model.head_dim, model.key_block, chip_.columns).bytes();
  model.value_cache_bytes =
      spec::value_cache_shape(model.context, model.head_dim, chip_.columns).bytes();
  uint64_t at = model.cache_offset;
  for (spec::LayerDescriptor& l : layers) {
    l.k_cache = at;
    l.v_cache = at + model.kv_heads * model.key_cache_bytes;
    at = l.v_cache + model.kv_heads * model.value_cache_bytes;
  }
  model.work_offset = at;
}

std::vector<std::byte> Builder::build(
    const std::function<void(double, std::string_view)>& progress) {
  const Tokenizer tokenizer(gguf_);
  if (tokenizer.size() != config_.vocab) {
    throw Error("{}: the tokenizer has {} tokens, the model {}; the file is inconsistent",
                gguf_.file(), tokenizer.size(), config_.vocab);
  }
  if (config_.bos < 0 || config_.eos < 0)
    throw Error("{}: the file names no bos or eos token, which the chip needs", gguf_.file());
  const uint32_t context_tiles =
      spec::ceil_div(static_cast<uint32_t>(config_.context), chip_.columns);
  const uint32_t value_entries =
      spec::ceil_div(static_cast<uint32_t>(config_.head_dim), spec::kTritsPerByte);
  if (context_tiles > chip_.act_depth || value_entries > chip_.acc_depth) {
    throw Error(
        "{}: context {} with heads of {} is more than configuration {} holds ({} positions, head "
        "width {})",
        gguf_.file(), config_.context, config_.head_dim, chip_.name,
        chip_.act_depth * chip_.columns, chip_.acc_depth * spec::kTritsPerByte);
  }
  bytes_.resize(sizeof(spec::ImageHeader));

  spec::ModelDescriptor model{};
  model.hidden = static_cast<uint32_t>(config_.hidden);
  model.layers = static_cast<uint32_t>(config_.layers);
  model.heads = static_cast<uint32_t>(config_.heads);
  model.kv_heads = static_cast<uint32_t>(config_.kv_heads);
  model.head_dim = static_cast<uint32_t>(config_.head_dim);
  model.ffn = static_cast<uint32_t>(config_.ffn);
  model.vocab = static_cast<uint32_t>(config_.vocab);
  model.context = static_cast<uint32_t>(config_.context);
  model.activation = static_cast<uint32_t>(spec::Activation::kRelu2);
  model.bos = static_cast<uint32_t>(config_.bos);
  model.eos = static_cast<uint32_t>(config_.eos);
  model.residual_frac = kResidualFrac;
  model.key_block = chip_.key_block;
  model.eps = scale_from(config_.rms_eps);
  model.score_scale =
      scale_from(1.4426950408889634074 / std::sqrt(static_cast<double>(config_.head_dim)));

  std::vector<spec::LayerDescriptor> layers;
  for (int i = 0; i < config_.layers; ++i) {
    if (progress) progress(static_cast<double>(i) / (config_.layers + 1), layer_tensor(i, "*"));
    layers.push_back(layer(i));
  }
  if (progress)
    progress(static_cast<double>(config_.layers) / (config_.layers + 1), "embedding and head");
  model.output_norm = vector("output_norm.weight");
  model.embedding = vector("token_embd.weight");
  model.head = head(gguf_.tensor(config_.tied ? "token_embd.weight" : "output.weight"), model);
  model.rope_table = append_all(rope_table());

  spec::ImageHeader header{};
  header.magic = spec::kImageMagic;
  header.version = spec::kImageVersion;
  header.columns = chip_.columns;
  const std::vector<uint8_t> vocabulary = pack_tokenizer(tokenizer.vocabulary());
  header.tokenizer = append_all(vocabulary);
  header.tokenizer_bytes = vocabulary.size();
  header.name = append(std::as_bytes(std::span(config_.name)));
  header.name_bytes = config_.name.size();
  header.model_bytes = sizeof model;
  header.model = append(std::as_bytes(std::span(&model, 1)));
  model.layer_table = append_all(layers);

  bytes_.resize(spec::align_up(bytes_.size(), spec::kAddrUnit));
  header.bytes = bytes_.size();
  model.cache_offset = bytes_.size();
  place_caches(model, layers);
  std::memcpy(bytes_.data() + header.model, &model, sizeof model);
  std::memcpy(bytes_.data() + model.layer_table, layers.data(), layers.size() * sizeof layers[0]);
  std::memcpy(bytes_.data(), &header, sizeof header);
  header.checksum = image_checksum(bytes_);
  std::memcpy(bytes_.data(), &header, sizeof header);
  if (progress) progress(1, "done");
  return std::move(bytes_);
}

}  // namespace

std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const std::function<void(double, std::string_view)>& progress) {
  return Builder(gguf, chip).build(progress);
}

}  // namespace tern::io
