// SPDX-License-Identifier: Apache-2.0
#include "vector_model.hpp"

#include <algorithm>
#include <stdexcept>

#include "spec/numerics/attention.hpp"
#include "spec/numerics/quantise.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/silu.hpp"
#include "spec/numerics/softmax.hpp"

namespace tern::test {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

std::vector<State::Kept> State::top() const {
  std::vector<Kept> sorted = candidates;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Kept& a, const Kept& b) { return a.value > b.value; });
  if (sorted.size() > keep) sorted.resize(keep);
  return sorted;
}

void State::run(const spec::CommandWords& words) {
  if (opcode_of(words) == spec::ChipOpcode::kVector) {
    run_vector(spec::VectorCommand::unpack(words));
  } else {
    run_scalar(spec::ScalarCommand::unpack(words));
  }
}

void State::run_scalar(const spec::ScalarCommand& c) {
  if (c.op == static_cast<uint32_t>(ScalarOp::kTopKClear)) {
    candidates.clear();
    keep = c.constant;
    return;
  }
  const auto word = [](spec::Scale v) { return v.m | uint64_t{static_cast<uint32_t>(v.e)} << 32; };
  std::vector<spec::Scale> scales;
  for (uint32_t r = 0; r < c.rows; ++r) {
    const uint64_t a = scalars[(c.ra + (c.step_a ? r : 0)) % 256];
    const uint64_t b = c.use_b ? scalars[(c.rb + (c.step_b ? r : 0)) % 256] : 0;
    const auto a_low = static_cast<uint32_t>(a), b_low = static_cast<uint32_t>(b);
    const spec::Scale x{a_low, static_cast<int32_t>(a >> 32)};
    const spec::Scale y{b_low, static_cast<int32_t>(b >> 32)};
    const auto constant = static_cast<int32_t>(c.constant);
    const int32_t shift = constant + (c.times_b == 0 ? y.e : c.times_b == 1 ? -y.e : 2 * y.e);
    const auto above = [&](int bits) {
      const uint64_t rest = static_cast<uint64_t>(bits);
      return rest > c.constant ? (rest - c.constant) * 0x1'0000'0001 : 0;
    };
    uint64_t& d = scalars[(c.rd + r) % 256];
    switch (static_cast<ScalarOp>(c.op)) {
      case ScalarOp::kMultiplier: {
        const spec::Multiplier by = spec::quantise_multiplier(a_low, c.constant);
        d = word({by.m, by.k});
        break;
      }
      case ScalarOp::kBits:
        d = above(spec::bit_width(a_low) + spec::bit_width(b_low));
        break;
      case ScalarOp::kBits64:
        d = above(spec::bit_width(a));
        break;
      case ScalarOp::kMakeScale:
        d = word(spec::make_scale(a, shift));
        break;
      case ScalarOp::kScaleMul:
        d = word(spec::scale_shift(spec::scale_mul(x, y), constant));
        break;
      case ScalarOp::kScaleDiv:
        d = word(spec::scale_shift(spec::scale_div(x, y), constant));
        break;
      case ScalarOp::kScaleAdd:
        d = word(spec::scale_add(x, y));
        break;
      case ScalarOp::kScaleSqrt:
        d = word(spec::scale_sqrt(x));
        break;
      case ScalarOp::kScaleShift:
        d = word(spec::scale_shift(x, shift));
        break;
      case ScalarOp::kFactor:
        d = word({x.m, -(x.e + shift)});
        break;
      case ScalarOp::kCommonExponent:
        scales.push_back(x);
        break;
      case ScalarOp::kTopKClear:
        break;
    }
  }
  if (c.op == static_cast<uint32_t>(ScalarOp::kCommonExponent)) {
    const auto count = static_cast<int>(scales.size());
    scalars[c.rd] = word({1, spec::common_exponent(scales.data(), count)});
  }
}

void State::run_vector(const spec::VectorCommand& c) {
  const auto op = static_cast<VectorOp>(c.op);
  const auto reduce = static_cast<Reduce>(c.reduce);
  const auto dest = static_cast<Dest>(c.dest);
  uint64_t reduced = 0;
  bool begun = false;
  for (uint32_t r = 0; r < c.rows; ++r) {
    const uint64_t scalar = scalars[(c.scalar + (c.scalar_step ? r : 0)) % 256];
    const auto lo = static_cast<uint32_t>(scalar);
    const auto hi = static_cast<int32_t>(scalar >> 32);
    const int k = c.use_scalar ? hi : static_cast<int>(c.shift);
    const uint64_t a0 = c.a + uint64_t{r} * c.stride_a, b0 = c.b + uint64_t{r} * c.stride_b;
    const uint64_t dst = c.dst + uint64_t{r} * c.stride_dst;
    const uint32_t count = in_halves(op) ? 2 * c.n : c.n;

    // Results of the row, and what its reduction sees if not them.
    std::vector<int32_t> y(count);
    std::vector<int64_t> wide;
    for (uint32_t i = 0; i < c.n; ++i) {
      const int64_t a = word(a0 + i);
      const auto b = [&] { return int64_t{word(b0 + i)}; };
      switch (op) {
        case VectorOp::kAdd:
          y[i] = spec::sat32(a + b());
          break;
        case VectorOp::kSub:
          y[i] = spec::sat32(a - b());
          break;
        case VectorOp::kMul:
          y[i] = spec::sat32(spec::rshift_round(a * b(), k));
          break;
        case VectorOp::kScale:
          y[i] = spec::rshift_round_sat(a * lo, hi);
          break;
        case VectorOp::kMac: {
          const int64_t sum = b() + spec::rshift_round_sat(a * lo, hi);
          y[i] = spec::sat32(sum);
          saturated += y[i] != sum;
          break;
        }
        case VectorOp::kSquare: {
          const int64_t positive = std::max<int64_t>(a, 0);
          y[i] = spec::sat32(spec::rshift_round(positive * positive, k));
          break;
        }
        case VectorOp::kSumSquares: {
          const int64_t small = spec::rshift_round(a, k);
          wide.push_back(small * small);
          break;
        }
        case VectorOp::kExp2: {
          const int64_t below = a - static_cast<int32_t>(lo);
          y[i] = static_cast<int32_t>(
              spec::exp2_q30(static_cast<int32_t>(std::max<int64_t>(below, -(40 << 16)))));
          break;
        }
        case VectorOp::kRope: {
          const spec::RopePair pair =
              spec::rope_pair(static_cast<int32_t>(a), word(a0 + c.n + i),
                              static_cast<int16_t>(b()), static_cast<int16_t>(word(b0 + c.n + i)));
          y[i] = pair.low;
          y[c.n + i] = pair.high;
          break;
        }
        case VectorOp::kJoin: {
          const int64_t joined =
              spec::join_limbs(static_cast<int32_t>(a), static_cast<int32_t>(b()));
          y[i] = spec::sat32(spec::rshift_round(joined, k));
          if (reduce == Reduce::kMaxAbs) wide.push_back(joined);
          break;
        }
        case VectorOp::kButterfly: {
          const uint32_t d = 1u << k;
          y[i] = i & d ? spec::sat32(int64_t{word(a0 + i - d)} - a)
                       : spec::sat32(a + word(a0 + i + d));
          break;
        }
        case VectorOp::kCopy:
          y[i] = static_cast<int32_t>(a);
          break;
        case VectorOp::kSilu:
          y[i] = spec::silu(static_cast<int32_t>(a));
          break;
      }
    }

    const bool has_y = !only_reduces(op);
    const bool to_act = has_y && to_activations(dest);
    for (uint32_t i = 0; i < count && has_y; ++i) {
      if (dest == Dest::kScratch || (to_act && c.keep)) word(dst + i) = y[i];
      if (to_act) {
        const spec::Limbs limbs = spec::split_limbs(y[i]);
        act(c.act_column + r % c.act_group * c.act_step,
            c.act_tile + r / c.act_group * c.act_tile_stride + i / sizes.columns,
            i % sizes.columns) = dest == Dest::kAct       ? static_cast<int8_t>(y[i])
                                 : dest == Dest::kActHigh ? limbs.high
                                                          : limbs.low;
      }
      if (reduce == Reduce::kTopK) {
        candidates.push_back({y[i], static_cast<uint32_t>(candidates.size())});
      }
    }

    if (!writes_register(reduce)) continue;
    if (!c.reduce_all) begun = false;
    const size_t reduced_count = wide.empty() ? y.size() : wide.size();
    for (size_t i = 0; i < reduced_count; ++i) {
      const int64_t v = wide.empty() ? y[i] : wide[i];
      uint64_t value = static_cast<uint64_t>(v);
      if (reduce == Reduce::kMaxAbs && v < 0) value = 0 - value;
      if (!begun) {
        reduced = value;
      } else if (reduce == Reduce::kSum) {
        reduced += value;
      } else if (reduce == Reduce::kMaxAbs) {
        reduced = std::max(reduced, value);
      } else if (static_cast<int64_t>(value) > static_cast<int64_t>(reduced)) {
        reduced = value;
      }
      begun = true;
    }
    scalars[(c.reduce_reg + (c.reduce_all ? 0 : r)) % 256] = reduced;
  }
}

}  // namespace tern::test
