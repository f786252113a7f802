// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "io/image_writer.hpp"
#include "io/model_config.hpp"
#include "spec/numerics/scale.hpp"

/// What every maker of an image computes from the model's configuration, whatever the weights.
/// `origin` names the model in messages.
namespace tern::io {

/// How the weights of a matrix are coded.
struct MatrixFormat {
  spec::Layout layout = spec::Layout::kPlane;
  uint32_t planes = 1;
  spec::Group group = spec::Group::kNone;
  bool operator==(const MatrixFormat&) const = default;
};
/// One plane of trits with one scale, as most linear layers; values of five trits, as most heads.
inline constexpr MatrixFormat kTrits{};
inline constexpr MatrixFormat kValues{spec::Layout::kValue};

/// "1 bit, a scale for 128 columns of a row", for people.
std::string format_name(const MatrixFormat& format);

/// The nearest scale to v >= 0.
spec::Scale scale_from(double v);

/// Sizes and number formats; offsets and the scales of embedding and head are left 0. Throws Error
/// when an image cannot express the sizes. Whether the chip can run the model is the business of
/// fit.hpp.
spec::ModelDescriptor describe_model(const ModelConfig& config, const spec::ChipConfig& chip,
                                     std::string_view origin);

/// A matrix; offset and scale are left 0. With group scales or signs its row blocks are multiples
/// of eight stripes, so that scale words fill beats. Throws Error when the chip was built
/// without what the format needs, or the columns are more than a sum of an int32 takes.
spec::MatrixDescriptor describe_matrix(uint32_t rows, uint32_t cols, const MatrixFormat& format,
                                       const spec::ChipConfig& chip, std::string_view origin,
                                       std::string_view tensor);

/// Sets head, its shift and its scale from `head`, whose scale is set. The shift is for row scales
/// of 31 bits in the value layout, and for row scales of 1 otherwise.
void set_head(spec::ModelDescriptor& model, const spec::MatrixDescriptor& head);

/// Appends the table of cosines and sines in Q15 [context, head_dim/2, 2]; returns its offset.
uint64_t append_rope_table(ImageWriter& writer, const ModelConfig& config);

/// Where the caches of a model lie in memory from model.cache_offset on, computed from its sizes:
/// fills key_cache_bytes, value_cache_bytes, kv_scale_bytes and work_offset of the model and
/// k_cache, v_cache, k_scales and v_scales of the layers. The caches of all layers come first, then
/// all scales; in both each layer has its keys before its values, head by head. What a head takes
/// is a multiple of 64 bytes.
void place_caches(spec::ModelDescriptor& model, std::span<spec::LayerDescriptor> layers,
                  uint32_t columns);

/// descriptor_checksum() of a ModelDescriptor or LayerDescriptor as it is.
uint32_t checksum_of(const spec::ModelDescriptor& model);
uint32_t checksum_of(const spec::LayerDescriptor& layer);

}  // namespace tern::io
