// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "clocked.hpp"
#include "spec/generated/spec.hpp"

namespace tern::test {

using spec::Unit;

constexpr uint32_t kColumns = 64, kActColumns = 8, kAccDepth = 52, kActDepth = 256;
constexpr uint32_t kScratch = 16384;

/// A command, the unit that counts it and its waits.
struct Issued {
  spec::CommandWords words;
  Unit unit;
  std::array<uint8_t, 4> waits;
};

template <typename Command>
Command after(Command c, const std::array<uint8_t, 4>& waits) {
  c.wait_load = waits[0], c.wait_matmul = waits[1];
  c.wait_vector = waits[2], c.wait_store = waits[3];
  return c;
}

/// Commands whose fields take values over their whole width, as far as they are good commands.
class RandomCommands {
 public:
  explicit RandomCommands(Dice& dice) : dice_(dice) {}

  Issued next(const std::array<uint8_t, 4>& waits) {
    switch (dice_.between(0, 4)) {
      case 0:
        return {after(load(), waits).pack(), Unit::kLoad, waits};
      case 1:
        return {after(matmul(), waits).pack(), Unit::kMatmul, waits};
      case 2:
        return {after(vector(), waits).pack(), Unit::kVector, waits};
      case 3:
        return {after(scalar(), waits).pack(), Unit::kVector, waits};
      default:
        return {after(store(), waits).pack(), Unit::kStore, waits};
    }
  }

 private:
  /// Every number of bits is as likely.
  uint32_t below(uint64_t limit) {
    const uint64_t bits = uint64_t{1} << dice_.between(0, 32);
    return static_cast<uint32_t>(dice_.between(0, std::min(limit, bits) - 1));
  }
  uint32_t place(uint64_t words) {
    return static_cast<uint32_t>(dice_.between(0, kScratch - words));
  }

  spec::LoadCommand load() {
    spec::LoadCommand c;
    c.read_addr = below(uint64_t{1} << 32);
    c.beats = 1 + below((1 << 20) - 1);
    c.format = below(spec::kFormatCount);
    c.count = 1 + below(std::min<uint64_t>(kScratch, uint64_t{c.beats} * kColumns / 4));
    c.dst = place(c.count);
    return c;
  }
  spec::MatmulCommand matmul() {
    spec::MatmulCommand c;
    c.read_addr = below(uint64_t{1} << 32);
    c.beats = static_cast<uint32_t>(1 + uint64_t{below((uint64_t{1} << 32) - 1)});
    c.planes = 1 + below(5);
    c.group = below(spec::kGroupCount);
    c.act_columns = 1 + below(kActColumns);
    c.max_reg = below(spec::kScalarRegs - c.act_columns + 1);
    c.rows = 1 + below(10000);
    c.dst_stride = below((kScratch - c.rows) / (16 * c.act_columns) + 1);
    c.dst = place(c.rows + 16 * c.dst_stride * (c.act_columns - 1));
    c.block = 1 + below(kAccDepth);
    c.cols = 1 + below(kActDepth * kColumns);
    c.act_tile = below(kActDepth - (c.cols + kColumns - 1) / kColumns + 1);
    const uint32_t least = (c.rows + 4) / 5;
    c.stripes = least + below((1 << 20) - least);
    return c;
  }
  spec::VectorCommand vector() {
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(spec::VectorOp::kMul);
    c.reduce = below(spec::kReduceCount);
    c.reduce_all = below(2);
    c.dest = below(spec::kDestCount);
    c.keep = below(2);
    c.use_scalar = below(2);
    c.shift = below(64);
    c.n = 1 + below(300);
    c.rows = 1 + below(20);
    const uint32_t most = c.rows == 1 ? 0xffff : (kScratch - c.n) / (c.rows - 1);
    c.stride_a = below(most + 1), c.stride_b = below(most + 1), c.stride_dst = below(most + 1);
    c.a = place(c.n + c.stride_a * (c.rows - 1));
    c.b = place(c.n + c.stride_b * (c.rows - 1));
    c.dst = place(c.n + c.stride_dst * (c.rows - 1));
    c.scalar = below(spec::kScalarRegs - c.rows + 1);
    c.scalar_step = below(2);
    c.reduce_reg = below(spec::kScalarRegs - c.rows + 1);
    c.act_step = below(16), c.act_column = below(16), c.act_group = 1 + below(15);
    c.act_tile = below(1 << 12), c.act_tile_stride = below(1 << 12);
    return c;
  }
  spec::ScalarCommand scalar() {
    spec::ScalarCommand c;
    c.rows = 1 + below(100);
    c.step_a = below(2), c.step_b = below(2), c.use_b = below(2);
    c.ra = below(spec::kScalarRegs - c.rows + 1);
    c.rb = below(spec::kScalarRegs - c.rows + 1);
    c.rd = below(spec::kScalarRegs - c.rows + 1);
    c.constant = below(uint64_t{1} << 32);
    return c;
  }
  spec::StoreCommand store() {
    spec::StoreCommand c;
    c.format = static_cast<uint32_t>(spec::StoreFormat::kCode);
    c.scatter = below(2);
    c.addr_low = below(uint64_t{1} << 32);
    c.addr_high = below(256);
    c.count = 1 + below(1000);
    c.rows = 1 + below((1 << 12) - 1);
    const uint32_t most = c.rows == 1 ? 0xffff : (kScratch - c.count) / (c.rows - 1);
    c.src_stride = below(most + 1);
    c.src = place(c.count + c.src_stride * (c.rows - 1));
    c.beat_stride = 1 + below((1 << 16) - 1);
    c.row_stride = below(uint64_t{1} << 32);
    return c;
  }

  Dice& dice_;
};

}  // namespace tern::test
