// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "output.hpp"

namespace tern::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstOnTerminal = 2s;
constexpr auto kNextOnTerminal = 200ms;
constexpr auto kElsewhere = 10s;

}  // namespace

Progress::Progress(std::string what, uint64_t total, bool quiet)
    : what_(std::move(what)),
      total_(std::max<uint64_t>(total, 1)),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      next_(start_ + (terminal_ ? Clock::duration(kFirstOnTerminal) : kElsewhere)) {
  if (quiet_ || terminal_) return;
  clock_ = std::jthread([this](const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      wakes_.wait_until(lock, stop, next_, [] { return false; });
      if (!stop.stop_requested() && Clock::now() >= next_) draw();
    }
  });
}

Progress::~Progress() {
  if (drawn_ && terminal_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(uint64_t done, std::string_view note) {
  if (quiet_) return;
  const std::lock_guard lock(mutex_);
  done_ = done;
  note_ = io::plain_line(note);
  if (terminal_ && Clock::now() >= next_) draw();
}

void Progress::draw() {
  const auto now = Clock::now();
  next_ = now + (terminal_ ? Clock::duration(kNextOnTerminal) : kElsewhere);
  drawn_ = true;
  const double part = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double spent = std::chrono::duration<double>(now - start_).count();
  const std::string left =
      part > 0 ? fmt::format(", {:.0f} s left", spent * (1 - part) / part) : std::string();
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(part * kWidth);
  const std::string line =
      fmt::format("{}{} [{:#<{}}{:.<{}}] {}/{} {:.0f} s{} {}{}", terminal_ ? "\r" : "",
                  io::plain_line(what_), "", filled, "", kWidth - filled, done_, total_, spent,
                  left, note_, terminal_ ? "\x1b[K" : "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

}  // namespace tern::cli
