// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/image.hpp"
#include "io/image_parts.hpp"
#include "io/model_config.hpp"

namespace tern::io {

/// What a chip's firmware reads of an image to run it: header and descriptors, with every offset,
/// but none of the bytes that they point to. For a model of time, which needs no weights.
struct Skeleton {
  std::string name;
  spec::ImageHeader header{};  ///< Without checksum, tokenizer and name.
  spec::ModelDescriptor model{};
  std::vector<spec::LayerDescriptor> layers;

  /// Bytes of memory with the caches.
  uint64_t memory_bytes() const { return model.work_offset; }
  /// The parts and where they lie. Refers to this object.
  std::vector<std::pair<uint64_t, std::span<const std::byte>>> parts() const;
};

/// How the matrices of a model are coded in an image. Embedding and head: nothing where they are
/// int16 and values.
struct ModelFormats {
  spec::ByPart<MatrixFormat> linear;
  std::optional<MatrixFormat> embedding, head;
};
/// All linear layers alike; embedding and head too.
ModelFormats formats_of(const MatrixFormat& weights, const std::optional<MatrixFormat>& tables);

/// Of an image that exists.
Skeleton skeleton_of(const Image& image);

/// Of the image that synthesise() would write for this model, but for the tokenizer block, which
/// it has not: weights lie where they would, descriptors and caches before. Scales and exponents
/// are 1. `chip` may be any that the RTL takes; fit.hpp says whether it can run the model.
Skeleton make_skeleton(const ModelConfig& config, const spec::ChipConfig& chip,
                       std::string_view name, const ModelFormats& formats);
/// `weights`: the format of linear layers, `tables`: of embedding and head, if they are of trits;
/// without, int16 and values.
Skeleton make_skeleton(const ModelConfig& config, const spec::ChipConfig& chip,
                       std::string_view name, const MatrixFormat& weights = kTrits,
                       const std::optional<MatrixFormat>& tables = {});

}  // namespace tern::io
