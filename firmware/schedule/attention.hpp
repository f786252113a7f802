// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schedule/norms.hpp"

namespace tern::firmware {

/// The attention block. A bundle of a slot: the query heads that share one read of a KV head's
/// cache; q.K, softmax and p.V. q.K of the next bundle is issued before the softmax of one, so that
/// the engine streams meanwhile; the last bundle of a slot has that of the next slot before it.
///
/// Commands of slot 0; those of others are the same, moved. So what waits for a command of another
/// slot must also be right when it waits for whatever took that command's place: names of commands
/// that are not the slot's own are those of the start of the block, or of its inputs.
class Attention {
 public:
  explicit Attention(Scope& s) : s_(s), m_(s.m), p_(s.p), r_(s.r), out_(s.out) {}
  void schedule();

 private:
  // heads.cpp
  void quantise_heads();
  void quantise_keys();
  void quantise_queries();
  void quantise_values();
  void scale_heads();
  void scale_keys_and_values();
  void scale_queries();
  void shorten(uint32_t heads, uint32_t n, uint32_t which, SlotValue row, MatmulTicket results);
  VectorTicket rotate(uint32_t heads, uint32_t rows, uint32_t reg, SlotValue row,
                      MatmulTicket results);
  VectorTicket scale_rows(uint32_t heads, uint32_t rows, uint32_t reg, SlotValue row);
  StoreTicket store_keys(VectorTicket ready);
  StoreTicket store_values(VectorTicket ready);
  void store_scales(VectorTicket ready);

  // head_norm.cpp
  LoadTicket load_head_gains();
  void norm_heads(uint32_t heads, uint32_t to, uint32_t rows, uint32_t which, SlotValue row,
                  MatmulTicket results);
  void head_floors();
  void head_units(uint32_t heads, uint32_t rows, uint32_t which, uint32_t reg, SlotValue row);

  // softmax.cpp
  void load_kv_scales(uint32_t bundle);
  void issue_scores(uint32_t bundle);
  void take_kv_scales(uint32_t bundle);
  VectorTicket softmax(uint32_t bundle);
  VectorTicket to_limbs(uint32_t bundle);
  MatmulTicket mix(uint32_t bundle, VectorTicket ready);
  void mix_scales(uint32_t bundle);
  MatmulTicket finish_bundle(uint32_t bundle);
  void join(MatmulTicket mixed);

  /// Bundles that use the scales of a KV head which one LOAD brings. A copy of the commands that
  /// serves several bundles loads for each.
  uint32_t sharing() const { return out_.loops() ? 1 : m_.bundles_of_kv_head; }
  bool loads_scales(uint32_t bundle) const { return bundle % sharing() == 0; }
  uint32_t scales_odd(uint32_t bundle) const { return bundle / sharing() & 1; }
  /// Where the scales of a bundle's keys, then values, are while it uses them.
  uint32_t kv_scales(uint32_t bundle) const {
    return p_.kv_scale + 2 * scales_odd(bundle) * p_.score_stride;
  }
  SlotValue scales_value(uint32_t bundle) const {
    return scales_odd(bundle) != 0 ? SlotValue::kScalesOdd : SlotValue::kScalesEven;
  }
  /// Where the scores of a bundle are.
  uint32_t scores(uint32_t bundle) const {
    return p_.score + (bundle & 1) * m_.bundle_heads * p_.score_stride;
  }
  /// First tile of its probabilities.
  uint32_t probabilities(uint32_t bundle) const { return (bundle & 1) * probability_tiles(m_); }
  static SlotValue turn(uint32_t bundle, SlotValue even, SlotValue odd) {
    return (bundle & 1) != 0 ? odd : even;
  }

  Scope& s_;
  const Model& m_;
  const Plan& p_;
  const Registers& r_;
  Builder& out_;

  MatmulTicket key_done_, query_done_, value_done_;
  LoadTicket head_gains_loaded_;
  VectorTicket query_ready_;
  StoreTicket keys_stored_, values_stored_;
  MatmulTicket scores_[2];
  LoadTicket kv_loaded_[2];
  VectorTicket kv_read_[2];  ///< What read the scales that lie there last.
};

}  // namespace tern::firmware
