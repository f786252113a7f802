// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_blocks.hpp"

#include <bit>
#include <cstring>

#include "io/quantised_blocks.hpp"

namespace tern::io {

namespace {

/// Digit n (0: the most significant of five) of a TQ1_0 byte, minus one.
constexpr std::int8_t tq1_trit(std::uint8_t byte, int n) {
  constexpr int kPower[] = {1, 3, 9, 27, 81};
  const auto shifted = static_cast<std::uint8_t>(byte * kPower[n]);
  return static_cast<std::int8_t>(((shifted * 3) >> 8) - 1);
}
static_assert(tq1_trit(0, 0) == -1 && tq1_trit(255, 0) == 1 && tq1_trit(255, 4) == 1);
static_assert(tq1_trit(128, 0) == 0 && tq1_trit(128, 4) == 0);  // ceil(121 * 256 / 243) = 128

/// Digits of `count` bytes, digit n of all of them before digit n + 1; returns what follows `out`.
std::int8_t* tq1_digits(const std::byte* bytes, int count, int digits, std::int8_t* out) {
  for (int n = 0; n < digits; ++n) {
    for (int m = 0; m < count; ++m) *out++ = tq1_trit(static_cast<std::uint8_t>(bytes[m]), n);
  }
  return out;
}

std::int8_t two_bits(std::byte byte, int shift) {
  return static_cast<std::int8_t>(((static_cast<int>(byte) >> shift) & 3) - 1);
}

/// Neighbouring codes in one byte, the lowest bits first.
void two_bit_sequence(const std::byte* bytes, std::uint32_t count, std::int8_t* out) {
  for (std::uint32_t j = 0; j < count; ++j) {
    out[j] = two_bits(bytes[j / 4], 2 * static_cast<int>(j % 4));
  }
}

/// Codes a stride apart in one byte: code n of byte m is element n * stride + m, at bits
/// first_shift + n * step.
void two_bit_strides(const std::byte* bytes, int stride, int first_shift, int step,
                     std::int8_t* out) {
  for (int n = 0; n < 4; ++n) {
    for (int m = 0; m < stride; ++m) {
      out[n * stride + m] = two_bits(bytes[m], first_shift + n * step);
    }
  }
}

}  // namespace

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

void decode_ternary_block(const TensorTypeInfo& info, const std::byte* bytes, TernaryBlock& out) {
  std::int8_t* codes = out.codes.data();
  switch (info.type) {
    case TensorType::kTQ1_0:
      codes = tq1_digits(bytes, 32, 5, codes);
      codes = tq1_digits(bytes + 32, 16, 5, codes);
      tq1_digits(bytes + 48, 4, 4, codes);
      out.scale = half_to_float(load16(bytes + 52));
      return;
    case TensorType::kPTQ1_0:
      codes = tq1_digits(bytes, 16, 5, codes);
      codes = tq1_digits(bytes + 16, 8, 5, codes);
      tq1_digits(bytes + 24, 2, 4, codes);
      out.scale = half_to_float(load16(bytes + 26));
      return;
    case TensorType::kTQ2_0:
      two_bit_strides(bytes, 32, 0, 2, codes);
      two_bit_strides(bytes + 32, 32, 0, 2, codes + 128);
      out.scale = half_to_float(load16(bytes + 64));
      return;
    case TensorType::kI2_S:
      two_bit_strides(bytes, static_cast<int>(info.block_bytes), 6, -2, codes);
      return;
    case TensorType::kQ1_0:
      for (int j = 0; j < 128; ++j) {
        codes[j] = (static_cast<int>(bytes[2 + j / 8]) >> (j % 8)) & 1 ? 1 : -1;
      }
      out.scale = half_to_float(load16(bytes));
      return;
    case TensorType::kQ2_0:
    case TensorType::kPQ2_0:
      two_bit_sequence(bytes + 2, info.block_elements, codes);
      out.scale = half_to_float(load16(bytes));
      return;
    default:
      return;
  }
}

void decode_float_block(const TensorTypeInfo& info, const std::byte* bytes, float* out) {
  switch (info.type) {
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
    default:
      decode_quantised_block(info.type, bytes, out);
      return;
  }
}

}  // namespace tern::io
