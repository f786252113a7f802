// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "../system/clocked.hpp"
#include "Vstatus_lights.h"

namespace tern::test {
namespace {

constexpr int kTick = 40;  // cycles of a tenth of a second at 400 Hz

class StatusLights : public testing::Test {
 protected:
  StatusLights() {
    set(0);
    block.reset();
  }
  /// Bits 0 to 4: host sends, board replies, memory, chip works, command runs.
  void set(uint32_t events) {
    block->rx_i = events & 1;
    block->tx_i = events >> 1 & 1;
    block->memory_i = events >> 2 & 1;
    block->working_i = events >> 3 & 1;
    block->command_i = events >> 4 & 1;
  }
  uint32_t led() {
    block.settle();
    return block->led_o;
  }

  Clocked<Vstatus_lights> block;
};

TEST_F(StatusLights, AnEventOfOneCycleIsSeenForATenthOfASecond) {
  for (int phase = 0; phase < kTick; phase += 7) {
    for (uint32_t lamp = 0; lamp < 5; ++lamp) {
      for (int i = 0; i < 2 * kTick + phase; ++i) block.tick();
      EXPECT_EQ(led() & 0x3e, 0u);
      set(1u << lamp);
      block.tick();
      set(0);
      block.tick();
      block.tick();
      int lit = 0;
      while ((led() & 0x3e) == 2u << lamp && lit < 10 * kTick) {
        block.tick();
        ++lit;
      }
      EXPECT_EQ(led() & 0x3e, 0u);
      EXPECT_GE(lit, kTick - 3) << "lamp " << lamp + 1;
      EXPECT_LE(lit, 2 * kTick) << "lamp " << lamp + 1;
    }
  }
}

TEST_F(StatusLights, TheClockBlinksOnceASecond) {
  int edges = 0;
  uint32_t last = led() & 1;
  for (int i = 0; i < 100 * kTick; ++i) {
    block.tick();
    edges += (led() & 1) != last;
    last = led() & 1;
  }
  EXPECT_EQ(edges, 20);
}

TEST_F(StatusLights, ShowsTheInterruptAndTheReset) {
  EXPECT_EQ(led() & 0xc0, 0x80u);
  block->irq_i = 1;
  EXPECT_EQ(led() & 0xc0, 0xc0u);
  block->rst_ni = 0;
  EXPECT_EQ(led() & 0x80, 0u);
}

}  // namespace
}  // namespace tern::test
