// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "../system/clocked.hpp"
#include "vector_model.hpp"

namespace tern::test {

/// Legal commands and operands, with many values at the ends of their ranges.
class RandomCommand {
 public:
  // Scalar registers: operands below, the last of them scales; results of reductions from kResults
  // on.
  static constexpr uint32_t kScales = 96, kResults = 128;

  RandomCommand(const Sizes& sizes, Dice& dice) : sizes_(sizes), dice_(dice) {}

  int32_t word() {
    switch (dice_.between(0, 7)) {
      case 0:
        return INT32_MIN;
      case 1:
        return INT32_MAX;
      case 2:
        return static_cast<int32_t>(dice_.between(0, 4)) - 2;
      default: {
        const auto bits = static_cast<uint32_t>(dice_.between(0, ~0u));
        return static_cast<int32_t>(bits) >> dice_.between(0, 31);
      }
    }
  }

  /// A scalar register: multiplier below 2^31 and shift.
  uint64_t scalar() {
    uint32_t m = static_cast<uint32_t>(dice_.between(0, INT32_MAX));
    if (dice_.chance(0.2)) m >>= dice_.between(0, 31);
    if (dice_.chance(0.1)) m = INT32_MAX;
    return m | uint64_t{static_cast<uint32_t>(shift())} << 32;
  }

  int32_t shift() {
    static constexpr int32_t kCorners[] = {
        0,   1,   2,   30, 31, 32, 61,  62,  63,  64,  -1,   -2,        -30,
        -31, -32, -33, 9,  40, 95, 128, -64, -63, 256, 1024, INT32_MAX, INT32_MIN + 1};
    if (dice_.chance(0.4)) return kCorners[dice_.between(0, std::size(kCorners) - 1)];
    return static_cast<int32_t>(dice_.between(0, 70)) - 10;
  }

  spec::VectorCommand vector() {
    return vector(static_cast<spec::VectorOp>(dice_.between(0, spec::kVectorOpCount - 1)));
  }

  spec::VectorCommand vector(spec::VectorOp op) {
    const bool halves = in_halves(op), join = op == spec::VectorOp::kJoin;
    const bool butterfly = op == spec::VectorOp::kButterfly;
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(op);
    c.rows = static_cast<uint32_t>(dice_.chance(0.4) ? 1 : dice_.between(1, 6));
    c.n = static_cast<uint32_t>(dice_.chance(0.5) ? dice_.between(1, 2 * sizes_.lanes + 3)
                                                  : dice_.between(1, 300));
    c.shift =
        static_cast<uint32_t>(dice_.chance(0.3) ? dice_.between(0, 63) : dice_.between(0, 34));
    c.use_scalar = dice_.chance(0.3);
    if (butterfly) {
      c.shift = static_cast<uint32_t>(dice_.between(0, 7));
      c.use_scalar = 0;
      c.n = static_cast<uint32_t>((2u << c.shift) *
                                  dice_.between(1, std::max(1u, 256u >> c.shift) / 2 + 1));
    }
    c.scalar = static_cast<uint32_t>(dice_.between(0, kResults - 7));
    c.scalar_step = dice_.chance(0.5);
    c.reduce_reg = static_cast<uint32_t>(dice_.between(kResults, 250));
    c.reduce_all = dice_.chance(0.3);
    do {
      c.reduce = static_cast<uint32_t>(dice_.between(0, spec::kReduceCount - 1));
    } while (reorders(op) && c.reduce == static_cast<uint32_t>(spec::Reduce::kTopK));
    if (join && dice_.chance(0.5)) c.reduce = static_cast<uint32_t>(spec::Reduce::kMaxAbs);
    c.dest = static_cast<uint32_t>(dice_.chance(0.5) ? 1 : dice_.between(0, spec::kDestCount - 1));
    c.keep = dice_.chance(0.3);
    if (only_reduces(op)) {
      c.reduce = static_cast<uint32_t>(spec::Reduce::kSum);
      c.dest = c.keep = 0;
    }
    if (to_activations(static_cast<spec::Dest>(c.dest))) place_activations(c, halves);

    const uint32_t span = halves ? 2 * c.n : c.n;
    const uint32_t third = sizes_.words / 3;
    c.stride_a = stride(span, true);
    c.stride_b = stride(span, true);
    c.stride_dst = stride(span, false);
    c.a = place(0 * third, third, span, c.rows, c.stride_a);
    c.b = place(1 * third, third, span, c.rows, c.stride_b);
    c.dst = place(2 * third, third, span, c.rows, c.stride_dst);
    if (dice_.chance(0.3)) {  // in place
      if (dice_.chance(0.5) || reorders(op)) {
        c.stride_a = c.stride_dst;
        c.a = c.dst;
      } else {
        c.stride_b = c.stride_dst;
        c.b = c.dst;
      }
    }
    return c;
  }

  /// A scale: mantissa 0 or of 31 bits, exponents close to each other or far apart.
  uint64_t scale() {
    static constexpr int32_t kApart[] = {0, 1, 2, 29, 30, 31, 32, 33, 61, 62, 63, 100};
    int32_t e = -kApart[dice_.between(0, std::size(kApart) - 1)];
    if (dice_.chance(0.3)) e = static_cast<int32_t>(dice_.between(0, 400)) - 200;
    auto m = static_cast<uint32_t>(dice_.between(1u << 30, INT32_MAX));
    switch (dice_.between(0, 9)) {
      case 0:
        m = 0;
        break;
      case 1:
        m = (1u << 30) + static_cast<uint32_t>(dice_.between(0, 2));
        break;
      case 2:
        m = INT32_MAX - static_cast<uint32_t>(dice_.between(0, 2));
        break;
      case 3:
        m = 1u << 30 | 1u << dice_.between(0, 29);
        break;
      default:
        break;
    }
    return m | uint64_t{static_cast<uint32_t>(e)} << 32;
  }

  /// Any 64 bits, of all lengths, with roundings that carry.
  uint64_t wide() {
    const uint64_t bits = dice_.between(0, ~0ull);
    switch (dice_.between(0, 4)) {
      case 0:
        return 1ull << dice_.between(0, 63);
      case 1:
        return ~0ull >> dice_.between(0, 63);
      case 2:
        return ~0ull << dice_.between(0, 63) >> dice_.between(0, 63);
      default:
        return bits >> dice_.between(0, 63);
    }
  }

  /// Up to 5 rows of an operation with operands in `count` registers from `first` on; no result
  /// register yet.
  spec::ScalarCommand scale_command(spec::ScalarOp op, uint32_t first, uint32_t count) {
    using spec::ScalarOp;
    spec::ScalarCommand c;
    c.op = static_cast<uint32_t>(op);
    c.rows = static_cast<uint32_t>(dice_.between(1, 5));
    c.ra = static_cast<uint32_t>(first + dice_.between(0, count - 5));
    c.rb = static_cast<uint32_t>(first + dice_.between(0, count - 5));
    c.step_a = op == ScalarOp::kCommonExponent || dice_.chance(0.6);
    c.step_b = dice_.chance(0.6);
    c.use_b = needs_b(op);
    if (adds_b(op)) c.use_b = dice_.chance(0.6);
    c.times_b = static_cast<uint32_t>(dice_.between(0, 2));
    c.constant = static_cast<uint32_t>(dice_.between(0, 200)) - 100;
    if (op == ScalarOp::kBits64) c.constant = static_cast<uint32_t>(dice_.between(0, 70));
    return c;
  }

  spec::ScalarCommand scalar_command() {
    using spec::ScalarOp;
    const auto op = static_cast<ScalarOp>(dice_.between(0, spec::kScalarOpCount - 1));
    spec::ScalarCommand c;
    if (takes_scale(op) || makes_scale(op)) {
      c = scale_command(op, kScales, kResults - kScales);
      c.rd = static_cast<uint32_t>(makes_scale(op) ? dice_.between(kScales, kResults - 5)
                                                   : dice_.between(kResults, 250));
      if (op == ScalarOp::kMakeScale) {
        c.ra = static_cast<uint32_t>(dice_.between(0, 250));
        c.use_b = 0;
      }
      return c;
    }
    c.op = static_cast<uint32_t>(op);
    c.rows = static_cast<uint32_t>(dice_.between(1, 5));
    if (c.op == static_cast<uint32_t>(spec::ScalarOp::kTopKClear)) {
      c.rows = 1;
      c.constant = static_cast<uint32_t>(dice_.between(1, spec::kTopK));
      return c;
    }
    // Results of reductions become operands; chains from row to row and wrapped numbers occur.
    c.ra = static_cast<uint32_t>(dice_.between(0, 255));
    c.rb = static_cast<uint32_t>(dice_.between(0, 255));
    c.rd = static_cast<uint32_t>(dice_.between(kResults, 250));
    c.use_b = c.op == static_cast<uint32_t>(spec::ScalarOp::kBits) && dice_.chance(0.5);
    c.step_a = dice_.chance(0.5);
    c.step_b = dice_.chance(0.5);
    static constexpr uint32_t kConstants[] = {127, 121, 32512, 16, 23, 30, 31, 1, 0, ~0u};
    c.constant = kConstants[dice_.between(0, std::size(kConstants) - 1)];
    return c;
  }

 private:
  uint32_t stride(uint32_t span, bool may_repeat) {
    if (may_repeat && dice_.chance(0.2)) return 0;
    return static_cast<uint32_t>(span + (dice_.chance(0.5) ? 0 : dice_.between(0, 40)));
  }
  uint32_t place(uint32_t low, uint32_t words, uint32_t span, uint32_t rows, uint32_t stride) {
    const uint32_t used = (rows - 1) * stride + span;
    return static_cast<uint32_t>(sizes_.base + low + dice_.between(0, words - used));
  }
  void place_activations(spec::VectorCommand& c, bool halves) {
    if (halves) c.n = std::max(1u, c.n / sizes_.lanes) * sizes_.lanes;
    const uint32_t group = static_cast<uint32_t>(dice_.between(1, sizes_.act_columns));
    const uint32_t room = sizes_.act_columns - 1;
    c.act_group = group;
    c.act_step = group > 1 ? static_cast<uint32_t>(dice_.between(0, room / (group - 1))) : 0;
    c.act_column = static_cast<uint32_t>(dice_.between(0, room - (group - 1) * c.act_step));
    const uint32_t tiles = ((halves ? 2 : 1) * c.n + sizes_.columns - 1) / sizes_.columns;
    c.act_tile_stride = static_cast<uint32_t>(dice_.between(0, tiles + 1));
    const uint32_t used = (c.rows - 1) / group * c.act_tile_stride + tiles;
    c.act_tile = static_cast<uint32_t>(dice_.between(0, sizes_.act_depth - used));
  }

  Sizes sizes_;
  Dice& dice_;
};

}  // namespace tern::test
