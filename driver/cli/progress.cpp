#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tern::cli {

Progress::Progress(std::string what, uint64_t total, bool quiet)
    : what_(std::move(what)),
      total_(std::max<uint64_t>(total, 1)),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      next_(start_ + std::chrono::seconds(terminal_ ? 2 : 10)) {}

Progress::~Progress() {
  if (drawn_ && terminal_) fmt::print(stderr, "\r\x1b[K");
}

void Progress::update(uint64_t done, std::string_view note) {
  const auto now = Clock::now();
  if (quiet_ || now < next_) return;
  next_ = now + (terminal_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000));
  drawn_ = true;
  const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const double spent = std::chrono::duration<double>(now - start_).count();
  const double left = part > 0 ? spent * (1 - part) / part : 0;
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(part * kWidth);
  fmt::print(stderr, "{}{} [{:#<{}}{:.<{}}] {}/{} {:.0f} s left {}{}", terminal_ ? "\r" : "", what_,
             "", filled, "", kWidth - filled, done, total_, left, note,
             terminal_ ? "\x1b[K" : "\n");
  std::fflush(stderr);
}

}  // namespace tern::cli
