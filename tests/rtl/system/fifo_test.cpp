// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <deque>

#include "Vfifo_2.h"
#include "Vfifo_5.h"
#include "Vfifo_8.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

struct Depth2 {
  using Block = Vfifo_2;
  static constexpr size_t kDepth = 2;
};
struct Depth5 {
  using Block = Vfifo_5;
  static constexpr size_t kDepth = 5;
};
struct Depth8 {
  using Block = Vfifo_8;
  static constexpr size_t kDepth = 8;
};

template <typename Variant>
class Fifo : public testing::Test {
 protected:
  static constexpr size_t kDepth = Variant::kDepth;

  void idle() {
    fifo->wr_valid_i = 0;
    fifo->rd_ready_i = 0;
  }

  Clocked<typename Variant::Block> fifo;
};
using Variants = testing::Types<Depth2, Depth5, Depth8>;
TYPED_TEST_SUITE(Fifo, Variants);

TYPED_TEST(Fifo, ShowsAWordTwoCyclesAfterItCameIn) {
  auto& fifo = this->fifo;
  this->idle();
  fifo->wr_valid_i = 1;
  fifo->wr_data_i = 0xc0ffee;
  fifo.tick();
  fifo->wr_valid_i = 0;
  fifo.settle();
  EXPECT_EQ(fifo->usage_o, 1);
  EXPECT_EQ(fifo->rd_valid_o, 0);
  fifo.tick();
  EXPECT_EQ(fifo->rd_valid_o, 1);
  EXPECT_EQ(fifo->rd_data_o, 0xc0ffeeu);
}

TYPED_TEST(Fifo, AcceptsExactlyItsDepth) {
  auto& fifo = this->fifo;
  this->idle();
  fifo->wr_valid_i = 1;
  size_t accepted = 0;
  for (int i = 0; i < 20; ++i) {
    fifo.settle();
    accepted += fifo->wr_ready_o;
    fifo.tick();
  }
  EXPECT_EQ(accepted, this->kDepth);
  EXPECT_EQ(fifo->usage_o, this->kDepth);
}

TYPED_TEST(Fifo, KeepsOrderUnderRandomTraffic) {
  auto& fifo = this->fifo;
  this->idle();
  Dice dice(this->kDepth);
  std::deque<uint32_t> expected;
  uint32_t next = 1;
  double write_rate = 0.5, read_rate = 0.5;
  for (int i = 0; i < 50000; ++i) {
    if (i % 500 == 0) {
      write_rate = 0.1 * static_cast<double>(dice.between(1, 10));
      read_rate = 0.1 * static_cast<double>(dice.between(1, 10));
    }
    fifo->wr_valid_i = dice.chance(write_rate);
    fifo->wr_data_i = next;
    fifo->rd_ready_i = dice.chance(read_rate);
    fifo.settle();
    ASSERT_EQ(fifo->usage_o, expected.size());
    ASSERT_EQ(fifo->wr_ready_o, expected.size() < this->kDepth);
    if (fifo->rd_valid_o && fifo->rd_ready_i) {
      ASSERT_FALSE(expected.empty());
      ASSERT_EQ(fifo->rd_data_o, expected.front());
      expected.pop_front();
    }
    if (fifo->wr_valid_i && fifo->wr_ready_o) expected.push_back(next++);
    fifo.tick();
  }
  EXPECT_GT(next, 10000u);
}

TYPED_TEST(Fifo, MovesAWordEveryCycleFromThreePlacesUp) {
  // Two places cannot cover a latency of two cycles: a word every other cycle.
  const size_t expected = this->kDepth > 2 ? 100 : 50;
  size_t moved = 0;
  auto& fifo = this->fifo;
  fifo->wr_valid_i = 1;
  fifo->rd_ready_i = 1;
  for (int i = 0; i < 4; ++i) fifo.tick();
  for (int i = 0; i < 100; ++i) {
    fifo.settle();
    moved += fifo->rd_valid_o;
    fifo.tick();
  }
  EXPECT_GE(moved, expected);
}

}  // namespace
}  // namespace tern::test
