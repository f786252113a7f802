// SPDX-License-Identifier: Apache-2.0
// A board behind a serial link as the driver sees it, against a board in C++.
#include "serial/link_transport.hpp"

#include <gtest/gtest.h>

#include "errors.hpp"
#include "fake_board.hpp"
#include "spec/generated/registers.hpp"

namespace tern::test {
namespace {

using driver::LinkTransport;
namespace reg = spec::reg;

constexpr uint64_t kBlock = spec::kLinkChecksumBytes;

class LinkTransportTest : public testing::Test {
 protected:
  FakeBoard board;
  FakeLine::Faults faults;

  std::unique_ptr<LinkTransport> open() {
    return std::make_unique<LinkTransport>(std::make_unique<FakeLine>(board, faults, 5));
  }
  static std::vector<std::byte> image(std::size_t bytes, uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    std::vector<std::byte> data(bytes);
    for (std::byte& b : data) b = static_cast<std::byte>(random());
    return data;
  }
  bool holds(const std::vector<std::byte>& data) const {
    return std::equal(data.begin(), data.end(),
                      reinterpret_cast<const std::byte*>(board.memory.data()));
  }
};

TEST_F(LinkTransportTest, KnowsTheChipByItsRegisters) {
  EXPECT_STREQ(open()->config().name, "ulx3s");
  board.registers[reg::kConfig] ^= 1u << reg::kConfigAccDepthLsb;
  EXPECT_ERROR(open(), "no configuration that this driver knows");
  board.registers[reg::kId] = 0;
  EXPECT_ERROR(open(), "not a Tern chip");
}

TEST_F(LinkTransportTest, UploadsOnceAndOnlyWhatDiffers) {
  const auto data = image(5 * kBlock + 1001);
  uint64_t last = 0;
  const auto progress = [&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, data.size());
    EXPECT_GE(done, last);
    EXPECT_LE(done, total);
    last = done;
  };
  auto chip = open();
  chip->reserve_memory(data.size());
  chip->load_memory(0, data, progress);
  EXPECT_TRUE(holds(data));
  EXPECT_GE(last + 8, data.size());
  // Another session finds it there; the odd end is written always.
  board.memory_writes = 0;
  chip = open();
  chip->reserve_memory(data.size());
  chip->load_memory(0, data, {});
  EXPECT_LE(board.memory_writes, 8u);
  board.memory[2 * kBlock + 77] ^= 4;
  chip->load_memory(0, data, {});
  EXPECT_TRUE(holds(data));
  EXPECT_LE(board.memory_writes, kBlock + 16);
}

TEST_F(LinkTransportTest, GoesOnWhereAnUploadBrokeOff) {
  const auto data = image(8 * kBlock);
  faults.dies_after = 5 * kBlock;
  {
    auto chip = open();
    chip->reserve_memory(data.size());
    EXPECT_ERROR(chip->load_memory(0, data, {}), "the line is gone");
  }
  EXPECT_FALSE(holds(data));
  faults = {};
  board.memory_writes = 0;
  auto chip = open();
  chip->reserve_memory(data.size());
  chip->load_memory(0, data, {});
  EXPECT_TRUE(holds(data));
  EXPECT_LE(board.memory_writes, 4 * kBlock);
}

TEST_F(LinkTransportTest, UploadsOverANoisyLine) {
  faults = {.noise = 0.01};
  const auto data = image(2 * kBlock + 8);
  auto chip = open();
  chip->reserve_memory(data.size());
  chip->load_memory(0, data, {});
  EXPECT_TRUE(holds(data));
  EXPECT_GT(chip->counts().troubles, 100u);
}

TEST_F(LinkTransportTest, SaysThatMemoryDoesNotKeepWhatIsWritten) {
  auto data = image(2 * kBlock);
  data[kBlock + 5] = std::byte{1};
  board.stuck_bytes = {kBlock + 5};
  auto chip = open();
  chip->reserve_memory(data.size());
  EXPECT_ERROR(chip->load_memory(0, data, {}), "1 of 2 blocks of memory read back wrong");
}

TEST_F(LinkTransportTest, ReachesEveryByteOfTheReservedMemoryAndNoOther) {
  auto chip = open();
  EXPECT_ERROR(chip->reserve_memory(board.memory.size() + 1), "more than the board has");
  chip->reserve_memory(4000);
  std::vector<std::byte> shadow(4000);
  std::mt19937_64 random(3);
  for (int i = 0; i < 200; ++i) {
    const std::size_t at = random() % 4000, size = random() % (4000 - at) % 40 + 1;
    if (at + size > 4000) continue;
    const auto data = image(size, random());
    chip->write_memory(at, data);
    std::copy(data.begin(), data.end(), shadow.begin() + static_cast<std::ptrdiff_t>(at));
    std::vector<std::byte> back(size);
    chip->read_memory(at, back);
    ASSERT_EQ(back, data);
  }
  EXPECT_TRUE(holds(shadow));
  std::byte one{};
  EXPECT_ERROR(chip->read_memory(4000, std::span(&one, 1)), "reserve more");
  EXPECT_ERROR(chip->write_memory(4000, std::span(&one, 1)), "reserve more");
}

TEST_F(LinkTransportTest, WaitsForTheInterruptAsLongAsTheChipCounts) {
  auto chip = open();
  EXPECT_FALSE(chip->wait_interrupt(100'000));
  const uint64_t waited = board.registers[reg::kCyclesLo];
  EXPECT_GE(waited, 100'000u);
  EXPECT_LE(waited, 103'000u);
  board.interrupt = true;
  EXPECT_TRUE(chip->wait_interrupt(0));
}

}  // namespace
}  // namespace tern::test
