#pragma once

#include "spec/generated/spec.hpp"

namespace tern::firmware {

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

/// The commands of a part of a layer, for one token at a time. Once they have been issued word by
/// word, the part of any layer and token is a copy with other addresses, lengths and counts:
/// nothing is computed but those.
class Tape {
 public:
  struct Change {
    uint16_t at, value;
  };
  Tape(uint32_t* words, uint32_t most_words, Change* changes, uint32_t most_changes)
      : most_words_(most_words), most_changes_(most_changes), change_(changes), words_(words) {}

  // Entries: a head, bits 2:0 of which say the kind, and words of commands.
  static constexpr uint32_t kEnd = 0;
  static constexpr uint32_t kScalars = 1;  ///< [waits] word 5, words 0, 2, 3 of each; kLength.
  static constexpr uint32_t kVector = 2;   ///< [waits] words 0, 2 to 7.
  static constexpr uint32_t kStream = 3;   ///< Waits, words 0, 2 to 7.
  static constexpr uint32_t kStore = 4;    ///< Waits, words 0, 3 to 6; byte address.
  static constexpr uint32_t kSame = 32;    ///< Bit of a head: the command before was scalar too.
  static constexpr uint32_t kLength = 16;  ///< First bit of the bytes that scalar commands take.
  static constexpr uint32_t kWaits = 8;    ///< Bit of a head: waits follow, relative to the start.
  // Bits 31:16 of a head: byte offset in Layer of what the address is relative to.

  bool ready() const { return ready_; }
  void forget() { ready_ = false; }
  const uint32_t* words() const { return words_; }
  uint32_t commands(uint32_t unit) const { return commands_[unit]; }

  /// Recording: everything that does not fit is dropped, and then there is no tape.
  void begin();
  void end(const uint32_t (&commands)[spec::kUnitCount], const uint32_t (&place)[kPlaceValues]);
  uint32_t size() const { return size_; }
  void put(uint32_t word) {
    if (size_ < most_words_)
      words_[size_++] = word;
    else
      full_ = true;
  }
  uint32_t& operator[](uint32_t i) { return words_[i]; }
  void varies(uint32_t at, PlaceValue value) {
    if (changes_ < most_changes_)
      change_[changes_++] = {static_cast<uint16_t>(at), static_cast<uint16_t>(value)};
    else
      full_ = true;
  }

  /// To another position.
  void move(const uint32_t (&place)[kPlaceValues]);

 private:
  bool ready_ = false;
  bool full_ = false;
  uint32_t size_ = 0;
  uint32_t changes_ = 0;
  uint32_t commands_[spec::kUnitCount];
  uint32_t place_[kPlaceValues];
  uint32_t most_words_, most_changes_;
  Change* change_;
  uint32_t* words_;
};

/// One with room for so many words, and words that change.
template <uint32_t kWords, uint32_t kChanges>
struct TapeOf : Tape {
  TapeOf() : Tape(room, kWords, changes, kChanges) {}
  TapeOf(const TapeOf&) = delete;
  TapeOf& operator=(const TapeOf&) = delete;
  uint32_t room[kWords + 1];
  Change changes[kChanges];
};

}  // namespace tern::firmware
