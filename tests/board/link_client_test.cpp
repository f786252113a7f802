// SPDX-License-Identifier: Apache-2.0
// The host's end of the serial link, against a board in C++.
#include "serial/link_client.hpp"

#include <gtest/gtest.h>

#include "errors.hpp"
#include "fake_board.hpp"

namespace tern::test {
namespace {

using driver::LinkClient;

std::vector<std::byte> random_bytes(std::size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

class LinkClientTest : public testing::Test {
 protected:
  FakeBoard board;
  FakeLine::Faults faults;
  FakeLine* line = new FakeLine(board, faults, 7);
  LinkClient client{std::unique_ptr<driver::ByteLine>(line)};

  /// Writes and reads back memory and registers, all checked.
  void exercise(std::size_t memory_bytes, uint32_t words) {
    const std::vector<std::byte> data = random_bytes(memory_bytes, 3);
    client.write_memory(64, data);
    ASSERT_TRUE(std::equal(data.begin(), data.end(),
                           reinterpret_cast<const std::byte*>(board.memory.data()) + 64));
    std::vector<std::byte> back(memory_bytes);
    client.read_memory(64, back);
    ASSERT_EQ(back, data);
    ASSERT_EQ(client.checksums(64, memory_bytes).at(0),
              frame_crc(reinterpret_cast<const uint8_t*>(data.data()),
                        std::min<std::size_t>(memory_bytes, spec::kLinkChecksumBytes)));
    board.register_writes.clear();
    std::vector<std::pair<uint32_t, uint32_t>> expected;
    std::vector<uint32_t> values;
    for (uint32_t i = 0; i < words; ++i) {
      values.push_back(i * 0x9e3779b9);
      expected.emplace_back(0x30, values.back());
    }
    client.write_registers(0x30, values);
    for (uint32_t i = 0; i < words; ++i) {
      client.write_registers(0x200 + 4 * (i % 64), std::span(&values[i], 1));
      expected.emplace_back(0x200 + 4 * (i % 64), values[i]);
    }
    ASSERT_EQ(board.register_writes, expected);
    std::vector<uint32_t> read(64);
    client.read_registers(0x200, read);
    for (uint32_t i = 0; i < 64; ++i) ASSERT_EQ(read[i], board.registers[0x200 + 4 * i]);
  }
};

TEST_F(LinkClientTest, MovesMemoryAndRegisters) {
  for (std::size_t bytes : {8u, 1024u, 1032u, 65536u, 200000u}) exercise(bytes, 700);
  EXPECT_EQ(client.counts().troubles, 0u);
  board.interrupt = true;
  EXPECT_TRUE(client.interrupt());
  board.interrupt = false;
  EXPECT_FALSE(client.interrupt());
}

TEST_F(LinkClientTest, UsesNearlyAllOfTheLineForAnUpload) {
  client.connect();
  const double start = line->now();
  client.write_memory(0, random_bytes(1 << 20, 1));
  EXPECT_LT(line->now() - start, 1.02 * (1 << 20) / 300000 * 1038 / 1024);
}

TEST_F(LinkClientTest, DoesEverythingOnceAndInOrderWhateverTheLineDoes) {
  uint64_t troubles = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    for (const FakeLine::Faults f :
         {FakeLine::Faults{.noise = 0.01}, FakeLine::Faults{.drop = 0.01},
          FakeLine::Faults{.extra = 0.01}, FakeLine::Faults{0.01, 0.01, 0.01}}) {
      FakeBoard fresh;
      std::swap(board, fresh);
      faults = f;
      line = new FakeLine(board, faults, seed);
      client = LinkClient(std::unique_ptr<driver::ByteLine>(line));
      ASSERT_NO_FATAL_FAILURE(exercise(10000, 300));
      troubles += client.counts().troubles;
    }
  }
  EXPECT_GT(troubles, 1000u);
}

TEST_F(LinkClientTest, GoesOnQuicklyAfterASingleDamage) {
  client.connect();
  client.write_memory(0, random_bytes(4096, 1));
  const double start = line->now();
  faults.noise = 0.0002;
  client.write_memory(0, random_bytes(500000, 2));
  EXPECT_GT(client.counts().troubles, 40u);
  // Each costs its frames, an exchange, and shorter frames for a while.
  EXPECT_LT(line->now() - start, 2.2 * 500000 / 300000);
}

TEST_F(LinkClientTest, FindsALinkThatHangsInAFrame) {
  Bytes ignored;
  for (const uint8_t byte : {0xa5, 0x3c, 0x05, 0x00, 0x00, 0x04}) board.receive(byte, 0, ignored);
  client.connect();
  exercise(1024, 10);
}

TEST_F(LinkClientTest, SaysThatNoBoardAnswers) {
  faults.deaf = true;
  EXPECT_ERROR(client.connect(), "no answer");
  EXPECT_LT(line->now(), 10);
  faults.deaf = false;
  client.connect();
}

TEST_F(LinkClientTest, SaysThatTheBitstreamIsOfAnotherVersion) {
  board.version = spec::kLinkVersion + 1;
  EXPECT_ERROR(client.connect(), "bitstream speaks version");
}

TEST_F(LinkClientTest, SaysThatTheBoardWasResetAndFindsItAgain) {
  exercise(4096, 20);
  board.reset();
  uint32_t value = 5;
  EXPECT_ERROR(client.write_registers(0x40, std::span(&value, 1)), "reset");
  exercise(4096, 20);
}

TEST_F(LinkClientTest, SaysThatTheBoardHasGoneSilent) {
  exercise(64, 1);
  faults.deaf = true;
  const double start = line->now();
  EXPECT_ERROR(client.interrupt(), "not answered");
  EXPECT_LT(line->now() - start, 40);
}

TEST_F(LinkClientTest, SaysThatTheLineIsTooNoisy) {
  client.connect();
  faults.noise = 0.15;
  EXPECT_ERROR(client.write_memory(0, random_bytes(100000, 1)), "too noisy");
}

TEST_F(LinkClientTest, SaysWhatTheBoardRefuses) {
  uint32_t value = 1;
  EXPECT_ERROR(client.write_registers(0xf00, std::span(&value, 1)), "register 0xf00");
  EXPECT_ERROR(client.write_memory(board.memory.size() - 512, random_bytes(1024, 1)),
               "the board has less memory");
  EXPECT_TRUE(client.has_memory(board.memory.size() - 8));
  EXPECT_FALSE(client.has_memory(board.memory.size()));
  exercise(1024, 10);
}

}  // namespace
}  // namespace tern::test
