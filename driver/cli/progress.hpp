// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace tern::cli {

/// One line on stderr that says how far a long job is. On a terminal it is rewritten in place;
/// elsewhere a line is printed every ten seconds, whether the job came on or not. Shows nothing for
/// jobs under two seconds.
class Progress {
 public:
  Progress(std::string what, uint64_t total, bool quiet);
  ~Progress();
  /// `note` follows the bar, such as a rate.
  void update(uint64_t done, std::string_view note = {});

 private:
  using Clock = std::chrono::steady_clock;
  void draw();  ///< Under the lock.

  std::string what_;
  uint64_t total_;
  bool quiet_;
  bool terminal_;
  Clock::time_point start_;

  std::mutex mutex_;  ///< For what follows.
  std::condition_variable_any wakes_;
  uint64_t done_ = 0;
  std::string note_;
  bool drawn_ = false;
  Clock::time_point next_;
  std::jthread clock_;  ///< Draws when it is time. Last: it uses the others.
};

/// Seconds since construction.
class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tern::cli
