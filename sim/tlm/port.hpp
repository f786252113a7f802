// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>

#include "memory_model.hpp"

namespace tern::tlm {

/// A port of the scratchpad as those see it that stand behind somebody else, who takes one cycle of
/// each period for a while. Source: rtl/chip/scratchpad.sv, the order of the clients in
/// rtl/chip/tern_chip.sv.
class Port {
 public:
  /// The first of every `period` cycles from `begin` on, before `end`. In the order of time.
  void reserve(Cycle begin, Cycle end, uint32_t period) {
    if (end > begin) taken_.push_back({begin, end, period});
  }
  /// Nobody asks for a cycle before this one any more.
  void forget_before(Cycle cycle) {
    while (!taken_.empty() && taken_.front().end <= cycle) taken_.pop_front();
  }
  /// Somebody takes each free cycle from `from` on: the n-th of them, n >= 1.
  Cycle nth(Cycle from, uint64_t n) const;

 private:
  struct Taken {
    Cycle begin, end;
    uint32_t period;
  };
  std::deque<Taken> taken_;
};

/// The ports as far as the units share them: the vector unit comes before all others, results come
/// before loads.
struct Ports {
  Port read;           ///< Taken by the vector unit; stores stand behind it.
  Port write;          ///< Taken by the vector unit; results and loads stand behind it.
  Port result_writes;  ///< Taken by results; loads stand behind them.
};

}  // namespace tern::tlm
