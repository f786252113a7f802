// SPDX-License-Identifier: Apache-2.0
// The serial port itself, on pseudo-terminals.
#include "serial/serial_port.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <vector>

#include "errors.hpp"
#include "serial/link_client.hpp"

namespace tern::test {
namespace {

/// The far end of a pseudo-terminal.
class Far {
 public:
  Far() : descriptor_(posix_openpt(O_RDWR | O_NOCTTY)) {
    EXPECT_EQ(grantpt(descriptor_), 0);
    EXPECT_EQ(unlockpt(descriptor_), 0);
    std::array<char, 128> name{};
    EXPECT_EQ(ptsname_r(descriptor_, name.data(), name.size()), 0);
    path = name.data();
  }
  ~Far() { hang_up(); }
  void hang_up() {
    if (descriptor_ >= 0) close(descriptor_);
    descriptor_ = -1;
  }
  int get() const { return descriptor_; }
  std::string path;

 private:
  int descriptor_;
};

TEST(SerialPort, CarriesEveryByteUnchanged) {
  Far far;
  const auto port = driver::open_serial_port(far.path + ",115200");
  std::vector<uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i);
  port->write(all);
  std::vector<uint8_t> got(256);
  std::size_t count = 0;
  while (count < 256) {
    const ssize_t n = read(far.get(), got.data() + count, 256 - count);
    ASSERT_GT(n, 0);
    count += static_cast<std::size_t>(n);
  }
  EXPECT_EQ(got, all);
  ASSERT_EQ(write(far.get(), all.data(), all.size()), 256);
  std::vector<uint8_t> back;
  std::array<uint8_t, 100> part;
  while (back.size() < 256) {
    const std::size_t n = port->read(part, 5);
    ASSERT_GT(n, 0u);
    back.insert(back.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(n));
  }
  EXPECT_EQ(back, all);
}

TEST(SerialPort, WaitsAsLongAsItIsToldAndReadsLaterBytes) {
  Far far;
  const auto port = driver::open_serial_port(far.path);
  std::array<uint8_t, 8> bytes;
  const double start = port->now();
  EXPECT_EQ(port->read(bytes, 0.05), 0u);
  EXPECT_GE(port->now() - start, 0.05);
  const uint8_t sent = 77;
  ASSERT_EQ(write(far.get(), &sent, 1), 1);
  ASSERT_EQ(port->read(bytes, 5), 1u);
  EXPECT_EQ(bytes[0], 77);
  ASSERT_EQ(write(far.get(), &sent, 1), 1);
  port->discard();
  EXPECT_EQ(port->read(bytes, 0.02), 0u);
}

TEST(SerialPort, SaysWhyItCannotBeOpened) {
  EXPECT_ERROR(driver::open_serial_port("/dev/no-such-port"), "no such device");
  EXPECT_ERROR(driver::open_serial_port("/dev/null"), "/dev/null");
  EXPECT_ERROR(driver::open_serial_port(""), "no serial port is named");
  EXPECT_ERROR(driver::open_serial_port("/dev/ttyUSB0,fast"), "no rate in baud");
  EXPECT_ERROR(driver::open_serial_port("/dev/ttyUSB0,0"), "no rate in baud");
  Far far;
  EXPECT_ERROR(driver::open_serial_port(far.path + ",31"), "no rate of 31 baud");
}

TEST(SerialPort, SaysThatTheBoardWasUnplugged) {
  Far far;
  const auto port = driver::open_serial_port(far.path);
  std::thread unplug([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    far.hang_up();
  });
  std::array<uint8_t, 8> bytes;
  EXPECT_ERROR(port->read(bytes, 30), "the line is gone");
  unplug.join();
  const std::vector<uint8_t> more(100);
  EXPECT_ERROR(port->write(more), "the line is gone");
}

TEST(SerialPort, DoesNotHangOnALineThatTakesNothing) {
  Far far;
  const auto port = driver::open_serial_port(far.path);
  const std::vector<uint8_t> much(1 << 20);
  EXPECT_ERROR(port->write(much), "takes no bytes");
}

TEST(SerialPort, FindsNoBoardWhereNobodyAnswers) {
  Far far;
  driver::LinkClient client(driver::open_serial_port(far.path));
  EXPECT_ERROR(client.connect(), "no answer");
}

}  // namespace
}  // namespace tern::test
