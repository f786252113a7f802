#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "io/convert.hpp"
#include "io/image_parts.hpp"

namespace tern::io {

/// The parts of a layer that are matrices, as in layer_tensor().
inline constexpr std::string_view kLinearParts[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                    "ffn_gate", "ffn_up", "ffn_down"};

struct LayerFormat : MatrixFormat {
  bool quantised = false;  ///< From floats; else the trits of the file.
};

/// How an image holds a part of all layers: what the layer with the most demanding weights needs.
/// Float weights take settings.weights_trits planes. Throws Error, naming the tensor, on float
/// weights without that, and on group scales that the chip was built without.
LayerFormat layer_format(const ModelFiles& files, std::string_view part,
                         const spec::ChipConfig& chip, const ConvertSettings& settings);

/// How an image holds a matrix that is not in a layer, or nothing where its weights are floats or
/// the chip was built without group scales: the embedding, the head. Always with group scales.
std::optional<MatrixFormat> table_format(const ModelFiles& files, std::string_view tensor,
                                         const spec::ChipConfig& chip);

}  // namespace tern::io
