// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "memory_model.hpp"
#include "scoreboard.hpp"
#include "spec/generated/spec.hpp"

namespace tern::tlm {

/// Plays tapes: commands that lie one after another in the controller's data memory, a word a
/// cycle. The controller goes on meanwhile, and its accesses of that memory come first, so a tape
/// is played no further than the controller has come. Source: rtl/chip/tape_player.sv.
class TapePlayer {
 public:
  /// Offers a command to the checker in the cycle given; returns the one in which it is taken.
  using Issue = std::function<Cycle(const spec::CommandWords&, Cycle)>;
  explicit TapePlayer(Issue issue) : issue_(std::move(issue)) {}

  /// The controller's data memory.
  void set_memory(std::span<const uint32_t> words) { memory_ = words; }
  /// The register Tape is written in cycle `at`; `waits` is added to word 1 of each command.
  /// Nothing is played.
  void start(uint32_t tape, uint32_t waits, Cycle at);
  /// Plays what happens before this cycle.
  void advance(Cycle cycle) {
    while (busy() && now_ < cycle) step(true, cycle);
  }
  /// The controller accesses its data memory in this cycle; cycles must not fall.
  void yield(Cycle cycle) {
    advance(cycle);
    if (busy() && now_ == cycle) step(false, cycle + 1);
  }
  /// Plays to the end; returns the first cycle in which nothing is played.
  Cycle finish() {
    advance(kNever);
    return now_;
  }
  /// Whether something is left to play.
  bool busy() const { return left_ > 0 || arrives_ || full_; }
  /// No command that has not been offered is offered before this cycle.
  Cycle next_offer() const { return !busy() ? kNever : offered_ ? taken_ + 1 : now_; }

 private:
  void step(bool memory_is_free, Cycle end);

  Issue issue_;
  std::span<const uint32_t> memory_;
  uint32_t waits_ = 0;
  spec::CommandWords command_{};
  Cycle now_ = 0;  ///< The next cycle to play.

  // Registers, as in the RTL.
  uint32_t first_ = 0;  ///< Word at which the command begins whose words are requested.
  uint32_t left_ = 0;   ///< Commands whose last word has not been requested.
  uint32_t next_ = 0;   ///< Word to request.
  bool arrives_ = false;
  uint32_t index_ = 0;  ///< Of the word that arrives.
  uint32_t word_ = 0;
  bool full_ = false;  ///< A whole command is offered.
  bool hold_ = false;  ///< Nothing is read until it is taken.

  bool offered_ = false;  ///< Of the command that is there: to be taken in cycle taken_.
  Cycle taken_ = 0;
};

}  // namespace tern::tlm
