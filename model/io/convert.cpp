// SPDX-License-Identifier: Apache-2.0
#include "io/convert.hpp"

#include <algorithm>
#include <cmath>
#include <span>

#include "io/error.hpp"
#include "io/fit.hpp"
#include "io/image_parts.hpp"
#include "io/image_writer.hpp"
#include "io/skeleton.hpp"
#include "io/tokenizer.hpp"
#include "io/weight_formats.hpp"
#include "io/weight_rows.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::MatrixDescriptor;
using spec::VectorDescriptor;

constexpr std::string_view kEmbedding = "token_embd.weight";
constexpr std::string_view kHead = "output.weight";

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

/// Turns one model into the parts of an image, a few rows of a tensor at a time where the
/// tensor can be large.
class Converter {
 public:
  Converter(const ModelFiles& files, ImageWriter& writer, const ConvertSettings& settings)
      : files_(files),
        writer_(writer),
        chip_(writer.chip()),
        config_(files.config()),
        settings_(settings) {}

  void run(const ConvertProgress& progress);

 private:
  MatrixDescriptor describe(std::string_view tensor, const MatrixFormat& format) const {
    const MatrixSize size = files_.size(tensor);
    return describe_matrix(static_cast<uint32_t>(size.rows), static_cast<uint32_t>(size.cols),
                           format, chip_, files_.file(), tensor);
  }
  WeightRows rows_of(std::string_view tensor, const LayerFormat& format) const;
  template <typename Use>
  void for_slices(std::string_view tensor, Use use) const;
  double largest(std::string_view tensor) const;

  void choose_formats(const ConvertProgress& progress);
  VectorDescriptor vector(std::string_view tensor);
  MatrixDescriptor linear(int layer, const spec::PartInfo& part);
  void embedding(spec::ModelDescriptor& model);
  void trit_embedding(std::string_view tensor, spec::Group group, spec::ModelDescriptor& model);
  void head(std::string_view tensor, spec::ModelDescriptor& model);
  void value_head(std::string_view tensor, spec::ModelDescriptor& model);
  spec::LayerDescriptor layer(int i);

  const ModelFiles& files_;
  ImageWriter& writer_;
  const spec::ChipConfig& chip_;
  ModelConfig config_;  ///< With the context of the image.
  const ConvertSettings& settings_;
  spec::ByPart<LayerFormat> formats_;
  std::optional<MatrixFormat> embedding_format_, head_format_;
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

WeightRows Converter::rows_of(std::string_view tensor, const LayerFormat& format) const {
  if (format.quantised) return quantised_rows(files_, tensor, format.planes, format.group);
  if (format.group == spec::Group::kNone) return one_scale_rows(files_, tensor);
  return grouped_rows(files_, tensor, format.group);
}

/// A linear layer with the factor of its result. Rows of queries and keys that are permuted for
/// rope on neighbours get the order of rope on halves.
MatrixDescriptor Converter::linear(int layer, const spec::PartInfo& part) {
  const std::string tensor = layer_tensor(layer, part.gguf);
  const LayerFormat& format = formats_[part.part];
  MatrixDescriptor m = describe(tensor, format);
  const WeightRows source = rows_of(tensor, format);
  double scale = source.unit;
  if (const std::string name = layer_scale(layer, part.gguf); files_.has(name)) {
    scale *= files_.floats(name)[0];
    if (scale < 0)
      throw Error("{}: tensor {} is negative; a matrix of an image has a scale of 0 or more",
                  files_.file(), quote(name));
  }
  m.scale = scale_from(scale);
  const bool turned = part.part == spec::Part::kAttnQ || part.part == spec::Part::kAttnK;
  const bool permuted = turned && config_.rope_pairs == RopePairs::kNeighbours;
  const auto head_rows = static_cast<uint32_t>(config_.head_dim);
  append_rows(writer_, source, m, [&](uint64_t row) {
    if (!permuted) return row;
    const uint64_t i = row % head_rows, half = head_rows / 2;
    return row - i + (i < half ? 2 * i : 2 * (i - half) + 1);
  });
  return m;
}

/// How all is coded, and the context with which the chip runs that.
void Converter::choose_formats(const ConvertProgress& progress) {
  ModelFormats all;
  for (const spec::Part part : spec::kEveryPart) {
    if (progress) progress(0, "how weights are scaled");
    formats_[part] = layer_format(files_, part, chip_, settings_);
    all.linear[part] = formats_[part];
  }
  if (settings_.weights_trits != 0 &&
      std::ranges::none_of(formats_, [](const LayerFormat& f) { return f.quantised; })) {
    throw Error("{}: no linear layer has float weights; leave out --weights-trits", files_.file());
  }
  all.embedding = embedding_format_ = table_format(files_, kEmbedding, chip_);
  all.head = head_format_ = config_.tied ? embedding_format_ : table_format(files_, kHead, chip_);
  config_.context = static_cast<int>(
      choose_context(config_, all, chip_, files_.file(),
                     {settings_.context, settings_.for_chip, settings_.context_flag}));
}

/// int16, or trits with their scales where the file has trits and the chip takes them.
void Converter::embedding(spec::ModelDescriptor& model) {
  if (embedding_format_)
    trit_embedding(kEmbedding, embedding_format_->group, model);
  else
    model.embedding = vector(kEmbedding);
}

void Converter::trit_embedding(std::string_view tensor, spec::Group group,
                               spec::ModelDescriptor& model) {
  const MatrixSize size = files_.size(tensor);
  const auto hidden = static_cast<uint32_t>(size.cols);
  const uint64_t step = std::max<uint64_t>(1, (1 << 20) / size.cols);
  model.embedding_group = static_cast<uint32_t>(group);
  model.embedding = {writer_.begin(), static_cast<uint32_t>(size.elements()), 0};
  std::vector<float> scales;
  std::vector<uint8_t> line(spec::embedding_row_bytes(hidden));
  for (uint64_t first = 0; first < size.rows; first += step) {
    const GroupedTrits part = files_.grouped_trits(tensor, first, std::min(step, size.rows - first),
                                                   spec::group_columns(group));
    scales.insert(scales.end(), part.scales.begin(), part.scales.end());
    for (uint64_t r = 0; r < part.rows; ++r) {
      for (uint32_t c = 0; c < hidden; c += spec::kTritsPerByte) {
        spec::Trits trits{};
        for (uint32_t i = 0; i < spec::kTritsPerByte && c + i < hidden; ++i)
          trits.t[i] = part.trits[r * hidden + c + i];
        line[c / spec::kTritsPerByte] = spec::t5_pack(trits);
      }
      writer_.write_all(line);
    }
  }
  model.embedding.exponent = exponent_for(largest_magnitude(scales), 15);
  const std::size_t groups = scales.size() / size.rows;
  std::vector<int16_t> row(spec::embedding_scale_bytes(hidden, group) / sizeof(int16_t));
  for (uint64_t r = 0; r < size.rows; ++r) {
    for (std::size_t g = 0; g < groups; ++g)
      row[g] = static_cast<int16_t>(
          std::lround(std::ldexp(scales[r * groups + g], -model.embedding.exponent)));
    writer_.write_all(row);
  }
}

/// Trits or bits with group scales as the file has them, or values of five trits.
void Converter::head(std::string_view tensor, spec::ModelDescriptor& model) {
  if (!head_format_) return value_head(tensor, model);
  MatrixDescriptor m = describe(tensor, *head_format_);
  const WeightRows source = grouped_rows(files_, tensor, head_format_->group);
  m.scale = scale_from(source.unit);
  append_rows(writer_, source, m, [](uint64_t row) { return row; });
  set_head(model, m);
  model.head_row_scales = writer_.append_all(std::vector<int32_t>(m.rows, 1));
}

void Converter::value_head(std::string_view tensor, spec::ModelDescriptor& model) {
  MatrixDescriptor m = describe(tensor, kValues);
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
  spec::LayerDescriptor l{};
  for (const spec::NormInfo& norm : spec::kNorms) {
    if (spec::has_norm(config_, norm.norm)) l.norm[norm.norm] = vector(layer_tensor(i, norm.gguf));
  }
  for (const spec::PartInfo& part : spec::kParts) l.matrix[part.part] = linear(i, part);
  return l;
}

void Converter::run(const ConvertProgress& progress) {
  const Tokenizer tokenizer(files_.vocabulary());
  if (tokenizer.size() != config_.vocab) {
    throw Error("{}: the tokenizer has {} tokens, the model {}; the file is inconsistent",
                files_.file(), tokenizer.size(), config_.vocab);
  }
  choose_formats(progress);
  spec::ModelDescriptor model = describe_model(config_, chip_, files_.file());
  std::vector<spec::LayerDescriptor> layers;
  for (int i = 0; i < config_.layers; ++i) {
    if (progress) progress(static_cast<double>(i) / (config_.layers + 1), layer_tensor(i, "*"));
    layers.push_back(layer(i));
  }
  if (progress)
    progress(static_cast<double>(config_.layers) / (config_.layers + 1), "embedding and head");
  model.output_norm = vector("output_norm.weight");
  embedding(model);
  head(config_.tied ? kEmbedding : kHead, model);
  model.rope_table = append_rope_table(writer_, config_);
  writer_.finish(model, std::move(layers), tokenizer.vocabulary(), config_.name);
  if (progress) progress(1, "done");
}

}  // namespace

std::vector<std::byte> convert(const ModelFiles& files, const spec::ChipConfig& chip,
                               const ConvertProgress& progress, const ConvertSettings& settings) {
  ImageWriter writer(chip);
  Converter(files, writer, settings).run(progress);
  return writer.take();
}

std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const ConvertProgress& progress, const ConvertSettings& settings) {
  return convert(*model_files(gguf), chip, progress, settings);
}

void convert_to_file(const ModelFiles& files, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress,
                     const ConvertSettings& settings) {
  ImageWriter writer(chip, target);
  Converter(files, writer, settings).run(progress);
}

void convert_to_file(const Gguf& gguf, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress,
                     const ConvertSettings& settings) {
  convert_to_file(*model_files(gguf), chip, target, progress, settings);
}

}  // namespace tern::io
