// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "machine.hpp"
#include "spec/numerics/attention.hpp"
#include "spec/numerics/quantise.hpp"
#include "spec/numerics/scale.hpp"

/// SCALAR.
namespace tern::sim {

using spec::ScalarOp;

void Machine::clear_top_k(const spec::ScalarCommand& c) {
  check(c.rows == 1, "rows", c.rows, "1 for top_k_clear");
  check(c.constant >= 1 && c.constant <= spec::kTopK, "constant", c.constant, "1 to TopK");
  ordering_.write(top_place_, "top-k list", 0);
  top_.clear();
  top_limit_ = c.constant;
  top_next_ = 0;
}

void Machine::check_scalar(const spec::ScalarCommand& c) const {
  const auto op = static_cast<ScalarOp>(c.op);
  check(c.ra + c.step_a * (c.rows - 1) < spec::kScalarRegs, "ra", c.ra,
        "the rows leave the scalar registers");
  check(c.use_b == 0 || c.rb + c.step_b * (c.rows - 1) < spec::kScalarRegs, "rb", c.rb,
        "the rows leave the scalar registers");
  check(c.rd + c.rows <= spec::kScalarRegs, "rd", c.rd, "the rows leave the scalar registers");
  check(c.use_b == 0 || takes_b(op), "use_b", c.use_b, "the operation has one operand");
  check(c.use_b == 1 || !needs_b(op), "use_b", c.use_b, "the operation has two operands");
  check(c.times_b <= 2, "times_b", c.times_b, "0 to 2");
  check(op != ScalarOp::kMultiplier || c.constant > 0, "constant", c.constant, "at least 1");
  check(op != ScalarOp::kCommonExponent || c.step_a == 1, "step_a", c.step_a,
        "common_exponent goes over rows");
}

void Machine::scalar(const spec::ScalarCommand& c) {
  const auto op = static_cast<ScalarOp>(c.op);
  check(c.op < spec::kScalarOpCount, "op", c.op, "no operation");
  check(c.rows >= 1, "rows", c.rows, "at least 1");
  if (op == ScalarOp::kTopKClear) return clear_top_k(c);
  check_scalar(c);
  const auto scale = [](uint64_t v) {
    return spec::Scale{static_cast<uint32_t>(v), static_cast<int32_t>(v >> 32)};
  };
  const auto word = [](spec::Scale s) { return uint64_t{static_cast<uint32_t>(s.e)} << 32 | s.m; };
  const auto constant = static_cast<int32_t>(c.constant);
  std::vector<spec::Scale> heads;
  for (uint32_t row = 0; row < c.rows; ++row) {
    const uint64_t a = read_scalar("ra", c.ra + (c.step_a ? row : 0));
    const uint64_t b = c.use_b ? read_scalar("rb", c.rb + (c.step_b ? row : 0)) : 0;
    const int32_t factors[] = {1, -1, 2};
    const int32_t shift = constant + factors[c.times_b] * static_cast<int32_t>(b >> 32);
    const auto bits_above = [&](int64_t bits) {
      const auto k = static_cast<uint64_t>(std::max<int64_t>(0, bits - int64_t{c.constant}));
      return k << 32 | k;
    };
    uint64_t out = 0;
    switch (op) {
      case ScalarOp::kMultiplier: {
        const spec::Multiplier by = spec::quantise_multiplier(static_cast<uint32_t>(a), c.constant);
        out = uint64_t{static_cast<uint32_t>(by.k)} << 32 | by.m;
        break;
      }
      case ScalarOp::kBits:
        out = bits_above(spec::bit_width(static_cast<uint32_t>(a)) +
                         spec::bit_width(static_cast<uint32_t>(b)));
        break;
      case ScalarOp::kBits64:
        out = bits_above(spec::bit_width(a));
        break;
      case ScalarOp::kMakeScale:
        out = word(spec::make_scale(a, shift));
        break;
      case ScalarOp::kScaleMul:
        out = word(spec::scale_shift(spec::scale_mul(scale(a), scale(b)), constant));
        break;
      case ScalarOp::kScaleDiv:
        out = word(spec::scale_shift(spec::scale_div(scale(a), scale(b)), constant));
        break;
      case ScalarOp::kScaleAdd:
        out = word(spec::scale_add(scale(a), scale(b)));
        break;
      case ScalarOp::kScaleSqrt:
        out = word(spec::scale_sqrt(scale(a)));
        break;
      case ScalarOp::kScaleShift:
        out = word(spec::scale_shift(scale(a), shift));
        break;
      case ScalarOp::kFactor:
        out = word({scale(a).m, -(scale(a).e + shift)});
        break;
      case ScalarOp::kCommonExponent:
        heads.push_back(scale(a));
        if (row + 1 < c.rows) continue;
        write_scalar(
            "rd", c.rd,
            word({1, spec::common_exponent(heads.data(), static_cast<int>(heads.size()))}));
        return;
      case ScalarOp::kTopKClear:
        break;
    }
    write_scalar("rd", c.rd + row, out);
  }
}

}  // namespace tern::sim
