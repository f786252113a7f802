// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "io/convert.hpp"
#include "io/image_parts.hpp"

namespace tern::io {

struct LayerFormat : MatrixFormat {
  bool quantised = false;  ///< From floats; else the trits of the file.
};

/// How an image holds a matrix of all layers: what the layer with the most demanding weights needs.
/// Float weights take settings.weights_trits planes. Throws Error, naming the tensor, on float
/// weights without that, and on group scales that the chip was built without.
LayerFormat layer_format(const ModelFiles& files, spec::Part part, const spec::ChipConfig& chip,
                         const ConvertSettings& settings);

/// How an image holds a matrix that is not in a layer, or nothing where its weights are floats or
/// the chip was built without group scales: the embedding, the head. Always with group scales.
std::optional<MatrixFormat> table_format(const ModelFiles& files, std::string_view tensor,
                                         const spec::ChipConfig& chip);

}  // namespace tern::io
