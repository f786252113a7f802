// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>

#include "Vhost_link.h"
#include "link_bench.hpp"

namespace tern::test {
namespace {

using spec::LinkOpcode;
using spec::LinkStatus;
constexpr uint32_t kPause = 2000;  // cycles, as in CMakeLists.txt

class HostLink : public testing::Test {
 protected:
  void hello(uint8_t sequence = 0) {
    const Reply reply = bench.ask(LinkOpcode::kHello, sequence);
    ASSERT_EQ(reply.status, LinkStatus::kOk);
    ASSERT_EQ(reply.opcode, LinkOpcode::kHello);
    ASSERT_EQ(reply.sequence, sequence);
    ASSERT_EQ(reply.expected, static_cast<uint8_t>(sequence + 1));
    ASSERT_EQ(reply.payload.size(), 8u);
    ASSERT_EQ(little(reply.payload, 0, 2), spec::kLinkVersion);
    ASSERT_EQ(little(reply.payload, 2, 2), spec::kLinkPayloadBytes);
    ASSERT_EQ(little(reply.payload, 4, 2), spec::kLinkWindow);
    next = static_cast<uint8_t>(sequence + 1);
  }
  Reply ask(LinkOpcode opcode, uint32_t address = 0, const Bytes& payload = {}) {
    const Reply reply = bench.ask(opcode, next, address, payload);
    EXPECT_EQ(reply.opcode, opcode);
    EXPECT_EQ(reply.sequence, next);
    ++next;
    EXPECT_EQ(reply.expected, next);
    return reply;
  }
  Bytes random_bytes(size_t count) {
    Bytes bytes(count);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(bench.dice.between(0, 255));
    return bytes;
  }
  void wait(uint32_t cycles) {
    for (uint32_t i = 0; i < cycles; ++i) bench.step();
  }
  bool nothing_written() {
    return bench.buses.writes.empty() && bench.buses.memory.write_beats() == 0;
  }

  LinkBench<Vhost_link> bench{5};
  uint8_t next = 0;
};

TEST_F(HostLink, ReadsAndWritesRegisters) {
  hello(200);
  for (uint32_t i = 0; i < 300; ++i) {
    const uint32_t address = i * 4 % LinkBuses<Vhost_link>::kBadRegister;
    const uint32_t value = 0x9e3779b9 * (i + 1);
    EXPECT_EQ(ask(LinkOpcode::kWriteRegister, address, number(value)).status, LinkStatus::kOk);
    const Reply reply = ask(LinkOpcode::kReadRegister, address);
    EXPECT_EQ(reply.status, LinkStatus::kOk);
    EXPECT_EQ(reply.payload, number(value));
  }
  EXPECT_EQ(bench.buses.writes.size(), 300u);
}

TEST_F(HostLink, ReadsConsecutiveRegistersAndWritesOneRepeatedly) {
  hello();
  for (uint32_t words = 1; words <= 256; ++words) {
    const auto address = static_cast<uint32_t>(4 * bench.dice.between(0, 959));
    const Bytes data = random_bytes(4 * words);
    bench.buses.writes.clear();
    ASSERT_EQ(ask(LinkOpcode::kWriteRegister, address, data).status, LinkStatus::kOk);
    ASSERT_EQ(bench.buses.writes.size(), words);
    for (uint32_t i = 0; i < words; ++i) {
      ASSERT_EQ(bench.buses.writes[i].first, address);
      ASSERT_EQ(bench.buses.writes[i].second, little(data, 4 * i, 4)) << i;
    }
    const auto from = static_cast<uint32_t>(4 * bench.dice.between(0, 960 - words));
    Bytes expected;
    for (uint32_t i = 0; i < words; ++i) append(expected, bench.buses.registers[from / 4 + i], 4);
    const Reply reply = ask(LinkOpcode::kReadRegister, from, number(4 * words));
    ASSERT_EQ(reply.status, LinkStatus::kOk);
    ASSERT_EQ(reply.payload, expected) << words;
  }
}

TEST_F(HostLink, EndsARequestAtTheFirstRegisterThatFails) {
  hello();
  EXPECT_EQ(ask(LinkOpcode::kReadRegister, 0xef8, number(16)).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kWriteRegister, 0xf00, Bytes(64)).status, LinkStatus::kBusError);
  EXPECT_EQ(bench.buses.writes.size(), 1u);
  EXPECT_EQ(ask(LinkOpcode::kReadRegister, 0xef8, number(8)).status, LinkStatus::kOk);
}

TEST_F(HostLink, SumsUpMemoryAsZlibDoes) {
  hello();
  for (uint32_t i = 0; i < 24; ++i) {
    const uint32_t most = i == 0 ? 65536 : 4096;
    const auto count = i == 0 ? most : static_cast<uint32_t>(8 * bench.dice.between(1, most / 8));
    const auto address = static_cast<uint32_t>(8 * bench.dice.between(0, 4096));
    Bytes data = random_bytes(count);
    for (uint32_t k = 0; k < count; ++k) {
      bench.buses.storage.data()[address + k] = static_cast<std::byte>(data[k]);
    }
    bench.send(frame(LinkOpcode::kChecksum, next++, address, number(count)));
    const Reply reply = bench.reply(100000);
    ASSERT_EQ(reply.status, LinkStatus::kOk);
    ASSERT_EQ(reply.payload, number(frame_crc(data.data(), data.size()))) << count;
  }
  const uint64_t beats = bench.buses.memory.read_beats();
  EXPECT_EQ(
      ask(LinkOpcode::kChecksum, LinkBuses<Vhost_link>::kMemoryBytes - 64, number(128)).status,
      LinkStatus::kBusError);
  EXPECT_EQ(bench.buses.memory.read_beats(), beats + 16);
  EXPECT_TRUE(nothing_written());
}

TEST_F(HostLink, ReadsAndWritesMemoryOfEverySizeAtEveryAlignment) {
  hello();
  Bytes expected(LinkBuses<Vhost_link>::kMemoryBytes);
  for (uint32_t i = 0; i < 256; ++i) {
    bench.send_rate = bench.dice.chance(0.5) ? 1 : 0.3;
    const auto count = static_cast<uint32_t>(8 * (i < 128 ? i + 1 : bench.dice.between(1, 128)));
    const auto address = static_cast<uint32_t>(8 * bench.dice.between(0, (16384 - count) / 8));
    const Bytes data = random_bytes(count);
    ASSERT_EQ(ask(LinkOpcode::kWriteMemory, address, data).status, LinkStatus::kOk);
    std::copy(data.begin(), data.end(), expected.begin() + address);
    const auto from = static_cast<uint32_t>(8 * bench.dice.between(0, (16384 - count) / 8));
    const Reply reply = ask(LinkOpcode::kReadMemory, from, number(count));
    ASSERT_EQ(reply.status, LinkStatus::kOk);
    ASSERT_EQ(reply.payload, Bytes(expected.begin() + from, expected.begin() + from + count));
  }
  for (uint32_t i = 0; i < expected.size(); ++i) ASSERT_EQ(bench.buses.byte(i), expected[i]) << i;
}

TEST_F(HostLink, TakesOneFrameAheadAndRepliesInOrder) {
  hello();
  bench.send_rate = 0.05;
  const Bytes data = random_bytes(1024);
  bench.send(frame(LinkOpcode::kReadMemory, 1, 0, number(1024)), 0);
  bench.send(frame(LinkOpcode::kWriteMemory, 2, 512, data), 0);
  const Reply first = bench.reply();
  bench.send(frame(LinkOpcode::kReadMemory, 3, 512, number(1024)), 0);
  const Reply second = bench.reply(), third = bench.reply();
  EXPECT_EQ(first.payload, Bytes(1024));
  EXPECT_EQ(second.sequence, 2);
  EXPECT_EQ(second.status, LinkStatus::kOk);
  EXPECT_EQ(third.payload, data);
}

TEST_F(HostLink, DropsFramesBeyondTheWindowAndSaysSo) {
  hello();
  bench.send_rate = 0;
  const Bytes value = number(1);
  // One is executed and replied, its reply waits; two fill the buffers; one finds none.
  for (uint8_t i = 1; i <= 4; ++i) bench.send(frame(LinkOpcode::kWriteRegister, i, 4u * i, value));
  EXPECT_EQ(bench.buses.writes.size(), 1u);
  bench.send_rate = 1;
  for (uint8_t i = 1; i <= 3; ++i) EXPECT_EQ(bench.reply().sequence, i);
  const Reply late = bench.reply();
  EXPECT_EQ(late.status, LinkStatus::kDamaged);
  EXPECT_EQ(late.opcode, LinkOpcode::kNone);
  EXPECT_EQ(late.expected, 4);
  EXPECT_EQ(bench.buses.writes.size(), 3u);
  next = 4;
  EXPECT_EQ(little(ask(LinkOpcode::kStatus).payload, 2, 2), 1u);
}

TEST_F(HostLink, RefusesWhatDoesNotFit) {
  hello();
  const struct {
    uint32_t opcode, address;
    Bytes payload;
    LinkStatus status;
  } cases[] = {
      {0, 0, {}, LinkStatus::kBadOpcode},
      {8, 0, {}, LinkStatus::kBadOpcode},
      {0x83, 0, number(1), LinkStatus::kBadOpcode},
      {2, 0, number(1), LinkStatus::kBadLength},
      {2, 0, number(0), LinkStatus::kBadLength},
      {2, 0, number(1028), LinkStatus::kBadLength},
      {2, 0, Bytes(8), LinkStatus::kBadLength},
      {3, 0, {}, LinkStatus::kBadLength},
      {3, 0, Bytes(6), LinkStatus::kBadLength},
      {4, 0, {}, LinkStatus::kBadLength},
      {4, 0, number(0), LinkStatus::kBadLength},
      {4, 0, number(12), LinkStatus::kBadLength},
      {4, 0, number(1032), LinkStatus::kBadLength},
      {4, 0, number(0x80000008), LinkStatus::kBadLength},
      {5, 0, {}, LinkStatus::kBadLength},
      {5, 0, Bytes(12), LinkStatus::kBadLength},
      {6, 0, Bytes(1), LinkStatus::kBadLength},
      {2, 2, {}, LinkStatus::kBadAddress},
      {2, 0x1000, {}, LinkStatus::kBadAddress},
      {2, 0xffc, number(8), LinkStatus::kBadAddress},
      {7, 0, {}, LinkStatus::kBadLength},
      {7, 0, number(0), LinkStatus::kBadLength},
      {7, 0, number(12), LinkStatus::kBadLength},
      {7, 0, number(65544), LinkStatus::kBadLength},
      {7, 4, number(8), LinkStatus::kBadAddress},
      {7, 0xfffffff8, number(16), LinkStatus::kBadAddress},
      {3, 0x80000000, number(1), LinkStatus::kBadAddress},
      {4, 4, number(8), LinkStatus::kBadAddress},
      {4, 0xfffffff8, number(16), LinkStatus::kBadAddress},
      {5, 1, Bytes(8), LinkStatus::kBadAddress},
      {5, 0xfffffff8, Bytes(16), LinkStatus::kBadAddress},
  };
  for (const auto& one : cases) {
    bench.send(frame(one.opcode, next, one.address, one.payload));
    const Reply reply = bench.reply();
    EXPECT_EQ(reply.status, one.status) << one.opcode << " " << one.address;
    EXPECT_EQ(reply.sequence, next);
    EXPECT_TRUE(reply.payload.empty());
    ++next;
  }
  EXPECT_TRUE(nothing_written());
  EXPECT_EQ(bench.buses.memory.read_beats(), 0u);
}

TEST_F(HostLink, ReportsBusErrors) {
  hello();
  const uint32_t outside = LinkBuses<Vhost_link>::kMemoryBytes;
  EXPECT_EQ(ask(LinkOpcode::kReadRegister, 0xf00).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kWriteRegister, 0xf00, number(1)).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kReadMemory, outside - 8, number(512)).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kWriteMemory, outside - 128, Bytes(256)).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kReadMemory, 0, number(512)).status, LinkStatus::kOk);
  bench.buses.memory.inject({.kind = sim::MemoryFault::Kind::kFlipRead,
                             .at = bench.buses.memory.read_beats() + 3,
                             .bit = 11});
  EXPECT_EQ(ask(LinkOpcode::kReadMemory, 0, number(512)).status, LinkStatus::kBusError);
  EXPECT_EQ(ask(LinkOpcode::kReadRegister, 0).status, LinkStatus::kOk);
}

TEST_F(HostLink, DoesARepeatedWriteOnceAndKeepsItsStatus) {
  hello();
  ask(LinkOpcode::kWriteRegister, 16, number(7));
  ask(LinkOpcode::kWriteRegister, 0xf00, number(8));
  ASSERT_EQ(bench.buses.writes.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(bench.ask(LinkOpcode::kWriteRegister, 1, 16, number(7)).status, LinkStatus::kOk);
    EXPECT_EQ(bench.ask(LinkOpcode::kWriteRegister, 2, 0xf00, number(8)).status,
              LinkStatus::kBusError);
  }
  EXPECT_EQ(bench.ask(LinkOpcode::kWriteRegister, 0, 20, number(9)).status, LinkStatus::kSequence);
  EXPECT_EQ(bench.ask(LinkOpcode::kWriteRegister, 4, 20, number(9)).status, LinkStatus::kSequence);
  EXPECT_EQ(bench.ask(LinkOpcode::kReadRegister, 1, 16).payload, number(7));
  EXPECT_EQ(bench.buses.writes.size(), 2u);
  next = 3;
  EXPECT_EQ(little(ask(LinkOpcode::kStatus).payload, 6, 2), 2u);
  hello(100);
  EXPECT_EQ(bench.ask(LinkOpcode::kWriteRegister, 99, 20, number(9)).status, LinkStatus::kSequence);
  EXPECT_EQ(bench.buses.writes.size(), 2u);
}

TEST_F(HostLink, ShowsTheInterrupt) {
  hello();
  EXPECT_FALSE(ask(LinkOpcode::kStatus).irq);
  bench.block->irq_i = 1;
  EXPECT_TRUE(ask(LinkOpcode::kStatus).irq);
  bench.block->irq_i = 0;
  EXPECT_FALSE(ask(LinkOpcode::kReadRegister, 0).irq);
}

TEST_F(HostLink, DropsADamagedFrameAndAnswersWithTheExpectedNumber) {
  hello();
  Bytes payload = random_bytes(64);
  const Bytes good = frame(LinkOpcode::kWriteMemory, 1, 64, payload);
  const auto expect_damaged = [&] {
    const Reply reply = bench.reply();
    EXPECT_EQ(reply.status, LinkStatus::kDamaged);
    EXPECT_EQ(reply.opcode, LinkOpcode::kNone);
    EXPECT_EQ(reply.sequence, 1);
  };
  for (uint32_t bit = 0; bit < 32; ++bit) {
    bench.send(frame(LinkOpcode::kWriteMemory, 1, 64, payload, 1u << bit));
    expect_damaged();
  }
  for (uint32_t i = 0; i < 200; ++i) {  // one flipped bit anywhere but in the length
    Bytes bad = good;
    size_t at;
    do at = bench.dice.between(2, bad.size() - 1);
    while (at == 4 || at == 5);
    bad[at] ^= static_cast<uint8_t>(1u << bench.dice.between(0, 7));
    bench.send(bad);
    expect_damaged();
  }
  Bytes longer = good;  // a payload longer than allowed
  longer[5] = 0x05;
  bench.send(longer);
  expect_damaged();
  Bytes cut(good.begin(), good.begin() + 40);  // silence in the middle
  bench.send(cut);
  wait(kPause + 10);
  expect_damaged();
  bench.send(cut);  // a character without its stop bit
  bench.step(LinkBench<Vhost_link>::kBroken);
  expect_damaged();
  EXPECT_TRUE(nothing_written());
  next = 1;
  EXPECT_EQ(ask(LinkOpcode::kWriteMemory, 64, payload).status, LinkStatus::kOk);
  const Reply status = ask(LinkOpcode::kStatus);
  EXPECT_EQ(little(status.payload, 0, 2), 32u + 200 + 3);
  EXPECT_EQ(little(status.payload, 4, 2), 1u);
}

TEST_F(HostLink, FindsTheFrameBehindNoise) {
  const uint8_t a = spec::kLinkSync0, b = spec::kLinkSync1;
  for (const Bytes& noise : {Bytes{a}, Bytes{a, a, a}, Bytes{1, 2, b, a}, Bytes{b, a, 7, a}}) {
    bench.send(noise);
    hello();
  }
}

/// Bytes that mean nothing: uniform, rich in sync bytes, and frames whose CRC is wrong.
TEST_F(HostLink, WritesNothingAndGoesOnAfterRandomBytes) {
  const char* text = std::getenv("TERN_LINK_BYTES");
  const uint64_t total = text ? std::strtoull(text, nullptr, 10) : 300000;
  uint64_t sent = 0, rounds = 0;
  while (sent < total) {
    Bytes bytes;
    switch (bench.dice.between(0, 2)) {
      case 0:
        bytes = random_bytes(bench.dice.between(1, 4000));
        break;
      case 1:
        for (uint64_t i = bench.dice.between(1, 4000); i > 0; --i) {
          const uint8_t rich[] = {spec::kLinkSync0, spec::kLinkSync1, 0, 3, 4, 5};
          bytes.push_back(rich[bench.dice.between(0, 5)]);
        }
        break;
      default: {
        // Executed if its CRC were right: an access with the number that is expected.
        const bool one_register = bench.dice.chance(0.5);
        const size_t count = one_register ? 4 : 8 * bench.dice.between(1, 128);
        const auto opcode = one_register ? LinkOpcode::kWriteRegister : LinkOpcode::kWriteMemory;
        bytes =
            frame(opcode, next, static_cast<uint32_t>(8 * bench.dice.between(0, 100)),
                  random_bytes(count), static_cast<uint32_t>(bench.dice.between(1, 0xffffffff)));
      }
    }
    const auto gap = static_cast<uint32_t>(bench.dice.between(0, 2));
    bench.send_rate = bench.dice.chance(0.5) ? 1 : 0.1;
    bench.send(bytes, gap);
    if (bench.dice.chance(0.1)) bench.step(LinkBench<Vhost_link>::kBroken);
    if (bench.dice.chance(0.1)) wait(kPause + 10);
    bench.sent.clear();
    sent += bytes.size();
    ASSERT_TRUE(nothing_written()) << "after " << sent << " bytes";
    if (++rounds % 16 == 0) {
      // After a pause the link answers at once.
      bench.send_rate = 1;
      wait(kPause + 200);
      bench.sent.clear();
      hello(static_cast<uint8_t>(rounds));
      const Reply status = ask(LinkOpcode::kStatus);
      ASSERT_EQ(status.status, LinkStatus::kOk);
      ASSERT_GT(little(status.payload, 0, 2), 0u);
    }
  }
  EXPECT_EQ(bench.buses.memory.read_beats(), 0u);
}

/// A host that sends one frame ahead and repeats what was not answered, on a line that damages,
/// loses and invents one byte in a hundred in each direction.
TEST_F(HostLink, DeliversEachWriteOnceAndInOrderOverABadLine) {
  hello();
  const uint32_t total = 1500;
  std::vector<std::pair<uint32_t, uint32_t>> expected;
  for (uint32_t i = 0; i < total; ++i) {
    expected.emplace_back(static_cast<uint32_t>(4 * bench.dice.between(0, 900)), i);
  }
  const auto sequence_of = [](uint32_t i) { return static_cast<uint8_t>(i + 1); };
  std::deque<int> line;
  const auto queue = [&](uint32_t i) {
    for (const uint8_t byte : frame(LinkOpcode::kWriteRegister, sequence_of(i), expected[i].first,
                                    number(expected[i].second))) {
      line.push_back(byte);
    }
  };
  uint32_t done = 0, queued = 0;
  uint64_t quiet = 0, cycles = 0, damaged = 0, timeouts = 0;
  Bytes heard;
  while (done < total) {
    ASSERT_LT(++cycles, 30000000u);
    while (queued < total && queued < done + spec::kLinkWindow) queue(queued++);
    int byte = -1;
    if (cycles % 4 == 0 && !line.empty()) {
      byte = line.front();
      line.pop_front();
      if (bench.dice.chance(0.01)) {
        ++damaged;
        const uint64_t kind = bench.dice.between(0, 3);
        if (kind == 0) byte ^= 1 << bench.dice.between(0, 7);
        if (kind == 1) byte = static_cast<int>(bench.dice.between(0, 255));
        if (kind == 2) byte = -1;
        if (kind == 3) line.push_front(static_cast<int>(bench.dice.between(0, 255)));
      }
    }
    bench.step(byte);
    for (const uint8_t value : bench.sent) {
      const uint64_t kind = bench.dice.chance(0.01) ? bench.dice.between(0, 2) : 3;
      if (kind == 0) heard.push_back(value ^ static_cast<uint8_t>(1u << bench.dice.between(0, 7)));
      if (kind == 2) heard.push_back(static_cast<uint8_t>(bench.dice.between(0, 255)));
      if (kind >= 2) heard.push_back(value);
    }
    quiet = bench.sent.empty() && line.empty() ? quiet + 1 : 0;
    bench.sent.clear();
    bool repeat = false;
    while (auto reply = take_reply(heard)) {
      const bool answers_oldest = reply->sequence == sequence_of(done);
      if (reply->status == LinkStatus::kOk && answers_oldest) {
        ++done;
      } else if (reply->status == LinkStatus::kDamaged) {
        repeat = true;
      }
      if (done == total) break;
    }
    // The time-out is longer than the link's own, so that the link is in step again.
    if (quiet > 2 * kPause) {
      repeat = true;
      ++timeouts;
      quiet = 0;
      heard.clear();
    }
    if (repeat && line.empty()) queued = done;
  }
  EXPECT_EQ(bench.buses.writes, expected);
  EXPECT_GT(damaged, 100u);
  RecordProperty("damaged", std::to_string(damaged));
  RecordProperty("timeouts", std::to_string(timeouts));
}

}  // namespace
}  // namespace tern::test
