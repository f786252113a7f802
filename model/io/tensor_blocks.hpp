// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/tensor_types.hpp"

/// One block of each tensor type; internal to tensor_types.cpp. Layouts: ggml-common.h of
/// llama.cpp; of PrismML's fork for PQ2_0 and PTQ1_0; ggml-bitnet-mad.cpp of bitnet.cpp for I2_S.
namespace tern::io {

inline constexpr std::size_t kMaxBlock = 256;  ///< elements

/// Two bytes, little endian.
std::uint16_t load16(const std::byte* bytes);
/// IEEE half precision, exactly.
float half_to_float(std::uint16_t half);

/// A block of a ternary type: weight i is codes[i] * scale.
struct TernaryBlock {
  std::array<std::int8_t, kMaxBlock> codes;  ///< -1, 0, +1; 2 for a two-bit code that is no trit
  float scale;                               ///< not set for I2_S, whose scale is the tensor's
};

/// `bytes` holds info.block_bytes, info.ternary is true, and the order of an I2_S block is known.
void decode_ternary_block(const TensorTypeInfo& info, const std::byte* bytes, TernaryBlock& out);

/// A block of a type that is not ternary: info.block_elements values.
void decode_float_block(const TensorTypeInfo& info, const std::byte* bytes, float* out);

}  // namespace tern::io
