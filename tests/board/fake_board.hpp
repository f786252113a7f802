// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "../rtl/board/link_frames.hpp"
#include "io/error.hpp"
#include "serial/byte_line.hpp"

namespace tern::test {

/// The board's end of the serial link as docs/fpga.md describes it, in C++: for tests of the host's
/// end that need no RTL.
class FakeBoard {
 public:
  static constexpr double kPause = 0.02;  ///< Seconds of silence that end a frame.

  FakeBoard();

  /// A byte that arrives at a time; replies to it go to `out`.
  void receive(uint8_t byte, double time, Bytes& out);
  void reset();

  std::vector<uint8_t> memory = std::vector<uint8_t>(1 << 20);
  std::map<uint32_t, uint32_t> registers;
  std::vector<std::pair<uint32_t, uint32_t>> register_writes;
  uint64_t memory_writes = 0;      ///< Bytes.
  std::set<uint64_t> stuck_bytes;  ///< Of memory: they stay 0.
  uint16_t version = spec::kLinkVersion;
  bool interrupt = false;
  uint64_t cycles_per_look = 1000;  ///< By which CYCLES advances whenever it is read.

 private:
  enum class State { kSync0, kSync1, kFrame };

  void execute(Bytes& out);
  spec::LinkStatus perform(Bytes& payload);
  spec::LinkStatus perform_memory(uint32_t address, Bytes& payload);
  void reply(uint8_t opcode, uint8_t sequence, spec::LinkStatus status, const Bytes& payload,
             Bytes& out);
  void damaged(Bytes& out);

  State state_ = State::kSync0;
  Bytes frame_;  ///< From the sync bytes on.
  double last_ = 0;
  uint8_t expected_ = 0;
  spec::LinkStatus last_status_[2] = {spec::LinkStatus::kSequence, spec::LinkStatus::kSequence};
  uint64_t cycles_ = 0;
};

/// A line to a FakeBoard at 300,000 bytes a second, with a clock of its own.
class FakeLine final : public driver::ByteLine {
 public:
  struct Faults {
    double noise = 0, drop = 0, extra = 0;  ///< Probabilities per byte and direction.
    uint64_t dies_after = ~uint64_t{0};     ///< Bytes from the host.
    bool deaf = false;                      ///< Nothing reaches the board.
  };
  FakeLine(FakeBoard& board, Faults& faults, uint64_t seed)
      : board_(board), faults_(faults), random_(seed) {}

  std::string name() const override { return "fake line"; }
  void write(std::span<const uint8_t> bytes) override;
  std::size_t read(std::span<uint8_t> bytes, double seconds) override;
  void discard() override { coming_.clear(); }
  double latency() const override { return 5 * kLatency; }
  double now() const override { return now_; }

 private:
  static constexpr double kByte = 1 / 3e5;
  static constexpr double kLatency = 0.001;

  bool chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random_) < p; }
  Bytes damage(uint8_t byte);

  FakeBoard& board_;
  Faults& faults_;
  std::mt19937_64 random_;
  double now_ = 0, sent_ = 0, replied_ = 0;
  uint64_t written_ = 0;
  std::deque<std::pair<double, uint8_t>> coming_;
};

}  // namespace tern::test
