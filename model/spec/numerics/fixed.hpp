// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "spec/generated/tables.hpp"

/// Integer helpers that every operator shares. Freestanding: runs on the chip's controller as on
/// the host.
namespace tern::spec {

/// Zeros above the highest one of v != 0. By halves: the controller has no instruction for it.
constexpr int leading_zeros(uint32_t v) {
  int n = 0;
  if (v >> 16 == 0) {
    v <<= 16;
    n = 16;
  }
  if (v >> 24 == 0) {
    v <<= 8;
    n += 8;
  }
  if (v >> 28 == 0) {
    v <<= 4;
    n += 4;
  }
  if (v >> 30 == 0) {
    v <<= 2;
    n += 2;
  }
  return v >> 31 == 0 ? n + 1 : n;
}

/// Bits needed for `v`: 0 for 0, otherwise floor(log2 v) + 1.
constexpr int bit_width(uint64_t v) {
  const auto high = static_cast<uint32_t>(v >> 32);
  if (high != 0) return 64 - leading_zeros(high);
  const auto low = static_cast<uint32_t>(v);
  return low == 0 ? 0 : 32 - leading_zeros(low);
}

constexpr uint32_t abs32(int32_t v) {
  return v < 0 ? 0u - static_cast<uint32_t>(v) : static_cast<uint32_t>(v);
}

constexpr int32_t sat32(int64_t v) {
  return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : static_cast<int32_t>(v);
}

/// v * 2^-k, ties towards plus infinity (add half, then shift: here in halves, one wide shift). 0
/// <= k; |v| < 2^62. Shifts of 63 and more give 0.
constexpr int64_t rshift_round(int64_t v, int k) {
  if (k <= 0) return v;
  if (k > 62) return 0;
  return ((v >> (k - 1)) + 1) >> 1;
}

/// v * 2^-k saturated to int32; k may be negative.
constexpr int32_t rshift_round_sat(int64_t v, int k) {
  if (k >= 0) return sat32(rshift_round(v, k));
  if (v == 0) return 0;
  if (-k > 31) return v > 0 ? INT32_MAX : INT32_MIN;
  const int64_t limit = int64_t{1} << (31 + k);  // |v| at which v << -k leaves int32
  if (v >= limit) return INT32_MAX;
  if (v < -limit) return INT32_MIN;
  return static_cast<int32_t>(v * (int64_t{1} << -k));
}

/// Largest magnitude of a vector; 0 for an empty one.
constexpr uint32_t max_abs(const int32_t* x, int n) {
  uint32_t a = 0;
  for (int i = 0; i < n; ++i) a = abs32(x[i]) > a ? abs32(x[i]) : a;
  return a;
}

/// Linear interpolation in a table of 257 Q30 entries over [0, 1]; t is Q16, 0 <= t <= 65536.
constexpr uint32_t interpolate(const uint32_t (&table)[257], uint32_t t) {
  const uint32_t i = t >> 8;
  if (i >= 256) return table[256];
  const int64_t step = static_cast<int64_t>(table[i + 1]) - static_cast<int64_t>(table[i]);
  return static_cast<uint32_t>(table[i] + rshift_round(step * (t & 255), 8));
}

/// 2^d in Q30 for d <= 0 in Q16; relative error below 1.0e-6 while the result has the bits for it.
constexpr uint32_t exp2_q30(int32_t d) {
  const uint32_t n = 0u - static_cast<uint32_t>(d);
  const int whole = static_cast<int>(n >> 16);
  if (whole > 31) return 0;
  return static_cast<uint32_t>(
      rshift_round(interpolate(kExp2Table, 65536 - (n & 0xffff)), whole + 1));
}

static_assert(bit_width(0) == 0 && bit_width(1) == 1 && bit_width(255) == 8 && bit_width(256) == 9);
static_assert(bit_width(~0ull) == 64);
static_assert(rshift_round(5, 1) == 3 && rshift_round(-5, 1) == -2 && rshift_round(-6, 2) == -1);
static_assert(rshift_round(7, 0) == 7 && rshift_round(1000, 63) == 0);
static_assert(rshift_round_sat(1, -30) == 1 << 30 && rshift_round_sat(1, -31) == INT32_MAX);
static_assert(rshift_round_sat(-1, -31) == INT32_MIN && rshift_round_sat(-2, -31) == INT32_MIN);
static_assert(sat32(int64_t{1} << 40) == INT32_MAX);
static_assert(exp2_q30(0) == 1u << 30 && exp2_q30(-65536) == 1u << 29);
static_assert(exp2_q30(-32768) == 759250125u);  // 2^-0.5 * 2^30
static_assert(exp2_q30(-(40 << 16)) == 0);

}  // namespace tern::spec
