// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/scale.hpp"
#include "spec/numerics/silu.hpp"

/// glu: h = f(gate) * up, for f = squared ReLU (BitNet b1.58 2B-4T, arXiv 2504.12285) or SiLU.
/// gate, up: int32 accumulators. h: int32 in block fixed point: shifts come from the largest
/// magnitudes of the two vectors, so that |h| <= 2^30 always and h keeps about 30 bits below the
/// largest product, far more than the int8 quantisation that follows sees. All roundings tie up.
/// Zero gates or ups give 0. Squared ReLU works on the accumulators and saturates nowhere; SiLU
/// needs the gate's real value, which is taken in Q18.
namespace tern::spec {

struct GluShifts {
  int gate;  ///< Right shift after f.
  int up;    ///< Right shift after the product with up.
};

constexpr GluShifts relu2_shifts(uint32_t gate_max, uint32_t up_max) {
  const int squared = 2 * bit_width(gate_max);
  const int gate = squared > 30 ? squared - 30 : 0;
  const int product = squared - gate + bit_width(up_max);
  return {gate, product > 30 ? product - 30 : 0};
}

/// Worth gate_unit^2 * up_unit * 2^(shifts.gate + shifts.up).
constexpr int32_t relu2_glu(int32_t gate, int32_t up, GluShifts shifts) {
  if (gate <= 0) return 0;
  const int64_t squared = rshift_round(static_cast<int64_t>(gate) * gate, shifts.gate);
  return static_cast<int32_t>(rshift_round(squared * up, shifts.up));
}

/// The gate in Q18, for silu(): saturated to int32, that is to +-8192.
constexpr int32_t silu_input(int32_t gate, Scale gate_unit) {
  return scale_apply(gate, gate_unit, kSiluFrac);
}

/// For silu_max = max |silu(silu_input(gate))|.
constexpr int silu_shift(uint32_t silu_max, uint32_t up_max) {
  const int product = bit_width(silu_max) + bit_width(up_max);
  return product > 30 ? product - 30 : 0;
}

/// `gated` is silu(silu_input(gate)). Worth up_unit * 2^(shift - kSiluFrac).
constexpr int32_t silu_glu(int32_t gated, int32_t up, int shift) {
  return static_cast<int32_t>(rshift_round(static_cast<int64_t>(gated) * up, shift));
}

static_assert(relu2_glu(3, -5, relu2_shifts(3, 5)) == -45 &&
              relu2_glu(-3, 5, relu2_shifts(3, 5)) == 0);
static_assert(relu2_shifts(1 << 20, 1 << 20).gate == 12 && relu2_shifts(1 << 20, 1 << 20).up == 21);
static_assert(relu2_glu(1 << 20, 1 << 20, relu2_shifts(1 << 20, 1 << 20)) == 1 << 27);
static_assert(silu_shift(1 << 18, 1 << 18) == 8 && silu_shift(100, 100) == 0);
static_assert(silu_glu(silu(silu_input(-5, make_scale(1))), 3, 0) == -3 * 8772);  // 5 / (1 + e^5)
static_assert(silu_input(1 << 20, make_scale(1)) == INT32_MAX);

}  // namespace tern::spec
