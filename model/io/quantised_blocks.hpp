// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "io/tensor_types.hpp"

/// Blocks of llama.cpp's types of four to six bits; internal to tensor_blocks.cpp. Layouts:
/// ggml-common.h of llama.cpp.
namespace tern::io {

/// A block of Q4_0 to Q6_K: its values to the bit what ggml makes of them. Nothing for other types.
void decode_quantised_block(TensorType type, const std::byte* bytes, float* out);

}  // namespace tern::io
