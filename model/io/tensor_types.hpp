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
  kQ8_0 = 8,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
};

/// Storage of a decodable type: `block_bytes` hold `block_elements` neighbouring elements of a row.
struct TensorTypeInfo {
  std::uint32_t id = 0;
  std::string_view name;
  std::uint32_t block_elements = 1;
  std::uint32_t block_bytes = 0;
};

/// nullptr for a type that cannot be decoded.
const TensorTypeInfo* tensor_type_info(std::uint32_t id);
/// ggml's name of any known id ("Q4_K"), else "unknown type 99".
std::string tensor_type_name(std::uint32_t id);
/// "F32, F16, ..." for messages.
std::string supported_tensor_types();

/// Is the tensor stored in one of the ternary types?
bool is_ternary(const GgufTensor& tensor);

/// Elements [first, first + out.size()) in storage order (row by row) as float; `first` and the
/// length must be multiples of the type's block_elements. Throws Error, naming the tensor, on a
/// value that is not finite.
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

/// The trits and the scale of a TQ1_0 or TQ2_0 tensor. Blocks without a weight other than zero fit
/// any scale, whatever theirs says. Throws Error, naming the tensor, if it is of another type, if
/// two blocks disagree on the scale, if a code is not a trit, or if a scale is not finite.
TernaryMatrix decode_ternary(const GgufTensor& tensor);

}  // namespace tern::io
