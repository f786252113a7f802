// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "board/sdram_chip.hpp"

namespace tern::sim {

/// A board's whole FPGA, verilated, with the SDRAM chip at its pins and the other end of its serial
/// line. Bytes pass through the pins bit by bit.
class BoardModel {
 public:
  virtual ~BoardModel() = default;

  /// A byte that waits to be sent to the board.
  virtual void send(uint8_t byte) = 0;
  /// Takes what the board has sent.
  virtual std::vector<uint8_t> take() = 0;
  /// Runs up to `cycles` clock cycles; ends earlier when the board has sent a byte.
  virtual void run(uint64_t cycles) = 0;
  /// Presses the reset button: FPGA and line start again, the SDRAM keeps its contents.
  virtual void reset() = 0;

  virtual uint64_t cycles() const = 0;
  /// Cycles since a bit was on the line in either direction.
  virtual uint64_t quiet_cycles() const = 0;
  /// Cycles in which the chip worked on a request, as far as light 4 shows it.
  virtual uint64_t working_cycles() const = 0;
  virtual SdramChip& memory() = 0;

  virtual uint32_t clock_hz() const = 0;
  virtual uint32_t baud() const = 0;
};

/// The board as it is, and one whose line is as quick as the link takes it (8 cycles a bit), for
/// tests.
std::unique_ptr<BoardModel> make_board_ulx3s();
std::unique_ptr<BoardModel> make_board_ulx3s_quick();

}  // namespace tern::sim
