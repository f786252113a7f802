// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"

/// T5: five trits in a byte, code = sum of (t[i] + 1) * 3^i, 0 to 242.
/// Plane layout: the trits are one column of five neighbouring rows. Value layout: they are the
/// balanced-ternary digits of one integer in -121..121, so that code = value + 121. Codes above 242
/// are illegal; they decode to five zeros and are counted.
namespace tern::spec {

struct Trits {
  int8_t t[kTritsPerByte];  ///< -1, 0 or +1.
};

inline constexpr int32_t kPow3[kMaxPlanes] = {1, 3, 9, 27, 81};

constexpr bool t5_legal(uint8_t code) { return code < kT5Codes; }

constexpr uint8_t t5_pack(const Trits& trits) {
  int32_t code = 0;
  for (uint32_t i = 0; i < kTritsPerByte; ++i) code += (trits.t[i] + 1) * kPow3[i];
  return static_cast<uint8_t>(code);
}

constexpr Trits t5_decode(uint8_t code) {
  Trits out{};
  if (!t5_legal(code)) return out;
  for (uint32_t i = 0; i < kTritsPerByte; ++i) {
    out.t[i] = static_cast<int8_t>(code % 3 - 1);
    code = static_cast<uint8_t>(code / 3);
  }
  return out;
}

/// value in -121..121.
constexpr uint8_t t5_pack_value(int32_t value) {
  return static_cast<uint8_t>(value + static_cast<int32_t>(kValueMax));
}

constexpr int32_t t5_decode_value(uint8_t code) {
  return t5_legal(code) ? static_cast<int32_t>(code) - static_cast<int32_t>(kValueMax) : 0;
}

static_assert(t5_pack({{0, 0, 0, 0, 0}}) == kT5Zero && t5_pack_value(0) == kT5Zero);
static_assert(t5_pack({{1, 1, 1, 1, 1}}) == 242 && t5_pack({{-1, -1, -1, -1, -1}}) == 0);
static_assert(t5_pack({{1, 0, 0, 0, 0}}) == 122 && t5_pack({{0, 0, 0, 0, 1}}) == 202);
static_assert(t5_decode(0).t[0] == -1 && t5_decode(122).t[0] == 1 && t5_decode(122).t[1] == 0);
static_assert(t5_decode(243).t[0] == 0 && t5_decode_value(255) == 0 && t5_decode_value(242) == 121);

}  // namespace tern::spec
