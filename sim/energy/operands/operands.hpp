// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace tern::energy {

/// Runs the GGUF model `model` on the golden model for `positions` tokens (bos, then the most
/// likely token each time) and gives what the array of the configuration `edge` then multiplies:
///
///   streams  one for each kind of product: name, layout ("plane" or "value"), rows, and
///            beats     the first `beats` beats of the matrix in stream order: [tile, stripe, codes
///                      of the tile's 64 columns as hexadecimal digits]
///            columns   valid columns of each tile [tiles]
///            inputs    [activation column][tile] 64 int8 as hexadecimal digits, 0 where there is
///            no
///                      column: eight successive positions for weights, the query heads of a group
///                      for keys, both limbs of their probabilities for values
///   vectors  int32 vectors of the last position by name: operands of the vector unit
///
/// Weights are those of the first, the middle and the last layer; keys and values those of the
/// middle layer's first KV head at the last position. Throws Error on what cannot be read.
nlohmann::json collect_operands(const std::filesystem::path& model, int positions, int beats);

}  // namespace tern::energy
