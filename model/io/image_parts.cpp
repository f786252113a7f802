// SPDX-License-Identifier: Apache-2.0
#include "io/image_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "io/error.hpp"
#include "io/image_magic.hpp"
#include "spec/numerics/checksum.hpp"
#include "spec/numerics/head.hpp"

namespace tern::io {

using spec::Group;
using spec::Layout;
using spec::MatrixDescriptor;

namespace {

constexpr uint32_t kResidualFrac = 16;
constexpr int kMaxNorm = 65536;  // elements; norm_quant's sum of squares then fits 64 bits

/// What an image can express, whatever the chip.
void check_expressible(const ModelConfig& config, std::string_view origin) {
  if (std::max({config.hidden, config.ffn, config.queries()}) > kMaxNorm)
    throw Error("{}: hidden {}, ffn {} or {} heads of {} is more than the {} that a norm takes",
                origin, config.hidden, config.ffn, config.heads, config.head_dim, kMaxNorm);
  if (static_cast<uint64_t>(config.vocab) * static_cast<uint64_t>(config.hidden) > UINT32_MAX)
    throw Error("{}: an embedding of {} x {} is more than the 2^32 - 1 elements of an image",
                origin, config.vocab, config.hidden);
}

void check_format(const MatrixFormat& format, const spec::ChipConfig& chip, std::string_view origin,
                  std::string_view tensor) {
  if (format.group != Group::kNone && !chip.group_scales)
    throw Error(
        "{}: tensor {} has several scales; configuration {} was built without group scales and "
        "takes one scale a matrix, choose another one",
        origin, tensor, chip.name);
  if (format.layout == Layout::kSign && !chip.sign_weights)
    throw Error("{}: tensor {}: configuration {} was built without 1-bit weights", origin, tensor,
                chip.name);
}

template <typename Descriptor>
uint32_t checksum(const Descriptor& d) {
  uint32_t words[sizeof d / sizeof(uint32_t)];
  std::memcpy(words, &d, sizeof d);
  return spec::descriptor_checksum(words, spec::checked_words<Descriptor>());
}

}  // namespace

std::string format_name(const MatrixFormat& format) {
  if (format.layout == Layout::kValue) return "values of 5 trits, a scale for each row";
  const std::string weight = format.layout == Layout::kSign ? "1 bit"
                             : format.planes == 1           ? "1 trit"
                                                  : fmt::format("{} trits", format.planes);
  if (format.group == Group::kNone) return weight + ", one scale";
  return fmt::format("{}, a scale for {} columns of a row", weight,
                     spec::group_columns(format.group));
}

spec::Scale scale_from(double v) {
  if (v == 0) return {0, 0};
  int exponent = 0;
  const double mantissa = std::frexp(v, &exponent);  // in [0.5, 1)
  return spec::make_scale(static_cast<uint64_t>(std::llround(std::ldexp(mantissa, 53))),
                          exponent - 53);
}

spec::ModelDescriptor describe_model(const ModelConfig& config, const spec::ChipConfig& chip,
                                     std::string_view origin) {
  check_expressible(config, origin);
  spec::ModelDescriptor model{};
  model.hidden = static_cast<uint32_t>(config.hidden);
  model.layers = static_cast<uint32_t>(config.layers);
  model.heads = static_cast<uint32_t>(config.heads);
  model.kv_heads = static_cast<uint32_t>(config.kv_heads);
  model.head_dim = static_cast<uint32_t>(config.head_dim);
  model.ffn = static_cast<uint32_t>(config.ffn);
  model.vocab = static_cast<uint32_t>(config.vocab);
  model.context = static_cast<uint32_t>(config.context);
  model.activation = static_cast<uint32_t>(
      config.activation == Activation::kSilu ? spec::Activation::kSilu : spec::Activation::kRelu2);
  model.bos = config.bos < 0 ? spec::kNoToken : static_cast<uint32_t>(config.bos);
  model.eos = config.eos < 0 ? spec::kNoToken : static_cast<uint32_t>(config.eos);
  model.residual_frac = kResidualFrac;
  model.key_block = chip.key_block;
  model.eps = scale_from(config.rms_eps);
  const double width = config.head_dim;
  model.score_scale = scale_from(std::numbers::log2e / std::sqrt(width) * config.score_factor());
  return model;
}

MatrixDescriptor describe_matrix(uint32_t rows, uint32_t cols, const MatrixFormat& format,
                                 const spec::ChipConfig& chip, std::string_view origin,
                                 std::string_view tensor) {
  check_format(format, chip, origin, tensor);
  const bool plain = format.layout == Layout::kPlane && format.group == Group::kNone;
  MatrixDescriptor m{};
  m.rows = rows;
  m.cols = cols;
  m.layout = static_cast<uint32_t>(format.layout);
  m.planes = format.planes;
  m.group = static_cast<uint32_t>(format.group);
  m.stripes = spec::stripes_for(rows, format.layout);
  if (format.layout == Layout::kValue)
    m.block = chip.row_block * spec::kTritsPerByte;
  else
    m.block = plain ? chip.row_block : chip.row_block / spec::kSignStripes * spec::kSignStripes;
  if (m.block == 0)
    throw Error("{}: tensor {} needs row blocks of {} stripes; configuration {} has {}", origin,
                tensor, spec::kSignStripes, chip.name, chip.row_block);
  const spec::MatrixShape shape = spec::shape_of(m, chip.columns);
  if (cols > spec::kMaxDotLength)
    throw Error("{}: tensor {} has {} columns; an image takes {} at most", origin, tensor, cols,
                spec::kMaxDotLength);
  m.beats = static_cast<uint32_t>(shape.beats());
  return m;
}

void set_head(spec::ModelDescriptor& model, const MatrixDescriptor& head) {
  const bool value = head.layout == static_cast<uint32_t>(Layout::kValue);
  model.head = head;
  model.head_shift = value ? static_cast<uint32_t>(spec::logit_shift(head.cols)) : 0;
  model.head_scale = spec::scale_shift(head.scale, static_cast<int>(model.head_shift));
}

uint64_t append_rope_table(ImageWriter& writer, const ModelConfig& config) {
  const auto q15 = [](double v) {
    return static_cast<int16_t>(std::min(std::lround(v * 32768), 32767l));
  };
  const int half = config.head_dim / 2;
  const std::vector<double> rates = config.rope_rates();
  const uint64_t at = writer.begin();
  std::vector<int16_t> row(static_cast<std::size_t>(config.head_dim));
  for (int position = 0; position < config.context; ++position) {
    for (int i = 0; i < half; ++i) {
      const double angle = position * rates[static_cast<std::size_t>(i)];
      row[static_cast<std::size_t>(i)] = q15(std::cos(angle));
      row[static_cast<std::size_t>(half + i)] = q15(std::sin(angle));
    }
    writer.write_all(row);
  }
  return at;
}

void place_caches(spec::ModelDescriptor& model, std::span<spec::LayerDescriptor> layers,
                  uint32_t columns) {
  const uint64_t heads = model.kv_heads;
  model.key_cache_bytes = spec::align_up(
      spec::key_cache_shape(model.context, model.head_dim, model.key_block, columns).bytes(),
      spec::kAddrUnit);
  model.value_cache_bytes = spec::align_up(
      spec::value_cache_shape(model.context, model.head_dim, columns).bytes(), spec::kAddrUnit);
  model.kv_scale_bytes = spec::kv_scale_bytes(model.context);
  uint64_t at = model.cache_offset;
  const auto place = [&](uint64_t bytes) {
    at += bytes;
    return at - bytes;
  };
  for (spec::LayerDescriptor& l : layers) {
    l.k_cache = place(heads * model.key_cache_bytes);
    l.v_cache = place(heads * model.value_cache_bytes);
  }
  for (spec::LayerDescriptor& l : layers) {
    l.k_scales = place(heads * model.kv_scale_bytes);
    l.v_scales = place(heads * model.kv_scale_bytes);
  }
  model.work_offset = at;
}

uint32_t checksum_of(const spec::ModelDescriptor& model) { return checksum(model); }
uint32_t checksum_of(const spec::LayerDescriptor& layer) { return checksum(layer); }

}  // namespace tern::io
