// SPDX-License-Identifier: Apache-2.0
// The chip's memory through its registers alone, on simulated chips.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "chip_device.hpp"
#include "firmware_image.hpp"
#include "firmware_link.hpp"
#include "io/error.hpp"
#include "verilated_chip.hpp"

namespace tern {
namespace {

constexpr uint64_t kMemory = 1 << 20;
constexpr uint64_t kTimeout = 1'000'000;

std::vector<std::byte> random_bytes(std::size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

class MemoryWindow : public testing::TestWithParam<const char*> {
 protected:
  MemoryWindow() {
    chip.reserve_memory(kMemory);
    chip.write_memory(0, before);
  }
  std::vector<std::byte> whole() {
    std::vector<std::byte> bytes(kMemory);
    chip.read_memory(0, bytes);
    return bytes;
  }

  sim::VerilatedChip chip{{GetParam(), "fast", {}, {}}};
  driver::FirmwareLink link{
      chip, kTimeout, {driver::firmware_instructions(), driver::firmware_data()}};
  const std::vector<std::byte> before = random_bytes(kMemory, 1);
};

TEST_P(MemoryWindow, ReadsAndWritesWholeUnitsAndNothingElse) {
  std::vector<std::byte> expected = before;
  for (const auto& [address, size] : {std::pair{0u, 64u}, {960u, 4096u}, {kMemory - 128u, 128u}}) {
    const std::vector<std::byte> data = random_bytes(size, address);
    link.write_memory(address, data);
    std::copy(data.begin(), data.end(), expected.begin() + address);
    ASSERT_EQ(whole(), expected) << address;
    std::vector<std::byte> got(size + (address == 0 ? 64 : 0));
    link.read_memory(address, got);
    ASSERT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + address)) << address;
  }
  link.write_memory(64, {});
  link.read_memory(64, {});
  EXPECT_EQ(whole(), expected);
}

TEST_P(MemoryWindow, SaysWhatCannotBeReached) {
  std::vector<std::byte> data(64);
  const auto error = [&](uint64_t address, std::size_t size) -> std::string {
    data.resize(size);
    try {
      link.read_memory(address, data);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(error(32, 64).find("only whole units"), std::string::npos);
  EXPECT_NE(error(0, 60).find("only whole units"), std::string::npos);
  EXPECT_NE(error(uint64_t{1} << 38, 64).find("only whole units"), std::string::npos);
  // Behind the end of memory: the bus answers with an error.
  EXPECT_NE(error(kMemory, 64).find("read of 64 bytes of memory at 0x100000"), std::string::npos);
  // And the chip works again.
  EXPECT_EQ(error(kMemory - 64, 64), "");
  EXPECT_TRUE(std::equal(data.begin(), data.end(), before.end() - 64));
}

INSTANTIATE_TEST_SUITE_P(Chips, MemoryWindow, testing::Values("nano", "edge"));

}  // namespace
}  // namespace tern
