#include "io/convert.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "io/error.hpp"
#include "io/image_parts.hpp"
#include "io/image_writer.hpp"
#include "io/tokenizer.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::Layout;
using spec::MatrixDescriptor;
using spec::VectorDescriptor;

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

/// Turns one GGUF model into the parts of an image, a few rows of a tensor at a time where the
/// tensor can be large.
class Converter {
 public:
  Converter(const ModelFiles& files, ImageWriter& writer)
      : files_(files), writer_(writer), chip_(writer.chip()), config_(files.config()) {}

  void run(const ConvertProgress& progress);

 private:
  MatrixDescriptor describe(std::string_view tensor, Layout layout) const {
    const MatrixSize size = files_.size(tensor);
    return describe_matrix(static_cast<uint32_t>(size.rows), static_cast<uint32_t>(size.cols),
                           layout, chip_, files_.file(), tensor);
  }
  template <typename Use>
  void for_slices(std::string_view tensor, Use use) const;
  double largest(std::string_view tensor) const;

  VectorDescriptor vector(std::string_view tensor);
  MatrixDescriptor ternary(int layer, std::string_view part, uint32_t head_rows = 0);
  void head(std::string_view tensor, spec::ModelDescriptor& model);
  spec::LayerDescriptor layer(int i);

  const ModelFiles& files_;
  ImageWriter& writer_;
  const spec::ChipConfig& chip_;
  const ModelConfig& config_;
};

/// use(values) for the whole tensor, about a million elements at a time.
template <typename Use>
void Converter::for_slices(std::string_view tensor, Use use) const {
  const MatrixSize size = files_.size(tensor);
  const uint64_t step = std::max<uint64_t>(1, (1 << 20) / size.cols);
  std::vector<float> values;
  for (uint64_t first = 0; first < size.rows; first += step) {
    values.resize(std::min(step, size.rows - first) * size.cols);
    files_.rows(tensor, first, values);
    use(std::span<const float>(values));
  }
}

double Converter::largest(std::string_view tensor) const {
  double a = 0;
  for_slices(tensor, [&](std::span<const float> v) { a = std::max(a, largest_magnitude(v)); });
  return a;
}

VectorDescriptor Converter::vector(std::string_view tensor) {
  const int exponent = exponent_for(largest(tensor), 15);
  const VectorDescriptor v{writer_.begin(), static_cast<uint32_t>(files_.size(tensor).elements()),
                           exponent};
  std::vector<int16_t> out;
  for_slices(tensor, [&](std::span<const float> values) {
    out.clear();
    for (float x : values)
      out.push_back(static_cast<int16_t>(std::lround(std::ldexp(x, -exponent))));
    writer_.write_all(out);
  });
  return v;
}

/// A linear layer with the factor of its result. Rows of heads of `head_rows` that are permuted for
/// rope on neighbours get the order of rope on halves.
MatrixDescriptor Converter::ternary(int layer, std::string_view part, uint32_t head_rows) {
  const std::string tensor = layer_tensor(layer, part);
  MatrixDescriptor m = describe(tensor, Layout::kPlane);
  const TernaryMatrix t = files_.ternary(tensor);
  double scale = t.scale;
  if (const std::string name = layer_scale(layer, part); files_.has(name)) {
    scale *= files_.floats(name)[0];
    if (scale < 0)
      throw Error("{}: tensor {} is negative; a matrix of an image has a scale of 0 or more",
                  files_.file(), quote(name));
  }
  m.scale = scale_from(scale);
  const auto stored = [&](uint64_t row) {
    if (head_rows == 0) return row;
    const uint64_t i = row % head_rows, half = head_rows / 2;
    return row - i + (i < half ? 2 * i : 2 * (i - half) + 1);
  };
  const auto fill = [&](uint32_t stripe, std::span<uint8_t> codes) {
    for (uint32_t c = 0; c < m.cols; ++c) {
      spec::Trits trits{};
      for (uint32_t i = 0; i < spec::kTritsPerByte; ++i) {
        const uint64_t row = uint64_t{stripe} * spec::kTritsPerByte + i;
        if (row < m.rows) trits.t[i] = t.trits[stored(row) * m.cols + c];
      }
      codes[c] = spec::t5_pack(trits);
    }
  };
  m.offset = writer_.append_matrix(spec::shape_of(m, chip_.columns), fill);
  return m;
}

void Converter::head(std::string_view tensor, spec::ModelDescriptor& model) {
  MatrixDescriptor m = describe(tensor, Layout::kValue);
  std::vector<int32_t> row_scales(m.rows);
  const int exponent = exponent_for(largest(tensor) / spec::kValueMax, 31);
  std::vector<float> row(m.cols);
  const auto fill = [&](uint32_t r, std::span<uint8_t> codes) {
    files_.rows(tensor, r, row);
    const double unit = largest_magnitude(row) / spec::kValueMax;
    row_scales[r] = static_cast<int32_t>(std::llround(std::ldexp(unit, -exponent)));
    for (uint32_t c = 0; c < m.cols; ++c) {
      const auto value = static_cast<int32_t>(unit == 0 ? 0 : std::lround(row[c] / unit));
      codes[c] = spec::t5_pack_value(value);
    }
  };
  m.offset = writer_.append_matrix(spec::shape_of(m, chip_.columns), fill);
  m.scale = scale_from(std::ldexp(1.0, exponent));
  set_head(model, m);
  model.head_row_scales = writer_.append_all(row_scales);
}

spec::LayerDescriptor Converter::layer(int i) {
  const auto norm = [&](std::string_view part, bool present = true) {
    return present ? vector(layer_tensor(i, part)) : VectorDescriptor{};
  };
  const uint32_t head_rows =
      config_.rope_pairs == RopePairs::kNeighbours ? static_cast<uint32_t>(config_.head_dim) : 0;
  spec::LayerDescriptor l{};
  l.attn_norm = norm("attn_norm");
  l.attn_sub_norm = norm("attn_sub_norm", config_.sub_norms);
  l.ffn_norm = norm("ffn_norm");
  l.ffn_sub_norm = norm("ffn_sub_norm", config_.sub_norms);
  l.attn_q_norm = norm("attn_q_norm", config_.qk_norms);
  l.attn_k_norm = norm("attn_k_norm", config_.qk_norms);
  l.attn_q = ternary(i, "attn_q", head_rows);
  l.attn_k = ternary(i, "attn_k", head_rows);
  l.attn_v = ternary(i, "attn_v");
  l.attn_output = ternary(i, "attn_output");
  l.ffn_gate = ternary(i, "ffn_gate");
  l.ffn_up = ternary(i, "ffn_up");
  l.ffn_down = ternary(i, "ffn_down");
  return l;
}

void Converter::run(const ConvertProgress& progress) {
  const Tokenizer tokenizer(files_.vocabulary());
  if (tokenizer.size() != config_.vocab) {
    throw Error("{}: the tokenizer has {} tokens, the model {}; the file is inconsistent",
                files_.file(), tokenizer.size(), config_.vocab);
  }
  spec::ModelDescriptor model = describe_model(config_, chip_, files_.file());
  std::vector<spec::LayerDescriptor> layers;
  for (int i = 0; i < config_.layers; ++i) {
    if (progress) progress(static_cast<double>(i) / (config_.layers + 1), layer_tensor(i, "*"));
    layers.push_back(layer(i));
  }
  if (progress)
    progress(static_cast<double>(config_.layers) / (config_.layers + 1), "embedding and head");
  model.output_norm = vector("output_norm.weight");
  model.embedding = vector("token_embd.weight");
  head(config_.tied ? "token_embd.weight" : "output.weight", model);
  model.rope_table = append_rope_table(writer_, config_);
  writer_.finish(model, std::move(layers), tokenizer.vocabulary(), config_.name);
  if (progress) progress(1, "done");
}

}  // namespace

std::vector<std::byte> convert(const ModelFiles& files, const spec::ChipConfig& chip,
                               const ConvertProgress& progress) {
  ImageWriter writer(chip);
  Converter(files, writer).run(progress);
  return writer.take();
}

std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const ConvertProgress& progress) {
  return convert(*model_files(gguf), chip, progress);
}

void convert_to_file(const ModelFiles& files, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress) {
  ImageWriter writer(chip, target);
  Converter(files, writer).run(progress);
}

void convert_to_file(const Gguf& gguf, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress) {
  convert_to_file(*model_files(gguf), chip, target, progress);
}

}  // namespace tern::io
