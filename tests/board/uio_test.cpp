// SPDX-License-Identifier: Apache-2.0
// A chip under UIO, with files in place of registers and memory and a socket in place of its
// interrupt.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "spec/config_words.hpp"
#include "uio/uio_transport.hpp"

namespace tern::test {
namespace {

using driver::OpenFile;
using driver::UioFiles;
using driver::UioTransport;
namespace reg = spec::reg;

constexpr std::size_t kMemory = 1 << 16;

class Uio : public testing::Test {
 protected:
  Uio() {
    registers = memfd_create("registers", 0);
    memory = memfd_create("memory", 0);
    EXPECT_EQ(ftruncate(registers, 4096), 0);
    EXPECT_EQ(ftruncate(memory, kMemory), 0);
    chip = static_cast<volatile uint32_t*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, registers, 0));
    bytes = static_cast<uint8_t*>(
        mmap(nullptr, kMemory, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const spec::ChipConfig& edge = spec::kConfigs[1];
    chip[reg::kId / 4] = reg::kIdReset;
    chip[reg::kVersion / 4] = reg::kVersionReset;
    const spec::ConfigWords words = spec::config_words(edge);
    chip[reg::kConfig / 4] = words.config;
    chip[reg::kConfig2 / 4] = words.config2;
    chip[reg::kConfig3 / 4] = words.config3;
  }
  ~Uio() override {
    munmap(const_cast<uint32_t*>(chip), 4096);
    munmap(bytes, kMemory);
    close(ends[1]);
  }

  UioTransport open() {
    UioFiles files;
    files.name = "fake uio";
    files.registers = OpenFile(registers);
    files.memory = OpenFile(memory);
    files.interrupt = OpenFile(ends[0]);
    files.memory_bytes = kMemory;
    return UioTransport(std::move(files));
  }
  void interrupt() {
    const uint32_t count = 1;
    ASSERT_EQ(write(ends[1], &count, 4), 4);
  }
  uint32_t armed() {
    uint32_t value = 0;
    return recv(ends[1], &value, 4, MSG_DONTWAIT) == 4 ? value : 0;
  }

  int registers, memory, ends[2];
  volatile uint32_t* chip;
  uint8_t* bytes;
};

TEST_F(Uio, ReachesRegistersAndMemory) {
  UioTransport uio = open();
  EXPECT_STREQ(uio.config().name, "edge");
  uio.write_register(reg::kWatchdog, 0x12345678);
  EXPECT_EQ(chip[reg::kWatchdog / 4], 0x12345678u);
  chip[reg::kStatus / 4] = 9;
  EXPECT_EQ(uio.read_register(reg::kStatus), 9u);
  std::vector<std::byte> data(1000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7);
  EXPECT_ERROR(uio.write_memory(0, data), "reserve more");
  uio.reserve_memory(3000);
  uio.write_memory(1999, data);
  for (std::size_t i = 0; i < data.size(); ++i) ASSERT_EQ(bytes[1999 + i], uint8_t(i * 7));
  bytes[2000] = 99;
  data[1] = std::byte{99};
  std::vector<std::byte> back(1000);
  uio.read_memory(1999, back);
  EXPECT_EQ(back, data);
  EXPECT_ERROR(uio.read_memory(2001, back), "reserve more");
  EXPECT_ERROR(uio.reserve_memory(kMemory + 1), "the buffer has 65536");
}

TEST_F(Uio, RefusesAnotherChip) {
  chip[reg::kConfig / 4] = 3;
  EXPECT_ERROR(open(), "no configuration");
}

TEST_F(Uio, ArmsTheInterruptAndWaitsForIt) {
  UioTransport uio = open();
  interrupt();
  EXPECT_TRUE(uio.wait_interrupt(1));
  EXPECT_EQ(armed(), 1u);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    interrupt();
  });
  EXPECT_TRUE(uio.wait_interrupt(1));
  later.join();
}

TEST_F(Uio, GivesUpWhenTheChipHasCountedItsCycles) {
  UioTransport uio = open();
  std::atomic<bool> stop = false;
  std::thread clock([&] {
    while (!stop) {
      chip[reg::kCyclesLo / 4] = chip[reg::kCyclesLo / 4] + 100;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_FALSE(uio.wait_interrupt(5000));
  EXPECT_GE(chip[reg::kCyclesLo / 4], 5000u);
  stop = true;
  clock.join();
}

TEST_F(Uio, SaysThatTheClockHasStopped) {
  UioTransport uio = open();
  EXPECT_ERROR(uio.wait_interrupt(1000), "clock stands still");
}

TEST(UioFilesTest, AreFoundAndCheckedThroughSysfs) {
  namespace fs = std::filesystem;
  const fs::path root = testing::TempDir();
  fs::create_directories(root / "class/uio/uio7/maps/map0");
  fs::create_directories(root / "class/u-dma-buf/udmabuf3");
  const auto put = [](const fs::path& file, const char* text) { std::ofstream(file) << text; };
  put(root / "uio7", "");
  put(root / "udmabuf3", "");
  const std::string both = (root / "uio7").string() + "," + (root / "udmabuf3").string();
  EXPECT_ERROR(driver::open_uio_files("", root), "no UIO device is named");
  EXPECT_ERROR(driver::open_uio_files("/dev/no-uio", root), "load the bitstream");
  EXPECT_ERROR(driver::open_uio_files((root / "uio7").string() + ",/dev/no-buffer", root),
               "load the module u-dma-buf");
  put(root / "class/uio/uio7/maps/map0/size", "0x00000800\n");
  EXPECT_ERROR(driver::open_uio_files(both, root), "it is another device");
  put(root / "class/uio/uio7/maps/map0/size", "0x00001000\n");
  EXPECT_ERROR(driver::open_uio_files(both, root), "does not tell its size");
  put(root / "class/u-dma-buf/udmabuf3/size", "1048576\n");
  EXPECT_EQ(driver::open_uio_files(both, root).memory_bytes, 1048576u);
}

}  // namespace
}  // namespace tern::test
