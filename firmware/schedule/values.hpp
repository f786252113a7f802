// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/model.hpp"

/// What words of a program follow. Each kind of value has an array; a layer's are the words of
/// Layer.
namespace tern::firmware {

/// What all slots of a step share.
enum class StepValue : uint8_t {
  kSlots,   ///< Slots of the step.
  kTraced,  ///< Whether vectors go to the trace buffer: they are kept in the scratchpad, too.
  kKeep,    ///< Candidates of the head.
  kCount
};

/// What a slot decides: its position and its number in the step.
enum class SlotValue : uint8_t {
  kTokens,     ///< That it sees, itself included.
  kBase,       ///< Position of the step's first slot.
  kBaseBeats,  ///< Of a head's scales before that position.
  kKeyStripes,
  kKeyBeats,
  kValueBeats,
  kScaleBytes,  ///< Of its own place in a head's scales.
  kKeyBytes,    ///< Of its own first dimension in a head's cache.
  kValueBytes,
  kRope,  ///< Word of its row behind the first word of the rope rows.
  // The rest depends on the slot's number alone.
  kOwn,  ///< Slots of the step up to it.
  kSlot,
  kHiddenRow,
  kQueryRow,
  kKeyRow,
  kQueryTile,
  // Bundles take two buffers in turn, and so go on over the slots; KV heads likewise.
  kScoreEven,
  kScoreOdd,
  kScoreMaxEven,
  kScoreMaxOdd,
  kProbabilityEven,
  kProbabilityOdd,
  kScalesEven,
  kScalesOdd,
  kCount
};

/// What a bundle decides, where one copy of its commands serves several bundles. `Next` is the
/// bundle behind it, whose scores the copy issues.
enum class BundleValue : uint8_t {
  kNextTile,
  kNextKeys,
  kNextScales,
  kOwnScales,
  kHead,  ///< Its first.
  kValues,
  kMix,
  kCount
};

/// Whether the value changes with the position, too.
constexpr bool follows_position(SlotValue value) { return value < SlotValue::kOwn; }

template <typename E>
struct Values {
  uint32_t v[index_of(E::kCount)] = {};
  uint32_t& operator[](E i) { return v[index_of(i)]; }
  uint32_t operator[](E i) const { return v[index_of(i)]; }
  const Word* words() const { return v; }
};
using StepValues = Values<StepValue>;
using SlotValues = Values<SlotValue>;
using BundleValues = Values<BundleValue>;

/// Of slot `slot` of a step whose first slot is at this position. KV heads whose scales are loaded
/// for each bundle anew take their buffers as bundles do.
SlotValues slot_values(const Model& m, uint32_t position, uint32_t slot, uint32_t loads);
BundleValues bundle_values(const Model& m, uint32_t bundle);

/// Elements of the rope table between the start of a 64-byte unit and the position's row.
inline uint32_t rope_skip(const Model& m, uint32_t position) {
  return position * (2 * m.head_dim) % spec::kAddrUnit / 2;
}

/// Distance in tiles of the two places for the probabilities of a bundle; with one activation
/// column, its limbs lie one behind the other.
inline uint32_t probability_tiles(const Model& m) {
  return m.plan.value_tiles * (m.chip.act_columns == 1 ? 2 : 1);
}

}  // namespace tern::firmware
