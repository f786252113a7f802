#include "io/tensor_types.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "io/error.hpp"

namespace tern::io {

namespace {

constexpr std::uint32_t id(TensorType type) { return static_cast<std::uint32_t>(type); }

constexpr TensorTypeInfo kSupported[] = {
    {id(TensorType::kF32), "F32", 1, 4},        {id(TensorType::kF16), "F16", 1, 2},
    {id(TensorType::kBF16), "BF16", 1, 2},      {id(TensorType::kQ8_0), "Q8_0", 32, 34},
    {id(TensorType::kTQ1_0), "TQ1_0", 256, 54}, {id(TensorType::kTQ2_0), "TQ2_0", 256, 66},
};

struct KnownName {
  std::uint32_t id;
  std::string_view name;
};
constexpr KnownName kUnsupported[] = {
    {2, "Q4_0"},          {3, "Q4_1"},      {6, "Q5_0"},      {7, "Q5_1"},     {9, "Q8_1"},
    {10, "Q2_K"},         {11, "Q3_K"},     {12, "Q4_K"},     {13, "Q5_K"},    {14, "Q6_K"},
    {15, "Q8_K"},         {16, "IQ2_XXS"},  {17, "IQ2_XS"},   {18, "IQ3_XXS"}, {19, "IQ1_S"},
    {20, "IQ4_NL"},       {21, "IQ3_S"},    {22, "IQ2_S"},    {23, "IQ4_XS"},  {24, "I8"},
    {25, "I16"},          {26, "I32"},      {27, "I64"},      {28, "F64"},     {29, "IQ1_M"},
    {31, "Q4_0_4_4"},     {32, "Q4_0_4_8"}, {33, "Q4_0_8_8"}, {36, "I2_S"},    {38, "TL1"},
    {39, "MXFP4 or TL2"}, {40, "NVFP4"},    {41, "Q1_0"},     {42, "Q2_0"},    {142, "PQ2_0"},
    {143, "PTQ1_0"},
};

constexpr std::size_t kTernaryBlock = 256;

std::uint16_t load16(const std::byte* bytes) {
  std::uint16_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fff) << 13;
  if ((half & 0x7c00) == 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | magnitude);
  // The exponent's bias is 15 here and 127 in a float; the product also normalises subnormal
  // halves.
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  return sign != 0 ? -value : value;
}

/// A block of a ternary type: 256 codes minus one (-1, 0, +1, and 2 for TQ2_0's illegal code).
struct TernaryBlock {
  std::array<std::int8_t, kTernaryBlock> codes;
  float scale;
};

/// Digit n (0: the most significant of five) of a TQ1_0 byte, minus one.
constexpr std::int8_t tq1_trit(std::uint8_t byte, int n) {
  constexpr int kPower[] = {1, 3, 9, 27, 81};
  const auto shifted = static_cast<std::uint8_t>(byte * kPower[n]);
  return static_cast<std::int8_t>(((shifted * 3) >> 8) - 1);
}
static_assert(tq1_trit(0, 0) == -1 && tq1_trit(255, 0) == 1 && tq1_trit(255, 4) == 1);
static_assert(tq1_trit(128, 0) == 0 && tq1_trit(128, 4) == 0);  // ceil(121 * 256 / 243) = 128

TernaryBlock decode_tq1(const std::byte* bytes) {
  TernaryBlock block;
  const auto byte = [&](int i) { return static_cast<std::uint8_t>(bytes[i]); };
  for (int n = 0; n < 5; ++n) {
    for (int m = 0; m < 32; ++m) block.codes[n * 32 + m] = tq1_trit(byte(m), n);
    for (int m = 0; m < 16; ++m) block.codes[160 + n * 16 + m] = tq1_trit(byte(32 + m), n);
  }
  for (int n = 0; n < 4; ++n) {
    for (int m = 0; m < 4; ++m) block.codes[240 + n * 4 + m] = tq1_trit(byte(48 + m), n);
  }
  block.scale = half_to_float(load16(bytes + 52));
  return block;
}

TernaryBlock decode_tq2(const std::byte* bytes) {
  TernaryBlock block;
  for (int h = 0; h < 2; ++h) {
    for (int n = 0; n < 4; ++n) {
      for (int m = 0; m < 32; ++m) {
        const int code = (static_cast<int>(bytes[32 * h + m]) >> (2 * n)) & 3;
        block.codes[128 * h + 32 * n + m] = static_cast<std::int8_t>(code - 1);
      }
    }
  }
  block.scale = half_to_float(load16(bytes + 64));
  return block;
}

TernaryBlock decode_ternary_block(std::uint32_t type, const std::byte* bytes) {
  return type == id(TensorType::kTQ1_0) ? decode_tq1(bytes) : decode_tq2(bytes);
}

/// One block of any supported type.
void decode_block(std::uint32_t type, const std::byte* bytes, float* out) {
  switch (static_cast<TensorType>(type)) {
    case TensorType::kF32:
      std::memcpy(out, bytes, sizeof(float));
      return;
    case TensorType::kF16:
      *out = half_to_float(load16(bytes));
      return;
    case TensorType::kBF16:
      *out = std::bit_cast<float>(static_cast<std::uint32_t>(load16(bytes)) << 16);
      return;
    case TensorType::kQ8_0: {
      const float scale = half_to_float(load16(bytes));
      for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<std::int8_t>(bytes[2 + i]);
      return;
    }
    case TensorType::kTQ1_0:
    case TensorType::kTQ2_0: {
      const TernaryBlock block = decode_ternary_block(type, bytes);
      for (std::size_t i = 0; i < kTernaryBlock; ++i) out[i] = block.codes[i] * block.scale;
      return;
    }
  }
}

/// Where element `index` stands, for messages.
std::string position(const GgufTensor& tensor, std::uint64_t index) {
  return fmt::format("row {} column {}", index / tensor.cols(), index % tensor.cols());
}

}  // namespace

const TensorTypeInfo* tensor_type_info(std::uint32_t id) {
  const auto found = std::find_if(std::begin(kSupported), std::end(kSupported),
                                  [&](const TensorTypeInfo& info) { return info.id == id; });
  return found == std::end(kSupported) ? nullptr : found;
}

std::string tensor_type_name(std::uint32_t id) {
  if (const TensorTypeInfo* info = tensor_type_info(id)) return std::string(info->name);
  for (const KnownName& known : kUnsupported) {
    if (known.id == id) return std::string(known.name);
  }
  return fmt::format("unknown type {}", id);
}

std::string supported_tensor_types() {
  std::string result;
  for (const TensorTypeInfo& info : kSupported) {
    result += fmt::format("{}{}", result.empty() ? "" : ", ", info.name);
  }
  return result;
}

bool is_ternary(const GgufTensor& tensor) {
  return tensor.type == id(TensorType::kTQ1_0) || tensor.type == id(TensorType::kTQ2_0);
}

void decode_floats(const GgufTensor& tensor, std::uint64_t first, std::span<float> out) {
  const TensorTypeInfo& type = *tensor_type_info(tensor.type);
  if (first % type.block_elements != 0 || out.size() % type.block_elements != 0 ||
      first > tensor.elements() || out.size() > tensor.elements() - first) {
    throw Error("{}: tensor {:?}: elements {} to {} cannot be read: it has {} in blocks of {}",
                tensor.file, tensor.name, first, first + out.size(), tensor.elements(),
                type.block_elements);
  }
  const std::byte* block = tensor.bytes.data() + first / type.block_elements * type.block_bytes;
  for (std::size_t i = 0; i < out.size(); i += type.block_elements) {
    decode_block(tensor.type, block, out.data() + i);
    block += type.block_bytes;
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

TernaryMatrix decode_ternary(const GgufTensor& tensor) {
  if (!is_ternary(tensor)) {
    throw Error("{}: tensor {:?} is stored as {}, a ternary type is expected: TQ1_0 or TQ2_0",
                tensor.file, tensor.name, tensor_type_name(tensor.type));
  }
  const TensorTypeInfo& type = *tensor_type_info(tensor.type);
  TernaryMatrix matrix{tensor.rows(), tensor.cols(), {}, 0};
  matrix.trits.resize(tensor.elements());
  for (std::uint64_t first = 0; first < tensor.elements(); first += kTernaryBlock) {
    const TernaryBlock block = decode_ternary_block(
        tensor.type, tensor.bytes.data() + first / kTernaryBlock * type.block_bytes);
    const float scale = std::abs(block.scale);
    if (!std::isfinite(scale)) {
      throw Error("{}: tensor {:?}: the scale at {} is not finite; the file is corrupt",
                  tensor.file, tensor.name, position(tensor, first));
    }
    const auto illegal = std::find(block.codes.begin(), block.codes.end(), 2);
    if (illegal != block.codes.end()) {
      throw Error(
          "{}: tensor {:?}: the code at {} is 3, which is not a trit", tensor.file, tensor.name,
          position(tensor, first + static_cast<std::uint64_t>(illegal - block.codes.begin())));
    }
    const bool all_zero =
        std::all_of(block.codes.begin(), block.codes.end(), [](int t) { return t == 0; });
    if (scale == 0 || all_zero) continue;
    if (matrix.scale == 0) matrix.scale = scale;
    if (scale != matrix.scale) {
      throw Error(
          "{}: tensor {:?} has scale {} and, from {}, scale {}; several scales per matrix are not "
          "supported",
          tensor.file, tensor.name, matrix.scale, position(tensor, first), scale);
    }
    const int sign = block.scale < 0 ? -1 : 1;
    std::transform(block.codes.begin(), block.codes.end(), matrix.trits.begin() + first,
                   [&](int code) { return static_cast<std::int8_t>(sign * code); });
  }
  return matrix;
}

}  // namespace tern::io
