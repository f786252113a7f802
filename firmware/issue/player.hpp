// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "issue/units.hpp"
#include "schedule/program.hpp"
#include "spec/waits.hpp"

namespace tern::firmware {

/// Plays the pieces of a program. Those that lie behind each other are played as one.
class Player {
 public:
  Player(Units& units, Program& program) : units_(units), program_(program) {}

  /// Plays a piece when what was given before has been played. `lag`, a byte a unit: commands that
  /// were played in between, though they are not in front of the piece in the program.
  void play(PieceId id, uint32_t lag = 0) {
    const Piece& piece = program_[id];
    if (!leaves_out_ || piece.scales == Piece::kNone) [[likely]] {
      add(piece.commands, piece.before, piece.after, lag);
      return;
    }
    constexpr uint32_t kLoads = 2;
    const uint32_t behind =
        spec::add_waits(piece.before_scales, spec::count_of(spec::Unit::kLoad).put(kLoads));
    add({piece.commands.first, piece.scales}, piece.before, piece.before_scales, lag);
    add({static_cast<uint16_t>(piece.scales + kLoads), piece.commands.last}, behind, piece.after,
        lag);
  }
  /// Plays all pieces of a block, from one to another, and nothing else, if they need not be moved.
  void play(Block block, PieceId first, PieceId last) {
    const Piece& from = program_[first];
    const Piece& to = program_[last];
    if (program_.vectors(block) <= Units::kMostPlayed) [[likely]]
      add({from.commands.first, to.commands.last}, from.before, to.after, 0);
    else
      for (uint32_t i = index_of(first); i <= index_of(last); ++i) play(static_cast<PieceId>(i));
    flush();
  }
  /// From now on the LOADs of earlier scales are left out, or not.
  void leave_out_scales(bool on) { leaves_out_ = on; }
  /// Starts what was given.
  void flush();
  /// Moves a piece to a slot, before it is played.
  void move(PieceId id, uint32_t slot) {
    if (program_[id].at_slot == slot) return;
    release(program_[id].commands);
    program_.move(id, slot);
  }
  /// Moves a copy to a bundle.
  void move_to_bundle(PieceId id, uint32_t bundle) {
    if (program_.serves(id, bundle)) return;
    release(program_[id].commands);
    program_.move_to_bundle(id, bundle);
  }
  /// The timeline is told when the next piece begins.
  void enter(spec::Phase phase, uint32_t number) {
    phase_ = phase;
    number_ = number;
    enters_ = true;
  }

 private:
  [[gnu::always_inline]] void add(Range commands, uint32_t before, uint32_t after, uint32_t lag) {
    if (first_ == last_ || commands.first != last_ || lag != lag_ || is_full(after)) {
      flush();
      first_ = commands.first;
      before_ = before;
      lag_ = lag;
    }
    last_ = commands.last;
    after_ = after;
  }
  /// Whether the vector unit, which has the most commands, would get too many at once.
  bool is_full(uint32_t after) const {
    const spec::Field vector = spec::count_of(spec::Unit::kVector);
    return vector.get(spec::subtract_waits(after, before_)) > Units::kMostPlayed;
  }

  /// Returns when these commands may change: they are neither played nor wait for it. It costs no
  /// time if what was played last, and what waits, are others.
  void release(Range commands) {
    const auto meets = [&](uint32_t first, uint32_t last) {
      return commands.first < last && first < commands.last;
    };
    if (meets(first_, last_)) flush();
    if (!meets(playing_first_, playing_last_)) return;
    if (first_ != last_) return flush();
    units_.settle();
    playing_last_ = playing_first_;
  }

  Units& units_;
  Program& program_;
  uint32_t first_ = 0, last_ = 0;  ///< Commands that wait to be played.
  uint32_t playing_first_ = 0, playing_last_ = 0;
  uint32_t before_ = 0, after_ = 0, lag_ = 0;
  bool leaves_out_ = false;
  bool enters_ = false;
  spec::Phase phase_{};
  uint32_t number_ = 0;
};

}  // namespace tern::firmware
