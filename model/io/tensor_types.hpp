// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"

namespace tern::io {

/// The ggml type ids that can be decoded.
enum class TensorType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kI2_S = 36,  ///< bitnet.cpp
  kQ1_0 = 41,  ///< weights are only + and - the scale
  kQ2_0 = 42,
  kPQ2_0 = 142,   ///< PrismML
  kPTQ1_0 = 143,  ///< PrismML
};

/// How a type lies in the file, one row for each type and layout. `block_bytes` hold
/// `block_elements` neighbouring elements of a row; `trailer_bytes` follow the whole tensor.
struct TensorTypeInfo {
  TensorType type = TensorType::kF32;
  TensorLayout layout = TensorLayout::kStandard;
  std::string_view name;
  std::uint32_t block_elements = 1;
  std::uint32_t block_bytes = 0;
  std::uint32_t trailer_bytes = 0;
  bool ternary = false;  ///< every weight is -1, 0 or +1 times a scale

  /// Bytes of a tensor of so many elements, a multiple of block_elements.
  std::uint64_t bytes(std::uint64_t elements) const {
    return elements / block_elements * block_bytes + trailer_bytes;
  }
};

/// nullptr for a type that cannot be decoded, or that has no such layout.
const TensorTypeInfo* tensor_type_info(std::uint32_t id,
                                       TensorLayout layout = TensorLayout::kStandard);
/// Throws Error, naming the tensor, if its type cannot be decoded.
const TensorTypeInfo& tensor_type_info(const GgufTensor& tensor);
/// ggml's name of any known id ("Q4_K"), else "unknown type 99".
std::string tensor_type_name(std::uint32_t id);
/// "F32, F16, ..." for messages.
std::string supported_tensor_types();
/// The same, those with ternary weights only.
std::string supported_ternary_types();

/// Is the tensor stored in one of the ternary types?
bool is_ternary(const GgufTensor& tensor);

/// The scale behind the codes of an I2_S tensor; 0 for other types, which have one in every block.
/// Throws Error where the order of the weights is not known.
float tensor_scale_of(const GgufTensor& tensor);

/// Elements [first, first + out.size()) in storage order (row by row) as float, to the bit what
/// ggml makes of them; `first` and the length must be multiples of the type's block_elements.
/// Throws Error, naming the tensor, on a value that is not finite, and on an I2_S tensor whose
/// order of weights is not known (see GgufOptions).
void decode_floats(const GgufTensor& tensor, std::uint64_t first, std::span<float> out);
/// All elements, rows() x cols(), row by row.
std::vector<float> decode_floats(const GgufTensor& tensor);

/// A matrix of trits with one scale: weight[r][c] = trits[r * cols + c] * scale.
struct TernaryMatrix {
  std::uint64_t rows = 0;
  std::uint64_t cols = 0;
  std::vector<std::int8_t> trits;  ///< -1, 0, +1, row by row
  float scale = 0;                 ///< >= 0; 0 only if every trit is 0
};

/// Is the tensor of a type with trits, and do all its scales agree, so that decode_ternary() can
/// read it? Reads the whole tensor.
bool has_one_scale(const GgufTensor& tensor);

/// The trits and the scale of a tensor of a ternary type. Blocks without a weight other than zero
/// fit any scale, whatever theirs says. Throws Error, naming the tensor, if it is of another type,
/// if two blocks disagree on the scale, if a code is not a trit, if a scale is not finite, or if
/// the order of the weights is not known.
TernaryMatrix decode_ternary(const GgufTensor& tensor);

}  // namespace tern::io
