// SPDX-License-Identifier: Apache-2.0
#include "io/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "io/error.hpp"
#include "io/skeleton.hpp"
#include "spec/fit.hpp"
#include "spec/generated/layer.hpp"

namespace tern::io {
namespace {

using spec::FirmwareError;
using spec::LayerDescriptor;
using spec::MatrixDescriptor;
using spec::ModelDescriptor;

/// A context that is of use, for saying what a chip would need that runs the model with none.
constexpr uint32_t kUsefulContext = 4096;

fit::Fit fit_of(const Skeleton& model, const spec::ChipConfig& chip) {
  return fit::fit(model.model, model.layers.data(), fit::chip_of(chip));
}

Skeleton with_context(Skeleton model, uint32_t context) {
  model.model.context = context;
  place_caches(model.model, model.layers, model.header.columns);
  return model;
}

/// Whether a shorter context takes less of what was asked for too much.
bool depends_on_context(const fit::Fit& f) {
  return f.error == FirmwareError::kScratchpad || f.error == FirmwareError::kActivations ||
         (f.error == FirmwareError::kModelShape && f.detail == offsetof(ModelDescriptor, context));
}

/// "--act-depth 424 --scratch-words 180224": parameters with which the chip runs the model, if it
/// is these that are too small.
std::optional<std::string> parameters_for(const Skeleton& model, spec::ChipConfig chip) {
  const spec::ChipConfig before = chip;
  fit::Fit f;
  while (!(f = fit_of(model, chip)).ok()) {
    if (f.error == FirmwareError::kScratchpad)
      chip.scratch_words = static_cast<uint32_t>(spec::align_up(f.detail, 1024));
    else if (f.error == FirmwareError::kActivations)
      chip.act_depth = f.detail;
    else
      return std::nullopt;
  }
  std::string out;
  if (chip.act_depth != before.act_depth) out += fmt::format(" --act-depth {}", chip.act_depth);
  if (chip.scratch_words != before.scratch_words)
    out += fmt::format(" --scratch-words {}", chip.scratch_words);
  return out.substr(std::min<std::size_t>(1, out.size()));
}

/// Of a matrix: what its field at byte `at` asks for.
std::string describe_matrix_field(std::string_view what, const MatrixDescriptor& m, uint32_t at,
                                  const spec::ChipConfig& chip) {
  const bool value = m.layout == static_cast<uint32_t>(spec::Layout::kValue);
  if (at == offsetof(MatrixDescriptor, group))
    return fmt::format("{} has group scales, configuration {} was built without", what, chip.name);
  if (at == offsetof(MatrixDescriptor, layout))
    return fmt::format("{} has 1-bit weights, configuration {} was built without", what, chip.name);
  if (at == offsetof(MatrixDescriptor, block))
    return fmt::format("{} has row blocks of {} stripes, configuration {} accumulates {}", what,
                       m.block, chip.name, chip.acc_depth * (value ? spec::kTritsPerByte : 1));
  return fmt::format("{} has {} rows and {} columns, which the chip's commands cannot name", what,
                     m.rows, m.cols);
}

std::string describe_layer_field(const Skeleton& model, uint32_t detail,
                                 const spec::ChipConfig& chip) {
  const uint32_t layer = detail >> 16, at = detail & 0xffff;
  for (const spec::PartInfo& part : spec::kParts) {
    const uint32_t first = LayerDescriptor::offset_of(part.part);
    if (at >= first && at < first + sizeof(MatrixDescriptor))
      return describe_matrix_field(fmt::format("layer {} {}", layer, part.name),
                                   model.layers[layer].matrix[part.part], at - first, chip);
  }
  return fmt::format("layer {}: the field at byte {} of its descriptor does not fit the model",
                     layer, at);
}

std::string describe_model_field(const ModelDescriptor& m, uint32_t at,
                                 const spec::ChipConfig& chip) {
  const auto head = static_cast<uint32_t>(offsetof(ModelDescriptor, head));
  if (at >= head && at < head + sizeof(MatrixDescriptor))
    return describe_matrix_field("the head", m.head, at - head, chip);
  switch (at) {
    case offsetof(ModelDescriptor, hidden):
      return fmt::format("hidden is {}, a chip takes {} at most", m.hidden, fit::kMaxElements);
    case offsetof(ModelDescriptor, ffn):
      return fmt::format("ffn is {}, a chip takes {} at most", m.ffn, fit::kMaxElements);
    case offsetof(ModelDescriptor, vocab):
      return fmt::format("{} tokens are more than the {} that a chip takes", m.vocab,
                         spec::fields::matmul::kRows.max());
    case offsetof(ModelDescriptor, context):
      return fmt::format("a context of {} is more than the {} positions that a chip takes",
                         m.context, fit::kMaxElements);
    case offsetof(ModelDescriptor, heads):
    case offsetof(ModelDescriptor, kv_heads):
      return fmt::format(
          "{} heads and {} KV heads are more than the firmware takes: at most {} and {}, and "
          "together what {} scalar registers hold",
          m.heads, m.kv_heads, fit::kMaxHeads, fit::kMaxKvHeads, spec::kScalarRegs);
    case offsetof(ModelDescriptor, head_dim):
      return fmt::format(
          "{} heads of {}: configuration {} takes an even width of up to {}, and {} elements in "
          "all",
          m.heads, m.head_dim, chip.name, chip.acc_depth * spec::kTritsPerByte, fit::kMaxElements);
    case offsetof(ModelDescriptor, key_block):
      return fmt::format("packed for K cache blocks of {} tokens, configuration {} has {}",
                         m.key_block, chip.name, chip.key_block);
    case offsetof(ModelDescriptor, embedding_group):
      return fmt::format("the embedding is of trits, configuration {} was built without",
                         chip.name);
    default:
      return fmt::format("the field at byte {} of the model descriptor is not supported", at);
  }
}

std::string describe(const Skeleton& model, const fit::Fit& f, const spec::ChipConfig& chip) {
  switch (f.error) {
    case FirmwareError::kScratchpad:
      return fmt::format("context {} needs {} words of scratchpad, configuration {} has {}",
                         model.model.context, f.detail, chip.name, chip.scratch_words);
    case FirmwareError::kActivations:
      return fmt::format("context {} needs {} tiles of activations, configuration {} has {}",
                         model.model.context, f.detail, chip.name, chip.act_depth);
    case FirmwareError::kTooManyLayers:
      return fmt::format("{} layers are more than the {} that the firmware holds", f.detail,
                         fit::kMaxLayers);
    case FirmwareError::kLayerShape:
      return describe_layer_field(model, f.detail, chip);
    case FirmwareError::kMatrixLayout:
      if (f.detail >> 16 != 0xffff) return describe_layer_field(model, f.detail, chip);
      return describe_model_field(model.model, f.detail & 0xffff, chip);
    default:
      return describe_model_field(model.model, f.detail, chip);
  }
}

/// Positions whose keys and values fit kDefaultCacheBytes.
uint64_t positions_in_memory(const ModelConfig& c) {
  const uint64_t bytes = uint64_t{2} * (static_cast<uint64_t>(c.head_dim) + sizeof(int32_t)) *
                         static_cast<uint64_t>(c.kv_heads) * static_cast<uint64_t>(c.layers);
  return std::max<uint64_t>(1, kDefaultCacheBytes / std::max<uint64_t>(1, bytes));
}

}  // namespace

uint32_t largest_context(const Skeleton& model, const spec::ChipConfig& chip) {
  uint32_t fits = 0, end = model.model.context + 1;
  while (end - fits > 1) {
    const uint32_t middle = fits + (end - fits) / 2;
    (fit_of(with_context(model, middle), chip).ok() ? fits : end) = middle;
  }
  return fits;
}

std::string obstacle(const Skeleton& model, const spec::ChipConfig& chip,
                     std::string_view context_flag) {
  if (model.header.columns != chip.columns)
    return fmt::format(
        "packed for beats of {} bytes, configuration {} has {}; convert the model for "
        "configuration {}",
        model.header.columns, chip.name, chip.columns, chip.name);
  const fit::Fit f = fit_of(model, chip);
  if (f.ok()) return {};
  if (!depends_on_context(f)) {
    const bool missing = f.error == FirmwareError::kMatrixLayout;
    return describe(model, f, chip) + (missing
                                           ? "; use a configuration that has them (nano, edge, k26)"
                                           : "; use another configuration, or the backend golden:");
  }
  if (const uint32_t fits = largest_context(model, chip); fits > 0)
    return fmt::format("{}; the largest context that fits is {} ({} {})", describe(model, f, chip),
                       fits, context_flag, fits);
  const Skeleton least = with_context(model, std::min(model.model.context, kUsefulContext));
  const std::optional<std::string> needed = parameters_for(least, chip);
  return fmt::format("{}, and no context is short enough; {}",
                     describe(least, fit_of(least, chip), chip),
                     needed ? fmt::format("a chip with {} takes it (flags of tern perf)", *needed)
                            : "use another configuration, or the backend golden:");
}

void check_fits(const Skeleton& model, const spec::ChipConfig& chip, std::string_view origin,
                std::string_view context_flag) {
  if (const std::string why = obstacle(model, chip, context_flag); !why.empty())
    throw Error("{}: {}", origin, why);
}

void check_fits(const Image& image, const spec::ChipConfig& chip) {
  check_fits(skeleton_of(image), chip, image.origin());
}

uint32_t choose_context(const ModelConfig& config, const ModelFormats& formats,
                        const spec::ChipConfig& chip, std::string_view origin,
                        const ContextWish& wish) {
  const auto most = static_cast<uint32_t>(config.context);
  if (wish.positions > most)
    throw Error("{}: {} {} is more than the model's {} positions", origin, wish.flag,
                wish.positions, most);
  uint32_t positions = wish.positions;
  if (positions == 0)
    positions = static_cast<uint32_t>(
        std::min<uint64_t>({most, positions_in_memory(config), spec::kMaxDotLength}));
  if (!wish.for_chip) return positions;
  ModelConfig sized = config;
  sized.context = static_cast<int>(positions);
  const Skeleton model = make_skeleton(sized, chip, origin, formats);
  if (obstacle(model, chip).empty()) return positions;
  const uint32_t fits = wish.positions == 0 ? largest_context(model, chip) : 0;
  if (fits == 0) check_fits(model, chip, origin, wish.flag);
  return fits;
}

}  // namespace tern::io
