// SPDX-License-Identifier: Apache-2.0
#include "board/pty_emulator.hpp"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/error.hpp"

namespace tern::sim {
namespace {

constexpr uint64_t kSlice = 20'000;
constexpr uint64_t kPauseCharacters = 6000;  ///< serial_host_link's default
constexpr int kSleepMilliseconds = 1000;

}  // namespace

PtyEmulator::PtyEmulator(EmulatedBoard& board) : board_(board) {
  master_ = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  std::array<char, 128> name{};
  if (master_ >= 0 && grantpt(master_) == 0 && unlockpt(master_) == 0 &&
      ptsname_r(master_, name.data(), name.size()) == 0) {
    path_ = name.data();
    slave_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  }
  termios settings{};
  if (slave_ < 0 || tcgetattr(slave_, &settings) != 0) {
    const std::string why = std::strerror(errno);
    if (master_ >= 0) close(master_);
    throw Error("no pseudo-terminal can be had: {}", why);
  }
  cfmakeraw(&settings);
  tcsetattr(slave_, TCSANOW, &settings);
}

PtyEmulator::~PtyEmulator() {
  close(slave_);
  close(master_);
}

void PtyEmulator::take_from_host() {
  std::array<uint8_t, 4096> bytes;
  const ssize_t count = read(master_, bytes.data(), bytes.size());
  if (count > 0) board_.send(std::span(bytes).first(static_cast<std::size_t>(count)));
}

/// What a host does not take in time is lost, as on a serial line.
void PtyEmulator::give_to_host(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(master_, bytes.data(), bytes.size());
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      continue;
    }
    pollfd entry{master_, POLLOUT, 0};
    if (poll(&entry, 1, kSleepMilliseconds) <= 0) return;
  }
}

void PtyEmulator::run(const std::function<bool()>& stop) {
  const BoardModel& model = board_.model();
  const uint64_t quiet = 2 * kPauseCharacters * 10 * (model.clock_hz() / model.baud());
  while (!stop()) {
    pollfd entry{master_, POLLIN, 0};
    const bool asleep = model.quiet_cycles() > quiet;
    if (poll(&entry, 1, asleep ? kSleepMilliseconds : 0) > 0) {
      take_from_host();
    } else if (asleep) {
      continue;
    }
    give_to_host(board_.run(kSlice));
  }
}

}  // namespace tern::sim
