// SPDX-License-Identifier: Apache-2.0
// Compiled once for each verilated board, with TERN_BOARD (ulx3s ...), TERN_BOARD_CLASS,
// TERN_BOARD_HEADER and TERN_BOARD_BAUD set by CMake.
#include "board/board_model.hpp"

#include TERN_BOARD_HEADER
#include <verilated.h>

#include <array>
#include <utility>

#include "board/serial_pins.hpp"
#include "spec/generated/spec.hpp"

namespace tern::sim {
namespace {

using Board = TERN_BOARD_CLASS;

constexpr uint32_t kClockHz = spec::kBoardClockHz;
constexpr uint32_t kBaud = TERN_BOARD_BAUD;
constexpr uint32_t kBit16 = static_cast<uint32_t>((uint64_t{16} * kClockHz + kBaud / 2) / kBaud);
/// Cycles that the registers at the pins add between the chip's data and the controller.
constexpr uint32_t kReadDelay = spec::kBoardReadDelay;
constexpr uint8_t kWorkingLight = 1 << 4;

class VerilatedBoard final : public BoardModel {
 public:
  VerilatedBoard()
      : board_(&context_, "board"),
        memory_(SdramTiming{.clock = 1e9 / kClockHz}),
        sender_(kBit16),
        receiver_(kBit16) {
    start();
  }
  ~VerilatedBoard() override {
    Verilated::threadContextp(&context_);
    board_.final();
  }

  void send(uint8_t byte) override { sender_.queue(byte); }
  std::vector<uint8_t> take() override { return std::exchange(received_, {}); }
  void run(uint64_t cycles) override {
    for (uint64_t i = 0; i < cycles && received_.empty(); ++i) step();
  }
  void reset() override {
    sender_.clear();
    received_.clear();
    memory_.restart();
    start();
  }

  uint64_t cycles() const override { return cycles_; }
  uint64_t quiet_cycles() const override { return quiet_; }
  uint64_t working_cycles() const override { return working_; }
  SdramChip& memory() override { return memory_; }
  uint32_t clock_hz() const override { return kClockHz; }
  uint32_t baud() const override { return kBaud; }

 private:
  void start() {
    board_.rst_ni = 0;
    for (int i = 0; i < 4; ++i) step();
    board_.rst_ni = 1;
    quiet_ = 0;
  }

  uint16_t data_at_pins() {
    if constexpr (kReadDelay == 0) {
      return memory_.dq();
    } else {
      const uint16_t late = late_[cycles_ % kReadDelay];
      late_[cycles_ % kReadDelay] = memory_.dq();
      return late;
    }
  }

  void step() {
    const bool line = sender_.step();
    board_.uart_rx_i = line;
    board_.sdram_dq_i = data_at_pins();
    board_.clk_i = 0;
    board_.eval();
    if (const auto byte = receiver_.step(board_.uart_tx_o != 0)) received_.push_back(*byte);
    quiet_ = line && board_.uart_tx_o && sender_.idle() ? quiet_ + 1 : 0;
    working_ += (board_.led_o & kWorkingLight) != 0;
    if (board_.rst_ni) {
      memory_.edge({.cke = board_.sdram_cke_o != 0,
                    .cs_n = board_.sdram_cs_no != 0,
                    .ras_n = board_.sdram_ras_no != 0,
                    .cas_n = board_.sdram_cas_no != 0,
                    .we_n = board_.sdram_we_no != 0,
                    .ba = board_.sdram_ba_o,
                    .a = board_.sdram_a_o,
                    .dqm = board_.sdram_dqm_o,
                    .dq_driven = board_.sdram_dq_oe_o != 0,
                    .dq = board_.sdram_dq_o});
    }
    board_.clk_i = 1;
    board_.eval();
    ++cycles_;
  }

  VerilatedContext context_;
  Board board_;
  SdramChip memory_;
  SerialSender sender_;
  SerialReceiver receiver_;
  std::array<uint16_t, kReadDelay == 0 ? 1 : kReadDelay> late_{};
  std::vector<uint8_t> received_;
  uint64_t cycles_ = 0, quiet_ = 0, working_ = 0;
};

}  // namespace

#define TERN_CONCAT_(a, b) a##b
#define TERN_CONCAT(a, b) TERN_CONCAT_(a, b)
std::unique_ptr<BoardModel> TERN_CONCAT(make_board_, TERN_BOARD)() {
  return std::make_unique<VerilatedBoard>();
}

}  // namespace tern::sim
