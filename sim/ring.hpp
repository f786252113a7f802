// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace tern::sim {

/// Ring buffer without checks: the callers keep to the bounds.
template <typename T, uint32_t kSize>
struct Ring {
  std::array<T, kSize> items{};
  uint32_t head = 0;
  uint32_t size = 0;
  T& front() { return items[head]; }
  T& push(const T& item) { return items[(head + size++) % kSize] = item; }
  void pop() {
    head = (head + 1) % kSize;
    --size;
  }
};

}  // namespace tern::sim
