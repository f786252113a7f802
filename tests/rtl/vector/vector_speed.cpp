// SPDX-License-Identifier: Apache-2.0
// Not a test: cycles of simulation a second of the vector unit in the edge size, idle and at work.
#include <chrono>
#include <cstdio>

#include "variants.hpp"

int main() {
  using namespace tern;
  test::Clocked<Vvector_edge> unit;
  unit->rd_ready_i = unit->wr_ready_i = 1;
  spec::VectorCommand c;
  c.op = static_cast<uint32_t>(spec::VectorOp::kScale);
  c.n = 2560;
  c.rows = 1;
  c.dest = 1;
  c.reduce = 1;
  const auto words = c.pack();
  std::memcpy(&unit->cmd_i, words.w, sizeof words.w);
  for (const bool busy : {false, true}) {
    unit->cmd_valid_i = busy;
    const uint64_t cycles = 1'000'000;
    const auto start = std::chrono::steady_clock::now();
    uint32_t requested = 0;
    for (uint64_t i = 0; i < cycles; ++i) {
      unit.settle();
      requested = requested << 1 | (unit->rd_valid_o && unit->rd_ready_i);
      unit.tick();
      unit->rd_data_valid_i = requested >> 1 & 1;
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%s: %.2f million cycles/s\n", busy ? "busy" : "idle",
                static_cast<double>(cycles) / time.count() / 1e6);
  }
}
