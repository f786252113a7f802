// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "../engine/bits.hpp"
#include "Vscratchpad_16.h"
#include "Vscratchpad_8.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

struct Eight {
  using Block = Vscratchpad_8;
  static constexpr uint32_t kLanes = 8, kWords = 256;
};
struct Sixteen {
  using Block = Vscratchpad_16;
  static constexpr uint32_t kLanes = 16, kWords = 1200;
};
constexpr uint32_t kReaders = 3, kWriters = 4;

template <typename Variant>
class Scratchpad : public testing::Test {
 protected:
  static constexpr uint32_t kLanes = Variant::kLanes;
  static constexpr uint32_t kWords = Variant::kWords;

  struct Write {
    uint32_t address, mask;
    std::array<uint32_t, kLanes> words;
  };
  struct Read {
    uint32_t client, address;
    uint64_t due;
    std::array<std::optional<uint32_t>, kLanes> words;
  };

  Scratchpad() {
    pad->rd_valid_i = 0;
    pad->wr_valid_i = 0;
  }

  static void set_address(auto& port, uint32_t client, uint32_t address) {
    for (uint32_t k = 0; k < 20; ++k) set_bit(port, 20 * client + k, address >> k & 1);
  }

  void offer(uint32_t client, const Write& write) {
    writes[client] = write;
    set_bit(pad->wr_valid_i, client, true);
    set_address(pad->wr_addr_i, client, write.address);
    for (uint32_t i = 0; i < kLanes; ++i) {
      set_bit(pad->wr_mask_i, kLanes * client + i, write.mask >> i & 1);
      set_word(pad->wr_data_i, kLanes * client + i, write.words[i]);
    }
  }
  void offer_read(uint32_t client, uint32_t address) {
    reads[client] = address;
    set_bit(pad->rd_valid_i, client, true);
    set_address(pad->rd_addr_i, client, address);
  }
  Write random_write(uint32_t address, uint32_t mask) {
    Write write{address, mask, {}};
    for (uint32_t& word : write.words) word = static_cast<uint32_t>(dice.between(0, ~0u));
    return write;
  }

  /// One cycle: exactly the first client that asks is served; data come two cycles later.
  void step() {
    pad.settle();
    check_grants(pad->rd_valid_i, pad->rd_ready_o);
    check_grants(pad->wr_valid_i, pad->wr_ready_o);
    const bool due = !expected.empty() && expected.front().due == pad.cycle();
    ASSERT_EQ(pad->rd_data_valid_o, due ? 1u << expected.front().client : 0u);
    if (due) {
      for (uint32_t i = 0; i < kLanes; ++i) {
        const auto& word = expected.front().words[i];
        if (!word) continue;
        ASSERT_EQ(get_word(pad->rd_data_o, i), *word)
            << "address " << expected.front().address << ", lane " << i;
      }
      expected.pop_front();
    }

    const uint32_t rd_taken = pad->rd_valid_i & pad->rd_ready_o;
    const uint32_t wr_taken = pad->wr_valid_i & pad->wr_ready_o;
    for (uint32_t c = 0; c < kWriters; ++c) {
      if (wr_taken >> c & 1) pending.emplace_back(*writes[c], pad.cycle());
    }
    while (!pending.empty() && pending.front().second + 2 <= pad.cycle()) {
      for_each_word(pending.front().first, [&](uint32_t a, uint32_t word) { memory[a] = word; });
      pending.pop_front();
    }
    for (uint32_t c = 0; c < kReaders; ++c) {
      if (rd_taken >> c & 1) expect_read(c, *reads[c]);
    }

    pad.tick();
    for (uint32_t c = 0; c < kReaders; ++c) {
      if (!(rd_taken >> c & 1)) continue;
      reads[c].reset();
      set_bit(pad->rd_valid_i, c, false);
      ++reads_done[c];
    }
    for (uint32_t c = 0; c < kWriters; ++c) {
      if (!(wr_taken >> c & 1)) continue;
      writes[c].reset();
      set_bit(pad->wr_valid_i, c, false);
      ++writes_done[c];
    }
  }

  /// The words of the array; words that were never written, that a write of this cycle or the one
  /// before touches, or that lie beyond the array may be anything.
  void expect_read(uint32_t client, uint32_t address) {
    Read read{client, address, pad.cycle() + 2, {}};
    for (uint32_t i = 0; i < kLanes; ++i) {
      if (address + i < kWords) read.words[i] = memory[address + i];
    }
    for (const auto& write : pending) {
      for_each_word(write.first, [&](uint32_t a, uint32_t) {
        if (a - address < kLanes) read.words[a - address].reset();
      });
    }
    expected.push_back(read);
  }
  static void for_each_word(const Write& write, auto visit) {
    for (uint32_t i = 0; i < kLanes; ++i) {
      if ((write.mask >> i & 1) && write.address + i < kWords) {
        visit(write.address + i, write.words[i]);
      }
    }
  }
  static void check_grants(uint32_t valid, uint32_t ready) {
    ASSERT_EQ(ready & valid, valid & (~valid + 1)) << "requests " << valid;
  }

  Clocked<typename Variant::Block> pad;
  Dice dice{Variant::kLanes};
  std::array<std::optional<Write>, kWriters> writes;
  std::array<std::optional<uint32_t>, kReaders> reads;
  std::deque<std::pair<Write, uint64_t>> pending;
  std::deque<Read> expected;
  std::vector<std::optional<uint32_t>> memory = std::vector<std::optional<uint32_t>>(kWords);
  std::array<uint64_t, kReaders> reads_done{};
  std::array<uint64_t, kWriters> writes_done{};
};
using Variants = testing::Types<Eight, Sixteen>;
TYPED_TEST_SUITE(Scratchpad, Variants);

TYPED_TEST(Scratchpad, EqualsAnArrayForRandomReadsAndWritesOfAllClients) {
  for (uint32_t a = 0; a < TypeParam::kWords; a += TypeParam::kLanes) {
    this->offer(a / TypeParam::kLanes % kWriters, this->random_write(a, ~0u));
    this->step();
  }
  this->step();
  this->step();
  for (int cycle = 0; cycle < 20000; ++cycle) {
    // By turns nobody, few or all ask; a small area makes writes meet reads.
    const double rate = cycle / 500 % 3 == 0 ? 0.1 : cycle / 500 % 3 == 1 ? 0.4 : 1.0;
    const uint32_t area =
        cycle / 2000 % 2 ? TypeParam::kWords + TypeParam::kLanes : 3 * TypeParam::kLanes;
    for (uint32_t c = 0; c < kReaders; ++c) {
      if (!this->reads[c] && this->dice.chance(rate)) {
        this->offer_read(c, static_cast<uint32_t>(this->dice.between(0, area - 1)));
      }
    }
    for (uint32_t c = 0; c < kWriters; ++c) {
      if (!this->writes[c] && this->dice.chance(rate)) {
        this->offer(c, this->random_write(static_cast<uint32_t>(this->dice.between(0, area - 1)),
                                          static_cast<uint32_t>(this->dice.between(0, ~0u))));
      }
    }
    this->step();
    ASSERT_FALSE(this->HasFatalFailure()) << "cycle " << cycle;
  }
  for (const uint64_t count : this->reads_done) EXPECT_GT(count, 100u);
  for (const uint64_t count : this->writes_done) EXPECT_GT(count, 100u);
}

TYPED_TEST(Scratchpad, ServesTheFirstClientInEveryCycleAndTheOthersWhenItRests) {
  for (int cycle = 0; cycle < 100; ++cycle) {
    for (uint32_t c = 0; c < kReaders; ++c) {
      if (!this->reads[c]) this->offer_read(c, 0);
    }
    for (uint32_t c = 0; c < kWriters; ++c) {
      if (!this->writes[c]) this->offer(c, this->random_write(0, ~0u));
    }
    this->step();
    ASSERT_FALSE(this->HasFatalFailure());
  }
  EXPECT_EQ(this->reads_done[0], 100u);
  EXPECT_EQ(this->reads_done[1], 0u);
  EXPECT_EQ(this->writes_done[0], 100u);
  EXPECT_EQ(this->writes_done[3], 0u);
  for (int cycle = 0; cycle < 10; ++cycle) this->step();
  EXPECT_EQ(this->reads_done[1] + this->reads_done[2], 2u);
  EXPECT_EQ(this->writes_done[1] + this->writes_done[2] + this->writes_done[3], 3u);
}

TYPED_TEST(Scratchpad, WritesNothingBeyondItsLastWord) {
  for (uint32_t a = 0; a < TypeParam::kWords; a += TypeParam::kLanes) {
    this->offer(0, this->random_write(a, ~0u));
    this->step();
  }
  for (const uint32_t address : {TypeParam::kWords - 3, TypeParam::kWords, 2 * TypeParam::kWords,
                                 0x80000u, 0xffffeu, 0xfffffu}) {
    this->offer(1, this->random_write(address, ~0u));
    this->step();
  }
  for (int i = 0; i < 3; ++i) this->step();
  for (uint32_t a = 0; a < TypeParam::kWords; a += TypeParam::kLanes) {
    this->offer_read(2, a);
    this->step();
  }
  for (int i = 0; i < 3; ++i) this->step();
  EXPECT_TRUE(this->expected.empty());
}

}  // namespace
}  // namespace tern::test
