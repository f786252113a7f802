// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "board/board_model.hpp"

namespace tern::sim {

/// What may go wrong around an emulated board.
struct BoardFaults {
  double noise = 0;  ///< Probability that a byte on the line is damaged, in each direction.
  double drop = 0;   ///< Probability that it is lost.
  uint64_t reset_after =
      0;  ///< Cycles of work of the chip after which somebody presses reset; 0: never.
  uint64_t seed = 1;
};

/// A board on the desk: the simulation of its FPGA and SDRAM, the cable, and somebody at its
/// buttons.
class EmulatedBoard {
 public:
  /// "ulx3s", or "ulx3s_quick" with a line of 8 cycles a bit. Throws tern::Error for other names
  /// and for probabilities that are none.
  EmulatedBoard(std::string_view name, const BoardFaults& faults);

  /// Bytes on their way to the board.
  void send(std::span<const uint8_t> bytes);
  /// Runs up to `cycles` clock cycles; ends earlier when bytes have come from the board, and
  /// returns those.
  std::vector<uint8_t> run(uint64_t cycles);

  /// The content of its memory, past the pins: as if it had been there before.
  void preload(uint64_t address, std::span<const std::byte> data);
  void reset();

  const BoardModel& model() const { return *model_; }
  SdramChip& memory() { return model_->memory(); }
  /// "12,345,678 cycles, ...": what has happened.
  std::string summary();

 private:
  std::vector<uint8_t> damage(std::span<const uint8_t> bytes);

  std::unique_ptr<BoardModel> model_;
  BoardFaults faults_;
  std::mt19937_64 random_;
  uint64_t to_board_ = 0, from_board_ = 0, damaged_ = 0, lost_ = 0, resets_ = 0;
};

}  // namespace tern::sim
