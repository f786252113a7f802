// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "Vvector_edge.h"
#include "Vvector_nano.h"
#include "Vvector_narrow.h"
#include "random_command.hpp"
#include "vector_bench.hpp"

namespace tern::test {

struct Nano {
  using Block = Vvector_nano;
  static constexpr bool kSmallFabric = false;
  static constexpr Sizes kSizes{8, 1, 8, 2048, 0, 12288};
};
struct Narrow {
  using Block = Vvector_narrow;
  static constexpr bool kSmallFabric = true;
  static constexpr Sizes kSizes{8, 1, 4, 2048, 0, 12288};
};
/// The words in use are far up, so that every bit of an address matters.
struct Edge {
  using Block = Vvector_edge;
  static constexpr bool kSmallFabric = false;
  static constexpr Sizes kSizes{64, 8, 32, 256, 0xfcff0, 12288};
};

template <typename Variant>
class VectorUnit : public testing::Test {
 protected:
  using Bench = VectorBench<Variant>;
  static constexpr Sizes kSizes = Variant::kSizes;
  static constexpr uint32_t kLanes = kSizes.lanes;

  /// New contents of memory and of the scalar registers that are operands.
  void refill(Bench& bench, RandomCommand& random) {
    for (uint32_t i = 0; i < kSizes.words; ++i) bench.set_word(kSizes.base + i, random.word());
    for (uint32_t i = 0; i < RandomCommand::kResults; ++i)
      bench.set_scalar(i, i < RandomCommand::kScales ? random.scalar() : random.scale());
  }
  void random_rates(Bench& bench) {
    const auto rate = [&] {
      return bench.dice.chance(0.4) ? 1.0 : 0.1 * static_cast<double>(bench.dice.between(1, 9));
    };
    bench.read_rate = rate();
    bench.write_rate = rate();
    bench.command_rate = rate();
  }
};
using Variants = testing::Types<Nano, Narrow, Edge>;

}  // namespace tern::test
