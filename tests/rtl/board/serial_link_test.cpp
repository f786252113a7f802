// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <deque>

#include "Vserial_16.h"
#include "Vserial_33.h"
#include "Vserial_8.h"
#include "link_bench.hpp"

namespace tern::test {
namespace {

using spec::LinkOpcode;
using spec::LinkStatus;

/// 3 Mbaud at 100 MHz, at 50 MHz, and the fewest cycles that a bit may take.
struct Clock100 {
  using Block = Vserial_33;
  static constexpr double kBit = 533 / 16.0;
};
struct Clock50 {
  using Block = Vserial_16;
  static constexpr double kBit = 267 / 16.0;
};
struct Fewest {
  using Block = Vserial_8;
  static constexpr double kBit = 8;
};

template <typename Clock>
class SerialLink : public testing::Test {
 protected:
  SerialLink() : buses(3) {
    block->rx_i = 1;
    block->irq_i = 0;
    block->m_axil_bvalid_i = block->m_axil_rvalid_i = 0;
    block->m_axi_rvalid_i = block->m_axi_bvalid_i = 0;
    block.reset();
    wait(20 * Clock::kBit);
  }

  void step() {
    buses.drive(*block);
    block.settle();
    buses.settle(*block);
    block.settle();
    buses.collect(*block);
    listen(block->tx_o);
    block.tick();
    buses.after_edge(*block);
  }
  void wait(double cycles) {
    for (double i = 0; i < cycles; ++i) step();
  }

  /// The host's receiver: samples in the middle of each bit, by its own clock.
  void listen(bool line) {
    ++now;
    if (start < 0) {
      if (!line) start = static_cast<double>(now), bits = 0, value = 0;
      return;
    }
    if (static_cast<double>(now) < start + (bits + 0.5) * period) return;
    if (bits == 0) {
      ASSERT_FALSE(line) << "start bit";
    } else if (bits <= 8) {
      value |= static_cast<uint32_t>(line) << (bits - 1);
    } else {
      ASSERT_TRUE(line) << "stop bit";
      sent.push_back(static_cast<uint8_t>(value));
      start = -1;
      return;
    }
    ++bits;
  }

  /// The host's sender: bits of `period` cycles, no gap between characters.
  void send(const Bytes& bytes) {
    auto edge = static_cast<double>(now);
    const auto put = [&](bool bit) {
      block->rx_i = bit;
      edge += period;
      while (static_cast<double>(now) < edge) step();
    };
    for (const uint8_t byte : bytes) {
      put(false);
      for (int i = 0; i < 8; ++i) put(byte >> i & 1);
      put(true);
    }
  }
  Reply reply() {
    for (int i = 0; i < 2000; ++i) {
      if (auto found = take_reply(sent)) return *found;
      wait(10 * Clock::kBit);
    }
    ADD_FAILURE() << "no reply";
    return {LinkOpcode::kNone, 0, LinkStatus::kDamaged, false, 0, {}};
  }
  Reply ask(LinkOpcode opcode, uint8_t sequence, uint32_t address = 0, const Bytes& payload = {}) {
    send(frame(opcode, sequence, address, payload));
    return reply();
  }

  Clocked<typename Clock::Block> block;
  LinkBuses<typename Clock::Block> buses;
  double period = Clock::kBit;
  double start = -1;
  uint64_t now = 0;
  int bits = 0;
  uint32_t value = 0;
  Bytes sent;
};
using Clocks = testing::Types<Clock100, Clock50, Fewest>;
TYPED_TEST_SUITE(SerialLink, Clocks);

TYPED_TEST(SerialLink, CarriesFramesBetweenClocksThatDiffer) {
  Dice dice(11);
  // The last sample of a character is 9.5 bits behind its edge; eight cycles a bit leave less room.
  const double off = TypeParam::kBit > 8 ? 0.03 : 0.02;
  uint8_t sequence = 0;
  for (const double factor : {1 - off, 1.0, 1 + off}) {
    this->period = TypeParam::kBit * factor;
    EXPECT_EQ(this->ask(LinkOpcode::kHello, sequence++).status, LinkStatus::kOk);
    Bytes data(1024);
    for (uint8_t& byte : data) byte = static_cast<uint8_t>(dice.between(0, 255));
    EXPECT_EQ(this->ask(LinkOpcode::kWriteMemory, sequence++, 4096, data).status, LinkStatus::kOk);
    const Reply reply = this->ask(LinkOpcode::kReadMemory, sequence++, 4096, number(1024));
    EXPECT_EQ(reply.status, LinkStatus::kOk);
    EXPECT_EQ(reply.payload, data) << factor;
    const Reply status = this->ask(LinkOpcode::kStatus, sequence++);
    EXPECT_EQ(status.payload, Bytes(8)) << factor;
  }
}

TYPED_TEST(SerialLink, IgnoresGlitchesAndSurvivesABreak) {
  EXPECT_EQ(this->ask(LinkOpcode::kHello, 0).status, LinkStatus::kOk);
  for (int i = 0; i < 50; ++i) {  // shorter than half a bit
    this->block->rx_i = 0;
    this->step();
    this->block->rx_i = 1;
    this->wait(3 * TypeParam::kBit + i % 7);
  }
  const Bytes value = number(77);
  EXPECT_EQ(this->ask(LinkOpcode::kWriteRegister, 1, 8, value).status, LinkStatus::kOk);
  // A break inside a frame: it is dropped at once, with one broken character.
  Bytes cut = frame(LinkOpcode::kWriteRegister, 2, 12, value);
  cut.resize(8);
  this->send(cut);
  this->block->rx_i = 0;
  this->wait(100 * TypeParam::kBit);
  this->block->rx_i = 1;
  EXPECT_EQ(this->reply().status, LinkStatus::kDamaged);
  const Reply status = this->ask(LinkOpcode::kStatus, 2);
  EXPECT_EQ(little(status.payload, 0, 2), 1u);
  EXPECT_EQ(little(status.payload, 4, 2), 1u);
  EXPECT_EQ(this->buses.writes.size(), 1u);
}

TYPED_TEST(SerialLink, GivesUpAFrameThatStops) {
  EXPECT_EQ(this->ask(LinkOpcode::kHello, 0).status, LinkStatus::kOk);
  Bytes cut = frame(LinkOpcode::kWriteMemory, 1, 0, Bytes(64));
  cut.resize(30);
  this->send(cut);
  this->wait(900 * TypeParam::kBit);  // PauseCharacters is 100
  EXPECT_TRUE(this->sent.empty());
  EXPECT_EQ(this->reply().status, LinkStatus::kDamaged);
  EXPECT_EQ(this->ask(LinkOpcode::kWriteMemory, 1, 0, Bytes(64, 5)).status, LinkStatus::kOk);
  EXPECT_EQ(this->buses.byte(63), 5);
}

}  // namespace
}  // namespace tern::test
