// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schedule/values.hpp"

namespace tern::firmware {

/// Parts of a layer, and of the head, between which the order of slots, bundles or traces matters.
/// They lie in memory in this order, so that one slot's are played as one.
enum class PieceId : uint8_t {
  // The attention block: those between kAttnInputs and kAttnInner for each slot anew.
  kAttnNorm,
  kAttnInputs,  ///< q, k, v
  kHeads,       ///< A slot's q, k and v to the activation buffer and the caches; its first scores.
  kHeadScales,
  kBundle,  ///< kMostCopies: the scores of the next bundle, softmax and p.V of one.
  kLastBundle = kBundle + 12,
  kJoin,
  kAttnInner,  ///< The input of the output projection.
  kAttnOutput,
  kFfnNorm,
  kFfnInputs,  ///< gate, up
  kFfnInner,
  kFfnOutput,
  kHeadNorm,
  kHeadLogits,  ///< All before the rows of the head.
  kCount
};
inline constexpr uint32_t kPieces = index_of(PieceId::kCount);
inline constexpr uint32_t kMostCopies = index_of(PieceId::kLastBundle) - index_of(PieceId::kBundle);

/// What is played behind each other without a look at anything else: pieces from one to another.
enum class Block : uint8_t { kAttention, kFeedForward, kHead, kCount };

struct Range {
  uint16_t first, last;
  uint32_t size() const { return uint32_t{last} - first; }
};

/// A field that follows a value: it changes by as much as the value does.
struct Patch {
  uint16_t at;    ///< Byte of the word, from the first command on.
  uint8_t value;  ///< Byte of the value in its array.
  uint8_t shift;  ///< Of the value in the word. kAddress: a STORE's byte address, two words.
  static constexpr uint8_t kAddress = 0x80;
};

/// Whose values a patch follows.
enum class Follows : uint8_t { kStep, kLayer, kPosition, kSlot, kBundle, kCount };
inline constexpr uint32_t kFollows = index_of(Follows::kCount);

/// Commands that belong together, and what it takes to move them to another slot or bundle.
struct Piece {
  Range commands;
  Range position, slot, bundle;  ///< Patches.
  uint32_t before, after;  ///< Commands of each unit up to its start and end in its block, mod 256.
  uint32_t before_scales;
  uint16_t scales;  ///< The first of two LOADs that are left out at position 0; kNone: it has none.
  uint8_t at_slot, at_bundle;  ///< Whose words it has.
  static constexpr uint16_t kNone = 0xffff;
};

/// The commands of a layer and of the norm before the head, as the chip's tape player takes them:
/// compiled once for a model, moved to each layer, slot and bundle by patches. Wait counts are
/// those from the start of a block on.
///
/// A piece must not change while it is played. Pieces that are played in turn need no care: the
/// player takes one only when it has queued the one before.
class Program {
 public:
  explicit Program(const Model& model) : m_(model) {}

  /// Makes the program of the model; false if there is no room for it.
  bool compile();

  const Piece& operator[](PieceId id) const { return piece_[index_of(id)]; }
  const spec::CommandWords* commands() const { return commands_; }
  /// Copies of a bundle's commands that bundles, but for the last, take in turn.
  uint32_t copies() const { return copies_; }
  PieceId bundle(uint32_t i) const {
    return static_cast<PieceId>(index_of(PieceId::kBundle) + (loops() ? i % copies_ : i));
  }
  /// Whether a copy serves several bundles.
  bool loops() const { return copies_ + 1 < m_.bundles; }

  /// Commands of the vector unit in a block.
  uint32_t vectors(Block block) const { return vectors_[index_of(block)]; }

  /// Moves all to what the slots of a step share.
  void set_step(const StepValues& to);
  /// Moves a block to a layer.
  void set_layer(Block block, const Layer& layer) {
    const Layer*& at = layer_[index_of(block)];
    if (at == &layer) return;
    const Range range = layer_patches_[index_of(block)];
    apply(Follows::kLayer, range, at->words(), layer.words());
    at = &layer;
  }
  /// Moves all to the first slot of a step whose first position this is.
  void set_position(uint32_t position);
  /// How many slots move() may be asked for.
  void set_slots(uint32_t slots);
  /// Moves a piece to a slot.
  void move(PieceId id, uint32_t slot) {
    Piece& piece = piece_[index_of(id)];
    if (piece.at_slot == slot) return;
    const Word* const from = slot_[piece.at_slot].words();
    const Word* const to = slot_[slot].words();
    apply(Follows::kPosition, piece.position, from, to);
    apply(Follows::kSlot, piece.slot, from, to);
    piece.at_slot = static_cast<uint8_t>(slot);
    moved_ = true;
  }
  bool serves(PieceId id, uint32_t bundle) const {
    return (*this)[id].at_bundle == bundle || !loops();
  }
  void move_to_bundle(PieceId id, uint32_t bundle);

 private:
  friend class Builder;

  void apply(Follows follows, Range range, const Word* from, const Word* to);
  void start(uint32_t copies);
  bool place(const uint32_t (&patches)[kFollows], uint32_t commands);

  const Model& m_;
  spec::CommandWords* commands_ = nullptr;
  Patch* patches_[kFollows] = {};
  uint32_t patch_count_[kFollows] = {};
  Piece piece_[kPieces];
  Range layer_patches_[index_of(Block::kCount)];
  const Layer* layer_[index_of(Block::kCount)];
  uint32_t vectors_[index_of(Block::kCount)];
  uint32_t copies_ = 0;
  uint32_t loads_ = 0;  ///< Of scales of KV heads, for a slot.
  uint32_t position_ = 0;
  bool moved_ = false;  ///< A piece may be at another slot than the first.
  StepValues step_;
  SlotValues slot_[kMaxGroup];
};

}  // namespace tern::firmware
