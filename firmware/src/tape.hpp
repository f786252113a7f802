// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"

namespace tern::firmware {

struct Layer;

/// What a token's position decides in the commands of a layer; words of commands change with it by
/// as much as it changes.
enum PlaceValue : uint32_t {
  kTokens,
  kPosition,
  kKeyStripes,
  kKeyBeats,
  kValueBeats,
  kScaleBeats,
  kScaleBytes,
  kKeyBytes,
  kValueBytes,
  kRopeSkip,
  kPlaceValues
};

/// The commands of a part of a layer, for one token at a time. Once they have been issued one by
/// one, those of any layer and token are the same words but for addresses, lengths and counts: they
/// lie here as the chip's tape player takes them, with wait counts relative to the tape's start.
///
/// A tape must not change while it is played. Two tapes that are played in turn need no care: the
/// player takes one only when it has finished the one before.
class Tape {
 public:
  /// A word of a command that differs from position to position.
  struct Change {
    uint16_t at, value;
  };
  /// A command whose address is that of something in the layer, and a distance.
  struct Place {
    uint16_t command;
    uint16_t field;     ///< Byte offset in Layer.
    uint32_t distance;  ///< In units of 64 bytes; of a STORE: in bytes.
  };
  Tape(spec::CommandWords* room, uint32_t most_commands, Change* changes, uint32_t most_changes,
       Place* places, uint32_t most_places)
      : most_commands_(most_commands),
        most_changes_(most_changes),
        most_places_(most_places),
        command_(room),
        change_(changes),
        place_(places) {}

  bool ready() const { return ready_; }
  void forget() { ready_ = false; }
  const spec::CommandWords* commands() const { return command_; }
  uint32_t size() const { return size_; }
  uint32_t size_of(uint32_t unit) const { return unit_commands_[unit]; }

  /// Recording: when something does not fit, there will be no tape.
  void begin();
  void end(const uint32_t (&unit_commands)[spec::kUnitCount],
           const uint32_t (&values)[kPlaceValues]);
  /// The last command's word changes with the position.
  void varies(uint32_t word, PlaceValue value);
  /// The address of the command that comes next is relative to a field of Layer.
  void put_place(uint32_t field, uint32_t distance);
  void put(const spec::CommandWords& command);

  /// To another position.
  void move(const uint32_t (&values)[kPlaceValues]);
  /// To another layer.
  void set_layer(const Layer& layer);

 private:
  bool ready_ = false;
  bool full_ = false;
  uint32_t size_ = 0;
  uint32_t changes_ = 0;
  uint32_t places_ = 0;
  uint32_t unit_commands_[spec::kUnitCount];
  uint32_t values_[kPlaceValues];
  uint32_t most_commands_, most_changes_, most_places_;
  spec::CommandWords* command_;
  Change* change_;
  Place* place_;
};

/// One with room for so much.
template <uint32_t kCommands, uint32_t kChanges, uint32_t kPlaces>
struct TapeOf : Tape {
  TapeOf() : Tape(room, kCommands, changes, kChanges, places, kPlaces) {}
  TapeOf(const TapeOf&) = delete;
  TapeOf& operator=(const TapeOf&) = delete;
  alignas(sizeof(spec::CommandWords)) spec::CommandWords room[kCommands];
  Change changes[kChanges];
  Place places[kPlaces];
};

}  // namespace tern::firmware
