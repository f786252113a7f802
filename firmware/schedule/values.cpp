// SPDX-License-Identifier: Apache-2.0
#include "schedule/values.hpp"

namespace tern::firmware {
namespace {

/// Where two buffers are taken in turn, `distance` apart: what is added to the address of the first
/// for users of even and of odd numbers, if user 0 takes the first (`odd` is 0) or the second.
void take_turns(SlotValues& v, SlotValue even, SlotValue odd_user, uint32_t odd,
                uint32_t distance) {
  v[even] = odd != 0 ? distance : 0;
  v[odd_user] = odd != 0 ? 0 : distance;
}

}  // namespace

SlotValues slot_values(const Model& m, uint32_t first, uint32_t slot, uint32_t loads) {
  using V = SlotValue;
  const Plan& p = m.plan;
  const uint32_t position = first + slot;
  const uint32_t columns = uint32_t{1} << m.chip.columns_log2;
  const uint32_t block = position / m.chip.key_block * m.chip.key_block;
  SlotValues v;
  v[V::kTokens] = position + 1;
  v[V::kBase] = first;
  v[V::kBaseBeats] = m.chip.beats(4 * first);
  v[V::kKeyStripes] = block + m.chip.key_block;
  v[V::kKeyBeats] = v[V::kKeyStripes] * p.dim_tiles;
  v[V::kValueBeats] = m.chip.tiles(position + 1) * m.head_dim;
  v[V::kScaleBytes] = 4 * position;
  v[V::kKeyBytes] = (block * p.dim_tiles + (position - block)) * columns;
  v[V::kValueBytes] = (position >> m.chip.columns_log2) * m.head_dim * columns + position % columns;
  v[V::kRope] = rope_skip(m, first) + slot * m.head_dim;
  v[V::kOwn] = slot + 1;
  v[V::kSlot] = slot;
  v[V::kHiddenRow] = slot * p.hidden_stride;
  v[V::kQueryRow] = slot * p.q_stride;
  v[V::kKeyRow] = slot * p.kv_stride;
  v[V::kQueryTile] = (slot & 1) * p.query_size;
  const uint32_t odd = slot & m.bundles & 1;
  take_turns(v, V::kScoreEven, V::kScoreOdd, odd, m.bundle_heads * p.score_stride);
  take_turns(v, V::kScoreMaxEven, V::kScoreMaxOdd, odd, m.bundle_heads);
  take_turns(v, V::kProbabilityEven, V::kProbabilityOdd, odd, probability_tiles(m));
  take_turns(v, V::kScalesEven, V::kScalesOdd, slot & loads & 1, 2 * p.score_stride);
  return v;
}

BundleValues bundle_values(const Model& m, uint32_t bundle) {
  using V = BundleValue;
  const uint32_t kv_head = bundle / m.bundles_of_kv_head;
  const uint32_t next = (bundle + 1) / m.bundles_of_kv_head;
  BundleValues v;
  v[V::kNextTile] = (bundle + 1) * m.plan.dim_tiles;
  v[V::kNextKeys] = next * m.key_units;
  v[V::kNextScales] = next * m.scale_units;
  v[V::kOwnScales] = kv_head * m.plan.group;
  v[V::kHead] = bundle * m.bundle_heads;
  v[V::kValues] = kv_head * m.value_units;
  v[V::kMix] = 2 * v[V::kHead] * m.plan.mix_stride;
  return v;
}

}  // namespace tern::firmware
