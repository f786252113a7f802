// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>

#include "spec/generated/spec.hpp"

namespace tern {

/// Names one vector of a token's computation. `layer` is -1 outside of the layers, `head` -1 where
/// the vector is not of one head.
struct TraceKey {
  int32_t position = 0;
  int32_t layer = -1;
  spec::TracePoint point{};
  int32_t head = -1;

  auto operator<=>(const TraceKey&) const = default;
};

/// One traced vector. Valid only during the call.
struct TraceEvent {
  TraceKey key;
  std::span<const int32_t> values;  ///< Rows of the vector.
  std::span<const int8_t> inputs;   ///< Activations that were multiplied; empty where nothing was.
  uint64_t cycle = 0;  ///< Chip cycle at which the values were there; 0 when there is no clock.
};

using TraceSink = std::function<void(const TraceEvent&)>;

}  // namespace tern
