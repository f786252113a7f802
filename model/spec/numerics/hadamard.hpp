// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/fixed.hpp"

/// hadamard: the Walsh-Hadamard transform y[i] = sum over j of (-1)^popcount(i & j) x[j], natural
/// (Hadamard) order, not normalised, n a power of two. int32 in place by log2 n butterfly stages of
/// distance 1, 2, 4, ... n / 2; each sum saturates. Exact while the sum of |x| stays below 2^31;
/// applied twice it is then n times x.
namespace tern::spec {

/// One stage of distance d = 2^k on x [n], n a multiple of 2 d: x[i] + x[i + d] and x[i] - x[i + d]
/// for every i with bit k clear.
constexpr void hadamard_stage(int32_t* x, int n, int k) {
  const int d = 1 << k;
  for (int i = 0; i < n; ++i) {
    if (i & d) continue;
    const int64_t a = x[i];
    const int64_t b = x[i + d];
    x[i] = sat32(a + b);
    x[i + d] = sat32(a - b);
  }
}

/// x [n].
constexpr void hadamard(int32_t* x, int n) {
  for (int k = 0; 1 << k < n; ++k) hadamard_stage(x, n, k);
}

namespace hadamard_examples {
struct Four {
  int32_t x[4];
  constexpr bool operator==(const Four&) const = default;
};
constexpr Four run(Four v) {
  hadamard(v.x, 4);
  return v;
}
static_assert(run({{1, 0, 0, 0}}) == Four{{1, 1, 1, 1}});
static_assert(run({{0, 1, 0, 0}}) == Four{{1, -1, 1, -1}});
static_assert(run({{0, 0, 1, 0}}) == Four{{1, 1, -1, -1}});
static_assert(run({{5, -2, 7, 1}}) == Four{{11, 13, -5, 1}});
static_assert(run(run({{5, -2, 7, 1}})) == Four{{20, -8, 28, 4}});
static_assert(run({{INT32_MAX, 0, INT32_MAX, 0}}) == Four{{INT32_MAX, INT32_MAX, 0, 0}});
constexpr int32_t single(int32_t v) {
  hadamard(&v, 1);
  return v;
}
static_assert(single(9) == 9);
}  // namespace hadamard_examples

}  // namespace tern::spec
