// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <verilated.h>

#include <cstdint>
#include <memory>
#include <random>

namespace tern::test {

/// A verilated block with a clock: the test sets inputs, settle() brings outputs up to date, tick()
/// performs the clock edge.
template <typename Block>
class Clocked {
 public:
  Clocked() : block_(std::make_unique<Block>(&context_, "block")) { reset(); }
  ~Clocked() { block_->final(); }

  Block* operator->() { return block_.get(); }
  Block& operator*() { return *block_; }

  void settle() {
    block_->clk_i = 0;
    block_->eval();
  }

  void tick() {
    settle();
    block_->clk_i = 1;
    block_->eval();
    ++cycle_;
  }

  void reset() {
    block_->rst_ni = 0;
    tick();
    tick();
    block_->rst_ni = 1;
    settle();
  }

  uint64_t cycle() const { return cycle_; }

 private:
  VerilatedContext context_;
  std::unique_ptr<Block> block_;
  uint64_t cycle_ = 0;
};

/// Random choices of a test; one seed makes one test.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  /// Uniform in [low, high].
  uint64_t between(uint64_t low, uint64_t high) {
    return std::uniform_int_distribution<uint64_t>(low, high)(engine_);
  }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(engine_) < probability;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tern::test
