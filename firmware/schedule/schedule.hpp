// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schedule/builder.hpp"

/// The schedule: which commands a layer takes, in which order, and what each waits for.
namespace tern::firmware {

/// What every part of the schedule is put together from.
struct Scope {
  const Model& m;
  const Plan& p;
  const Registers& r;
  const Layer& l;  ///< The first: its addresses stand for those of any layer.
  Builder& out;

  /// Register of a matrix scale of the layer that is worked on.
  uint32_t matrix_scale(Part part) const { return r.matrix + index_of(part); }
};

void schedule_attention(Scope& s);
void schedule_feed_forward(Scope& s);
/// The norm before the head, of one slot, and the scales of its logits.
void schedule_head(Scope& s);

/// All of a model.
inline void schedule_all(const Model& m, Builder& out) {
  Scope s{m, m.plan, m.reg, m.layer[0], out};
  schedule_attention(s);
  schedule_feed_forward(s);
  schedule_head(s);
}

}  // namespace tern::firmware
