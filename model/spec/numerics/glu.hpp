#pragma once

#include "spec/numerics/scale.hpp"

/// glu: h = f(gate) * up, for f = squared ReLU (BitNet b1.58 2B-4T, arXiv 2504.12285) or SiLU.
/// gate, up: int32 accumulators. h: int32 in block fixed point: shifts come from the largest
/// magnitudes of the two vectors, so that |h| <= 2^30 always and h keeps about 30 bits below the
/// largest product, far more than the int8 quantisation that follows sees. All roundings tie up;
/// nothing saturates. Zero gates or ups give 0.
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

/// 1 / (1 + 2^-x) in Q30 for x in Q16: by exp2 of -|x| and a table of 1 / (1 + e).
constexpr uint32_t sigmoid2_q30(int32_t x) {
  const uint32_t magnitude = abs32(x);
  const uint32_t clamped = magnitude > (40u << 16) ? (40u << 16) : magnitude;
  const uint32_t e = exp2_q30(-static_cast<int32_t>(clamped));
  const uint32_t r = interpolate(kRecipTable, static_cast<uint32_t>(rshift_round(e, 14)));
  if (x >= 0) return r;
  return static_cast<uint32_t>(rshift_round(static_cast<int64_t>(e) * r, 30));
}

constexpr GluShifts silu_shifts(uint32_t gate_max, uint32_t up_max) {
  const int gate = bit_width(gate_max);
  return {gate, bit_width(up_max)};
}

/// base2_unit: gate_unit * log2 e. Worth gate_unit * up_unit * 2^(shifts.gate + shifts.up - 30).
constexpr int32_t silu_glu(int32_t gate, int32_t up, Scale base2_unit, GluShifts shifts) {
  const int64_t sigmoid = sigmoid2_q30(scale_apply(gate, base2_unit, 16));
  const int64_t gated = rshift_round(gate * sigmoid, shifts.gate);
  return static_cast<int32_t>(rshift_round(gated * up, shifts.up));
}

static_assert(relu2_glu(3, -5, relu2_shifts(3, 5)) == -45 &&
              relu2_glu(-3, 5, relu2_shifts(3, 5)) == 0);
static_assert(relu2_shifts(1 << 20, 1 << 20).gate == 12 && relu2_shifts(1 << 20, 1 << 20).up == 21);
static_assert(relu2_glu(1 << 20, 1 << 20, relu2_shifts(1 << 20, 1 << 20)) == 1 << 27);
static_assert(sigmoid2_q30(0) == 1u << 29 && sigmoid2_q30(40 << 16) == 1u << 30);
static_assert(sigmoid2_q30(65536) == 715827883u && sigmoid2_q30(-65536) == 357913942u);  // 2/3, 1/3
static_assert(silu_glu(0, 100, make_scale(1), silu_shifts(100, 100)) == 0);

}  // namespace tern::spec
