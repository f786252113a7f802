// SPDX-License-Identifier: Apache-2.0
// Prints how fast the matrix engine simulates: beats and useful trit-MACs a second, on one core.
// Arguments: beats, activation columns (default: 1 and 8).
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include ENGINE_HEADER
#include "engine_bench.hpp"
#include "oracle.hpp"

namespace tern::test {
namespace {

constexpr Sizes kSizes = {64, 8, 32};

void measure(uint32_t act_columns, uint32_t beats) {
  VerilatedContext context;
  ENGINE_CLASS m(&context);
  const auto tick = [&] {
    m.clk_i = 0;
    m.eval();
    m.clk_i = 1;
    m.eval();
  };
  m.rst_ni = 0;
  for (int i = 0; i < 3; ++i) tick();
  m.rst_ni = 1;
  m.res_wr_ready_i = 1;
  m.load_wr_ready_i = 1;
  m.max_ready_i = 1;
  m.beat_valid_i = 1;
  std::mt19937_64 random(1);
  const auto run = [&](const Command& command) {
    for (size_t i = 0; i < 8; ++i) set_word(m.cmd_i, i, command[i]);
    m.cmd_valid_i = 1;
    tick();
    m.cmd_valid_i = 0;
    uint64_t cycles = 0;
    const uint64_t most = 4 * uint64_t{command[3]} + 100;
    for (uint32_t left = command[3]; left > 0 && cycles < most; ++cycles) {
      m.beat_last_i = left == 1;
      // Codes up to 191, so that all are legal; only a few words change, to measure the engine
      // alone.
      set_word(m.beat_data_i, left % 16, static_cast<uint32_t>(random()) & 0xbfbfbfbf);
      m.clk_i = 0;
      m.eval();
      left -= m.beat_ready_o;
      m.clk_i = 1;
      m.eval();
    }
    return cycles;
  };
  const uint32_t cols = 2560;
  m.act_valid_i = 1;
  m.act_mask_i = 0xffff;
  for (uint32_t i = 0; i < act_columns * cols / 16; ++i) {
    m.act_column_i = i * 16 / cols;
    m.act_tile_i = i * 16 % cols / 64;
    m.act_offset_i = i % 4;
    for (size_t w = 0; w < 4; ++w) set_word(m.act_data_i, w, static_cast<uint32_t>(random()));
    tick();
  }
  m.act_valid_i = 0;
  Shape shape = {.cols = cols, .block = 8, .act_columns = act_columns};
  shape.stripes = beats / tile_count(kSizes, cols);
  shape.rows = 5 * shape.stripes;
  const auto start = std::chrono::steady_clock::now();
  const uint64_t cycles = run(matmul_command(kSizes, shape));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  const auto done = static_cast<double>(beat_count(kSizes, shape));
  std::printf("C=64 M=8, %u active: %.3f beats/cycle, %.3f M beats/s, %.0f M trit-MAC/s\n",
              act_columns, done / static_cast<double>(cycles), done / time.count() / 1e6,
              done * 320 * act_columns / time.count() / 1e6);
  m.final();
}

}  // namespace
}  // namespace tern::test

int main(int argc, char** argv) {
  const uint32_t beats = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 2'000'000;
  if (argc > 2) {
    tern::test::measure(static_cast<uint32_t>(std::atoi(argv[2])), beats);
    return 0;
  }
  for (const uint32_t act_columns : {1u, 8u}) tern::test::measure(act_columns, beats);
}
