// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_types.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "io/error.hpp"
#include "io/tensor_blocks.hpp"

namespace tern::io {

namespace {

constexpr TensorTypeInfo kSupported[] = {
    {TensorType::kF32, TensorLayout::kStandard, "F32", 1, 4},
    {TensorType::kF16, TensorLayout::kStandard, "F16", 1, 2},
    {TensorType::kBF16, TensorLayout::kStandard, "BF16", 1, 2},
    {TensorType::kQ8_0, TensorLayout::kStandard, "Q8_0", 32, 34},
    {TensorType::kQ4_0, TensorLayout::kStandard, "Q4_0", 32, 18},
    {TensorType::kQ4_1, TensorLayout::kStandard, "Q4_1", 32, 20},
    {TensorType::kQ5_0, TensorLayout::kStandard, "Q5_0", 32, 22},
    {TensorType::kQ5_1, TensorLayout::kStandard, "Q5_1", 32, 24},
    {TensorType::kQ2_K, TensorLayout::kStandard, "Q2_K", 256, 84},
    {TensorType::kQ3_K, TensorLayout::kStandard, "Q3_K", 256, 110},
    {TensorType::kQ4_K, TensorLayout::kStandard, "Q4_K", 256, 144},
    {TensorType::kQ5_K, TensorLayout::kStandard, "Q5_K", 256, 176},
    {TensorType::kQ6_K, TensorLayout::kStandard, "Q6_K", 256, 210},
    {TensorType::kTQ1_0, TensorLayout::kStandard, "TQ1_0", 256, 54, 0, true},
    {TensorType::kTQ2_0, TensorLayout::kStandard, "TQ2_0", 256, 66, 0, true},
    // Where nothing tells the order the size is still known: n/4 bytes, then a scale, padded.
    {TensorType::kI2_S, TensorLayout::kStandard, "I2_S", 64, 16, 32, true},
    {TensorType::kI2_S, TensorLayout::kX86, "I2_S", 128, 32, 32, true},
    {TensorType::kI2_S, TensorLayout::kArm, "I2_S", 64, 16, 32, true},
    {TensorType::kQ1_0, TensorLayout::kStandard, "Q1_0", 128, 18, 0, true},
    {TensorType::kQ2_0, TensorLayout::kStandard, "Q2_0", 64, 18, 0, true},
    {TensorType::kQ2_0, TensorLayout::kBlocksOf128, "Q2_0", 128, 34, 0, true},
    {TensorType::kPQ2_0, TensorLayout::kStandard, "PQ2_0", 128, 34, 0, true},
    {TensorType::kPTQ1_0, TensorLayout::kStandard, "PTQ1_0", 128, 28, 0, true},
};

struct KnownName {
  std::uint32_t id;
  std::string_view name;
};
constexpr KnownName kUnsupported[] = {
    {9, "Q8_1"},          {15, "Q8_K"},     {16, "IQ2_XXS"},  {17, "IQ2_XS"},   {18, "IQ3_XXS"},
    {19, "IQ1_S"},        {20, "IQ4_NL"},   {21, "IQ3_S"},    {22, "IQ2_S"},    {23, "IQ4_XS"},
    {24, "I8"},           {25, "I16"},      {26, "I32"},      {27, "I64"},      {28, "F64"},
    {29, "IQ1_M"},        {31, "Q4_0_4_4"}, {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"}, {38, "TL1"},
    {39, "MXFP4 or TL2"}, {40, "NVFP4"},
};

template <typename Wanted>
std::string names(Wanted wanted) {
  std::string result;
  for (const TensorTypeInfo& info : kSupported) {
    if (info.layout != TensorLayout::kStandard || !wanted(info)) continue;
    result += fmt::format("{}{}", result.empty() ? "" : ", ", info.name);
  }
  return result;
}

/// Where element `index` stands, for messages.
std::string position(const GgufTensor& tensor, std::uint64_t index) {
  return fmt::format("row {} column {}", index / tensor.cols(), index % tensor.cols());
}

}  // namespace

const TensorTypeInfo* tensor_type_info(std::uint32_t id, TensorLayout layout) {
  const auto found =
      std::find_if(std::begin(kSupported), std::end(kSupported), [&](const TensorTypeInfo& info) {
        return static_cast<std::uint32_t>(info.type) == id && info.layout == layout;
      });
  return found == std::end(kSupported) ? nullptr : found;
}

const TensorTypeInfo& tensor_type_info(const GgufTensor& tensor) {
  const TensorTypeInfo* info = tensor_type_info(tensor.type, tensor.layout);
  if (info == nullptr) {
    throw Error("{}: tensor {} is stored as {}, which is not supported; supported: {}", tensor.file,
                quote(tensor.name), tensor_type_name(tensor.type), supported_tensor_types());
  }
  return *info;
}

std::string tensor_type_name(std::uint32_t id) {
  if (const TensorTypeInfo* info = tensor_type_info(id)) return std::string(info->name);
  for (const KnownName& known : kUnsupported) {
    if (known.id == id) return std::string(known.name);
  }
  return fmt::format("unknown type {}", id);
}

std::string supported_tensor_types() {
  return names([](const TensorTypeInfo&) { return true; });
}

std::string supported_ternary_types() {
  return names([](const TensorTypeInfo& info) { return info.ternary; });
}

float tensor_scale_of(const GgufTensor& tensor) {
  const TensorTypeInfo& type = tensor_type_info(tensor);
  if (type.trailer_bytes == 0) return 0;
  if (type.layout == TensorLayout::kStandard) {
    throw Error(
        "{}: tensor {:?} is stored as I2_S, and nothing in the file says whether x86 or ARM "
        "order; give --i2s-order x86 or --i2s-order arm (files for download are usually x86)",
        tensor.file, tensor.name);
  }
  float scale;
  std::memcpy(&scale, tensor.bytes.data() + tensor.elements() / 4, sizeof(scale));
  return scale;
}

bool is_ternary(const GgufTensor& tensor) {
  const TensorTypeInfo* info = tensor_type_info(tensor.type, tensor.layout);
  return info != nullptr && info->ternary;
}

void decode_floats(const GgufTensor& tensor, std::uint64_t first, std::span<float> out) {
  const TensorTypeInfo& type = tensor_type_info(tensor);
  const std::uint32_t step = type.block_elements;
  if (first % step != 0 || out.size() % step != 0 || first > tensor.elements() ||
      out.size() > tensor.elements() - first) {
    throw Error("{}: tensor {:?}: elements {} to {} cannot be read: it has {} in blocks of {}",
                tensor.file, tensor.name, first, first + out.size(), tensor.elements(), step);
  }
  const std::byte* block = tensor.bytes.data() + first / step * type.block_bytes;
  const float tensor_scale = tensor_scale_of(tensor);
  TernaryBlock ternary;
  for (std::size_t i = 0; i < out.size(); i += step, block += type.block_bytes) {
    if (!type.ternary) {
      decode_float_block(type, block, out.data() + i);
      continue;
    }
    decode_ternary_block(type, block, ternary);
    const float scale = type.trailer_bytes != 0 ? tensor_scale : ternary.scale;
    for (std::size_t j = 0; j < step; ++j) out[i + j] = ternary.codes[j] * scale;
  }
  const auto bad =
      std::find_if_not(out.begin(), out.end(), [](float x) { return std::isfinite(x); });
  if (bad != out.end()) {
    throw Error("{}: tensor {:?} is not finite at {}; the file is corrupt", tensor.file,
                tensor.name,
                position(tensor, first + static_cast<std::uint64_t>(bad - out.begin())));
  }
}

std::vector<float> decode_floats(const GgufTensor& tensor) {
  std::vector<float> result(tensor.elements());
  decode_floats(tensor, 0, result);
  return result;
}

bool has_one_scale(const GgufTensor& tensor) {
  const TensorTypeInfo& type = tensor_type_info(tensor);
  if (!type.ternary) return false;
  float scale = 0;
  TernaryBlock block;
  const std::uint32_t step = type.block_elements;
  if (type.trailer_bytes != 0) return true;
  for (std::uint64_t first = 0; first < tensor.elements(); first += step) {
    decode_ternary_block(type, tensor.bytes.data() + first / step * type.block_bytes, block);
    const float magnitude = std::abs(block.scale);
    const bool any = std::any_of(block.codes.begin(), block.codes.begin() + step, std::identity());
    if (magnitude == 0 || !any) continue;
    if (scale == 0) scale = magnitude;
    if (magnitude != scale) return false;
  }
  return true;
}

TernaryMatrix decode_ternary(const GgufTensor& tensor) {
  if (!is_ternary(tensor)) {
    throw Error("{}: tensor {:?} is stored as {}, a ternary type is expected: {}", tensor.file,
                tensor.name, tensor_type_name(tensor.type), supported_ternary_types());
  }
  const TensorTypeInfo& type = tensor_type_info(tensor);
  const float tensor_scale = tensor_scale_of(tensor);
  TernaryMatrix matrix{tensor.rows(), tensor.cols(), {}, 0};
  matrix.trits.resize(tensor.elements());
  TernaryBlock block;
  const std::uint32_t step = type.block_elements;
  for (std::uint64_t first = 0; first < tensor.elements(); first += step) {
    decode_ternary_block(type, tensor.bytes.data() + first / step * type.block_bytes, block);
    const float signed_scale = type.trailer_bytes != 0 ? tensor_scale : block.scale;
    const float scale = std::abs(signed_scale);
    if (!std::isfinite(scale)) {
      throw Error("{}: tensor {:?}: the scale at {} is not finite; the file is corrupt",
                  tensor.file, tensor.name, position(tensor, first));
    }
    const std::span<const std::int8_t> codes(block.codes.data(), step);
    const auto illegal = std::find(codes.begin(), codes.end(), 2);
    if (illegal != codes.end()) {
      throw Error("{}: tensor {:?}: the code at {} is 3, which is not a trit", tensor.file,
                  tensor.name,
                  position(tensor, first + static_cast<std::uint64_t>(illegal - codes.begin())));
    }
    const bool all_zero = std::all_of(codes.begin(), codes.end(), [](int t) { return t == 0; });
    if (scale == 0 || all_zero) continue;
    if (matrix.scale == 0) matrix.scale = scale;
    if (scale != matrix.scale) {
      throw Error(
          "{}: tensor {:?} has scale {} and, from {}, scale {}; several scales per matrix are not "
          "supported",
          tensor.file, tensor.name, matrix.scale, position(tensor, first), scale);
    }
    const int sign = signed_scale < 0 ? -1 : 1;
    std::transform(codes.begin(), codes.end(), matrix.trits.begin() + first,
                   [&](int code) { return static_cast<std::int8_t>(sign * code); });
  }
  return matrix;
}

}  // namespace tern::io
