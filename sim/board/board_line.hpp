// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "board/emulated_board.hpp"
#include "driver/src/serial/byte_line.hpp"

namespace tern::sim {

/// The serial line of an emulated board in this process. Its clock is the board's: time-outs do not
/// depend on how fast it is simulated.
class BoardLine final : public driver::ByteLine {
 public:
  explicit BoardLine(std::shared_ptr<EmulatedBoard> board) : board_(std::move(board)) {}

  std::string name() const override { return "emulated board"; }
  void write(std::span<const uint8_t> bytes) override { board_->send(bytes); }
  std::size_t read(std::span<uint8_t> bytes, double seconds) override;
  void discard() override { received_.clear(); }
  double latency() const override { return 0.0003; }
  double now() const override {
    return static_cast<double>(board_->model().cycles()) / board_->model().clock_hz();
  }

 private:
  std::shared_ptr<EmulatedBoard> board_;
  std::vector<uint8_t> received_;
};

}  // namespace tern::sim
