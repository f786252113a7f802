// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "memory_model.hpp"

namespace tern::tlm {

/// When the commands of a queue left it.
class QueueRoom {
 public:
  explicit QueueRoom(uint32_t depth) : left_(depth) {}
  /// First cycle in which there is room for the next command; that `depth` places before it must
  /// have left.
  Cycle next() const { return pushed_ < left_.size() ? 0 : left_[pushed_ % left_.size()] + 1; }
  void push() { ++pushed_; }
  /// First cycle in which the oldest command, pushed in cycle `pushed`, can be at the head.
  Cycle head(Cycle pushed) const {
    const Cycle through = pushed + 2;
    return gone_ == 0 ? through : std::max(through, left_[(gone_ - 1) % left_.size()] + 1);
  }
  void leave(Cycle at) { left_[gone_++ % left_.size()] = at; }

 private:
  std::vector<Cycle> left_;
  uint64_t pushed_ = 0, gone_ = 0;
};

}  // namespace tern::tlm
