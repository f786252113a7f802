// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/t5.hpp"

/// dot: the exact sum of w * x, int32. w is a trit, n planes of trits weighted 3^p, or a value in
/// -121..121; x is int8. |sum| <= 128 * 121 * n, so n <= 131072 (kMaxDotLength) cannot wrap;
/// loaders refuse more. Sums of integers do not depend on their order, so every tiling gives the
/// same bits.
namespace tern::spec {

constexpr int32_t dot(const int8_t* w, const int8_t* x, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<int32_t>(w[i]) * x[i];
  return sum;
}

/// The weight that `planes` trits stand for: sum of t[p] * 3^p.
constexpr int32_t plane_value(const int8_t* trits, int planes) {
  int32_t value = 0;
  for (int p = 0; p < planes; ++p) value += trits[p] * kPow3[p];
  return value;
}

namespace dot_examples {
inline constexpr int8_t kW[3] = {1, -1, 0};
inline constexpr int8_t kX[3] = {-128, 127, 5};
inline constexpr int8_t kOnes[5] = {1, 1, 1, 1, 1};
static_assert(dot(kW, kX, 3) == -255 && dot(kW, kX, 0) == 0);
static_assert(plane_value(kOnes, 5) == 121 && plane_value(kOnes, 1) == 1);
static_assert(int64_t{128} * kValueMax * kMaxDotLength <= INT32_MAX);
}  // namespace dot_examples

}  // namespace tern::spec
