// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "activity.hpp"
#include "memory_model.hpp"
#include "spec/generated/spec.hpp"

namespace tern::tlm {

/// The list of the largest elements, whose insertions depend on values. The model takes elements in
/// random order: of n, of which `seen` came before, a list of `keep` takes keep * ln(1 + n / seen).
/// Source of the cycles: rtl/vector/top_k.sv.
class TopKList {
 public:
  void clear(uint32_t keep) {
    keep_ = keep;
    seen_ = 0;
  }
  /// Cycles in which the lanes wait while a row of n elements is inserted.
  uint32_t insert(uint32_t n, const spec::ChipConfig& chip);
  uint32_t count() const { return seen_ < keep_ ? seen_ : keep_; }

 private:
  uint32_t keep_ = spec::kTopK;
  uint32_t seen_ = 0;
};

/// Cycles from the acceptance of a command to that of the next: the table of docs/vector.md, which
/// vector_latency_test holds against the RTL.
uint32_t vector_cycles(const spec::VectorCommand& c, const spec::ChipConfig& chip, TopKList& list);
uint32_t scalar_cycles(const spec::ScalarCommand& c, const spec::ChipConfig& chip);

/// When a vector command uses a port of the scratchpad, in cycles from its acceptance: once every
/// `period` cycles from `first` on, before `end`; never if both are 0.
struct PortUse {
  uint32_t first = 0, end = 0, period = 1;
};
PortUse vector_reads(const spec::VectorCommand& c, const spec::ChipConfig& chip);
PortUse vector_writes(const spec::VectorCommand& c, const spec::ChipConfig& chip);

/// What a vector command moves.
void count_activity(const spec::VectorCommand& c, uint32_t lanes, Activity& activity);

}  // namespace tern::tlm
