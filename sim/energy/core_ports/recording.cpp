// SPDX-License-Identifier: Apache-2.0
#include "recording.hpp"

#include <algorithm>

/// Called by core_recorder.sv in every cycle.
extern "C" void tern_core_cycle(const uint32_t* words) {
  tern::energy::Recording::instance().add(words);
}

namespace tern::energy {

Recording& Recording::instance() {
  static Recording recording;
  return recording;
}

void Recording::start() {
  on_ = true;
  first_ = now_;
  cycles_.clear();
}

void Recording::add(const uint32_t* words) {
  if (words[kRd] != 0) now_[words[kRd] % 32] = words[kRdData];
  if (!on_) return;
  std::copy_n(words, kCoreWords, cycles_.emplace_back().begin());
}

Registers Recording::registers_before(std::size_t at) const {
  // An instruction that completes writes its register in the next cycle.
  Registers registers = first_;
  for (std::size_t i = 0; i <= at; ++i) {
    if (cycles_[i][kRd] != 0) registers[cycles_[i][kRd] % 32] = cycles_[i][kRdData];
  }
  return registers;
}

}  // namespace tern::energy
