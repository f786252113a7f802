// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::test {

/// Sizes of a vector unit under test and of the memories around it.
struct Sizes {
  uint32_t columns, act_columns, lanes, act_depth;
  uint32_t base;   ///< First word of the scratchpad that exists.
  uint32_t words;  ///< Words from there on.
};

/// What commands see and change.
struct State {
  struct Kept {
    int32_t value;
    uint32_t number;
    bool operator==(const Kept&) const = default;
  };

  explicit State(const Sizes& sizes)
      : sizes(sizes),
        scratch(sizes.words),
        scalars(spec::kScalarRegs),
        acts(size_t{sizes.act_columns} * sizes.act_depth * sizes.columns) {}

  int32_t& word(uint64_t address) { return scratch.at(address - sizes.base); }
  int8_t& act(uint32_t column, uint32_t tile, uint32_t byte) {
    return acts.at((size_t{column} * sizes.act_depth + tile) * sizes.columns + byte);
  }

  Sizes sizes;
  std::vector<int32_t> scratch;
  std::vector<uint64_t> scalars;
  std::vector<int8_t> acts;
  std::vector<Kept> candidates;  ///< All elements since the last TopKClear.
  uint32_t keep = spec::kTopK;
  uint64_t saturated = 0;

  /// The top-k list, by a stable sort of all candidates.
  std::vector<Kept> top() const;

  /// Runs a command element by element with the functions of the contract headers.
  void run(const spec::CommandWords& words);

 private:
  void run_vector(const spec::VectorCommand& c);
  void run_scalar(const spec::ScalarCommand& c);
};

}  // namespace tern::test
