// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "board/emulated_board.hpp"

namespace tern::sim {

/// Joins a board's serial pins to a pseudo-terminal, which a host opens as it would a serial port.
class PtyEmulator {
 public:
  /// Throws tern::Error when the system has no pseudo-terminal left.
  explicit PtyEmulator(EmulatedBoard& board);
  ~PtyEmulator();
  PtyEmulator(const PtyEmulator&) = delete;
  PtyEmulator& operator=(const PtyEmulator&) = delete;

  /// What the host opens.
  const std::string& path() const { return path_; }

  /// Runs until `stop` says so, which is asked at least every second. The board's clock runs as
  /// fast as it can, and stands still once the line has been quiet for twice the link's own
  /// time-out: a host that waits for something asks all the time.
  void run(const std::function<bool()>& stop);

 private:
  void take_from_host();
  void give_to_host(std::span<const uint8_t> bytes);

  EmulatedBoard& board_;
  int master_ = -1;
  int slave_ = -1;  ///< Held, so that the line outlives each host that opens it.
  std::string path_;
};

}  // namespace tern::sim
