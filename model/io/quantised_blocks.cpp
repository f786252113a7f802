// SPDX-License-Identifier: Apache-2.0
#include "io/quantised_blocks.hpp"

#include <cstdint>

#include "io/tensor_blocks.hpp"

namespace tern::io {

namespace {

int byte_at(const std::byte* bytes, int i) { return static_cast<int>(bytes[i]); }

float half_at(const std::byte* bytes, int at) { return half_to_float(load16(bytes + at)); }

/// 32 values of four bits, the low halves of 16 bytes before the high ones; with a fifth bit each
/// in `fifth` if it is given.
struct Nibbles {
  const std::byte* bytes;
  const std::byte* fifth = nullptr;

  int operator[](int i) const {
    const int low = byte_at(bytes, i % 16) >> (i < 16 ? 0 : 4) & 15;
    return fifth == nullptr ? low : low | (byte_at(fifth, i / 8) >> (i % 8) & 1) << 4;
  }
};

/// value = scale * (code - zero).
void decode_centred(float scale, const Nibbles& codes, int zero, float* out) {
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(codes[i] - zero);
}

/// value = scale * code + least.
void decode_offset(float scale, float least, const Nibbles& codes, float* out) {
  for (int i = 0; i < 32; ++i) out[i] = scale * static_cast<float>(codes[i]) + least;
}

/// Codes of two bits: code i of 256 is in byte i / 128 * 32 + i % 32.
int two_bits_of(const std::byte* bytes, int i) {
  return byte_at(bytes, i / 128 * 32 + i % 32) >> (i % 128 / 32 * 2) & 3;
}

void decode_q2_k(const std::byte* bytes, float* out) {
  const std::byte* codes = bytes + 16;
  const float unit = half_at(bytes, 80), least_unit = half_at(bytes, 82);
  for (int i = 0; i < 256; ++i) {
    const int pair = byte_at(bytes, i / 16);
    const float scale = unit * static_cast<float>(pair & 15);
    const float least = least_unit * static_cast<float>(pair >> 4);
    out[i] = scale * static_cast<float>(two_bits_of(codes, i)) - least;
  }
}

void decode_q3_k(const std::byte* bytes, float* out) {
  const std::byte *high = bytes, *codes = bytes + 32, *scales = bytes + 96;
  const float unit = half_at(bytes, 108);
  for (int i = 0; i < 256; ++i) {
    const int group = i / 16;
    const int low_bits = byte_at(scales, group % 8) >> (group < 8 ? 0 : 4) & 15;
    const int high_bits = byte_at(scales, 8 + group % 4) >> (group / 4 * 2) & 3;
    const float scale = unit * static_cast<float>((low_bits | high_bits << 4) - 32);
    const int third = byte_at(high, i % 32) >> (i / 32) & 1;
    out[i] = scale * static_cast<float>(two_bits_of(codes, i) - (third != 0 ? 0 : 4));
  }
}

/// Scale and least value of 32 weights, six bits each, eight pairs in 12 bytes.
struct ScaleAndLeast {
  int scale, least;
};
ScaleAndLeast six_bits(const std::byte* b, int i) {
  if (i < 4) return {byte_at(b, i) & 63, byte_at(b, i + 4) & 63};
  const int both = byte_at(b, i + 4);
  return {(both & 15) | byte_at(b, i - 4) >> 6 << 4, both >> 4 | byte_at(b, i) >> 6 << 4};
}

/// Q4_K, and Q5_K with `fifth`: 64 neighbouring weights in the low and then the high halves of 32
/// bytes; bit n of byte i of `fifth` belongs to weight 32 n + i.
void decode_q45_k(const std::byte* bytes, const std::byte* fifth, const std::byte* codes,
                  float* out) {
  const float unit = half_at(bytes, 0), least_unit = half_at(bytes, 2);
  for (int i = 0; i < 256; ++i) {
    const ScaleAndLeast s = six_bits(bytes + 4, i / 32);
    const float scale = unit * static_cast<float>(s.scale);
    const float least = least_unit * static_cast<float>(s.least);
    int code = byte_at(codes, i / 64 * 32 + i % 32) >> (i / 32 % 2 * 4) & 15;
    if (fifth != nullptr) code |= (byte_at(fifth, i % 32) >> (i / 32) & 1) << 4;
    out[i] = scale * static_cast<float>(code) - least;
  }
}

void decode_q6_k(const std::byte* bytes, float* out) {
  const std::byte *low = bytes, *high = bytes + 128, *scales = bytes + 192;
  const float unit = half_at(bytes, 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, quarter = i % 128 / 32, at = i % 32;
    const int low_bits =
        byte_at(low, 64 * half + 32 * (quarter % 2) + at) >> (quarter < 2 ? 0 : 4) & 15;
    const int high_bits = byte_at(high, 32 * half + at) >> (2 * quarter) & 3;
    const float scale = unit * static_cast<float>(static_cast<std::int8_t>(scales[i / 16]));
    out[i] = scale * static_cast<float>((low_bits | high_bits << 4) - 32);
  }
}

}  // namespace

void decode_quantised_block(TensorType type, const std::byte* bytes, float* out) {
  const float unit = half_at(bytes, 0);
  switch (type) {
    case TensorType::kQ4_0:
      return decode_centred(unit, {bytes + 2}, 8, out);
    case TensorType::kQ4_1:
      return decode_offset(unit, half_at(bytes, 2), {bytes + 4}, out);
    case TensorType::kQ5_0:
      return decode_centred(unit, {bytes + 6, bytes + 2}, 16, out);
    case TensorType::kQ5_1:
      return decode_offset(unit, half_at(bytes, 2), {bytes + 8, bytes + 4}, out);
    case TensorType::kQ2_K:
      return decode_q2_k(bytes, out);
    case TensorType::kQ3_K:
      return decode_q3_k(bytes, out);
    case TensorType::kQ4_K:
      return decode_q45_k(bytes, nullptr, bytes + 16, out);
    case TensorType::kQ5_K:
      return decode_q45_k(bytes, bytes + 16, bytes + 48, out);
    case TensorType::kQ6_K:
      return decode_q6_k(bytes, out);
    default:
      return;
  }
}

}  // namespace tern::io
