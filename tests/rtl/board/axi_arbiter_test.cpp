// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>

#include "../engine/bits.hpp"
#include "../system/clocked.hpp"
#include "Vaxi_arbiter.h"
#include "axi_memory.hpp"

namespace tern::test {
namespace {

struct Burst {
  uint32_t beat;  ///< Of the manager's.
  uint32_t beats;
  bool bad = false;  ///< A write to a beat that the memory refuses.
};
struct WriteBeat {
  uint64_t value;
  uint8_t strobes;
  bool last;
};

/// One manager: bursts of random length in pages of its own, whose contents it knows.
struct Manager {
  std::deque<Burst> reading, answers, upcoming;
  std::deque<WriteBeat> data;
  std::vector<uint64_t> expected;
  uint64_t reads = 0, writes = 0;
  bool ar = false, aw = false, w = false;
};

class AxiArbiter : public testing::Test {
 protected:
  static constexpr uint32_t kPageBeats = 512;
  static constexpr uint32_t kPages = 8;  // of each manager
  static constexpr uint32_t kBeats = kPages * kPageBeats;
  static constexpr uint32_t kLimit = 24;  // bursts under way, more than the arbiter's 16

  AxiArbiter() : memory(storage, {.read_latency = 12, .stall = 0.1, .seed = 4}) {
    storage.reserve(uint64_t{1} << 40);
    std::vector<uint64_t> bad;
    for (uint32_t m = 0; m < 2; ++m) {
      for (uint32_t beat = 77; beat < kBeats; beat += 777) bad.push_back(address(m, beat) + 3);
    }
    memory.inject_errors(bad);
    for (Manager& manager : managers) manager.expected.assign(kBeats, 0);
    block->s_axi_arvalid_i = block->s_axi_awvalid_i = block->s_axi_wvalid_i = 0;
    block->m_axi_rvalid_i = block->m_axi_bvalid_i = 0;
    block.reset();
  }

  /// Pages next to powers of two, so that every bit of an address differs between the managers.
  static uint64_t address(uint32_t m, uint32_t beat) {
    const uint64_t line = uint64_t{1} << (13 + m + 3 * (beat / kPageBeats + 1));
    return line - 4096 + beat % kPageBeats * 8;
  }
  static bool is_bad(uint32_t beat) { return beat % 777 == 77; }

  static bool bit(uint32_t port, uint32_t m) { return port >> m & 1; }
  static bool meets(const std::deque<Burst>& bursts, const Burst& one) {
    for (const Burst& other : bursts) {
      if (one.beat < other.beat + other.beats && other.beat < one.beat + one.beats) return true;
    }
    return false;
  }
  Burst random_burst() {
    Burst burst{static_cast<uint32_t>(dice.between(0, kBeats - 1)),
                static_cast<uint32_t>(dice.between(1, 16))};
    burst.beat = std::min(
        burst.beat, burst.beat / kPageBeats * kPageBeats + kPageBeats - burst.beats);  // in a page
    return burst;
  }

  template <class Port>
  static void set_address(Port& port, uint32_t m, uint64_t address) {
    for (uint32_t i = 0; i < 40; ++i) set_bit(port, 40 * m + i, address >> i & 1);
  }

  void drive(uint32_t m, double rate) {
    Manager& manager = managers[m];
    if (!manager.ar && manager.reading.size() < kLimit && dice.chance(rate)) {
      const Burst burst = random_burst();
      if (!meets(manager.answers, burst) && !meets(manager.upcoming, burst)) {
        manager.reading.push_back(burst);
        manager.ar = true;
        set_address(block->s_axi_araddr_i, m, address(m, burst.beat));
        set_byte(block->s_axi_arlen_i, m, burst.beats - 1);
      }
    }
    if (!manager.aw && manager.answers.size() < kLimit && dice.chance(rate)) {
      Burst burst = random_burst();
      if (!meets(manager.reading, burst) && !meets(manager.answers, burst)) {
        for (uint32_t i = 0; i < burst.beats; ++i) {
          const uint64_t value = dice.between(0, ~uint64_t{0});
          const auto strobes =
              static_cast<uint8_t>(dice.chance(0.5) ? 0xff : dice.between(0, 0xff));
          manager.data.push_back({value, strobes, i + 1 == burst.beats});
          if (is_bad(burst.beat + i)) {
            burst.bad = true;
            continue;
          }
          uint64_t& expected = manager.expected[burst.beat + i];
          for (uint32_t k = 0; k < 8; ++k) {
            const uint64_t byte = uint64_t{0xff} << 8 * k;
            if (strobes >> k & 1) expected = (expected & ~byte) | (value & byte);
          }
        }
        manager.upcoming.push_back(burst);
        manager.aw = true;
        set_address(block->s_axi_awaddr_i, m, address(m, burst.beat));
        set_byte(block->s_axi_awlen_i, m, burst.beats - 1);
      }
    }
    if (!manager.w && !manager.data.empty() && dice.chance(0.8)) {
      manager.w = true;
      const auto [value, strobes, last] = manager.data.front();
      set_word(block->s_axi_wdata_i, 2 * m, static_cast<uint32_t>(value));
      set_word(block->s_axi_wdata_i, 2 * m + 1, static_cast<uint32_t>(value >> 32));
      set_byte(block->s_axi_wdatachk_i, m, sim::odd_parity(value));
      set_byte(block->s_axi_wstrb_i, m, strobes);
      set_bit(block->s_axi_wlast_i, m, last);
    }
    set_bit(block->s_axi_arvalid_i, m, manager.ar);
    set_bit(block->s_axi_awvalid_i, m, manager.aw);
    set_bit(block->s_axi_wvalid_i, m, manager.w);
    set_bit(block->s_axi_rready_i, m, dice.chance(0.8));
    set_bit(block->s_axi_bready_i, m, dice.chance(0.8));
  }
  template <class Port>
  static void set_byte(Port& port, uint32_t m, uint32_t value) {
    port = static_cast<Port>((port & ~(0xffu << (8 * m))) | (value & 0xff) << (8 * m));
  }

  void collect(uint32_t m) {
    Manager& manager = managers[m];
    if (manager.ar && bit(block->s_axi_arready_o, m)) manager.ar = false;
    if (manager.w && bit(block->s_axi_wready_o, m)) {
      manager.data.pop_front();
      manager.w = false;
    }
    if (bit(block->s_axi_rvalid_o, m) && bit(block->s_axi_rready_i, m)) {
      ASSERT_FALSE(manager.reading.empty());
      Burst& burst = manager.reading.front();
      const uint64_t data = block->s_axi_rdata_o;
      ASSERT_EQ(data, manager.expected[burst.beat]) << "manager " << m << " beat " << burst.beat;
      ASSERT_EQ(block->s_axi_rdatachk_o, sim::odd_parity(data));
      ASSERT_EQ(block->s_axi_rresp_o, is_bad(burst.beat) ? 2 : 0);
      ASSERT_EQ(block->s_axi_rlast_o, burst.beats == 1);
      ++burst.beat;
      if (--burst.beats == 0) {
        manager.reading.pop_front();
        ++manager.reads;
      }
    }
    if (bit(block->s_axi_bvalid_o, m) && bit(block->s_axi_bready_i, m)) {
      ASSERT_FALSE(manager.answers.empty());
      ASSERT_EQ(block->s_axi_bresp_o, manager.answers.front().bad ? 2 : 0);
      manager.answers.pop_front();
      ++manager.writes;
    }
    if (manager.aw && bit(block->s_axi_awready_o, m)) {
      manager.answers.push_back(manager.upcoming.front());
      manager.upcoming.pop_front();
      manager.aw = false;
    }
  }

  void step(double rate0, double rate1) {
    drive(0, rate0);
    drive(1, rate1);
    memory.drive(*block);
    block.settle();
    for (uint32_t m = 0; m < 2; ++m) {
      collect(m);
      if (HasFatalFailure()) return;
    }
    memory.collect(*block);
    block.tick();
  }

  Clocked<Vaxi_arbiter> block;
  sim::MemoryStorage storage;
  sim::AxiMemory<Vaxi_arbiter, 8> memory;
  Dice dice{9};
  std::array<Manager, 2> managers;
};

TEST_F(AxiArbiter, GivesEachManagerItsOwnDataAndAnswers) {
  for (int round = 0; round < 40 && !HasFatalFailure(); ++round) {
    const double rates[] = {1, 0.3, 0.02, 0};
    const double a = rates[dice.between(0, 3)], b = rates[dice.between(0, 3)];
    for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) step(a, b);
  }
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) step(0, 0);
  ASSERT_FALSE(HasFatalFailure());
  for (uint32_t m = 0; m < 2; ++m) {
    EXPECT_TRUE(managers[m].reading.empty() && managers[m].answers.empty());
    EXPECT_GT(managers[m].reads, 1000u);
    EXPECT_GT(managers[m].writes, 1000u);
    for (uint32_t i = 0; i < kBeats; ++i) {
      uint64_t found;
      std::memcpy(&found, storage.data() + address(m, i), 8);
      ASSERT_EQ(found, managers[m].expected[i]);
    }
  }
}

TEST_F(AxiArbiter, SharesTheBusWhenBothWantAllOfIt) {
  for (int i = 0; i < 40000 && !HasFatalFailure(); ++i) step(1, 1);
  ASSERT_FALSE(HasFatalFailure());
  const auto share = [](uint64_t a, uint64_t b) {
    return static_cast<double>(a) / static_cast<double>(a + b);
  };
  EXPECT_NEAR(share(managers[0].reads, managers[1].reads), 0.5, 0.03);
  EXPECT_NEAR(share(managers[0].writes, managers[1].writes), 0.5, 0.03);
}

}  // namespace
}  // namespace tern::test
