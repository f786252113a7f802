// SPDX-License-Identifier: Apache-2.0
// Cycles of commands, from their acceptance to the next one's, with memory ports that are always
// ready.
#include "variants.hpp"

namespace tern::test {
namespace {

template <typename Variant>
class VectorLatency : public VectorUnit<Variant> {
 protected:
  using Bench = VectorBench<Variant>;
  static constexpr uint32_t kBase = Variant::kSizes.base;
  static constexpr uint32_t kLanes = Variant::kSizes.lanes;
  /// What the registers of SmallFabric cost: a command, a reduction of its results or of its
  /// products, a scalar row.
  static constexpr uint32_t kMore = Variant::kSmallFabric ? 3 : 0;
  static constexpr uint32_t kMoreReduced = Variant::kSmallFabric ? 2 : 0;
  static constexpr uint32_t kMoreOfProducts = Variant::kSmallFabric ? 1 : 0;
  static constexpr uint32_t kMoreScalar = Variant::kSmallFabric ? 2 : 0;

  /// Cycles that a command adds to a sequence of itself.
  template <typename Command>
  uint64_t cycles(Bench& bench, const Command& command) {
    const auto total = [&](int times) {
      for (int i = 0; i < times; ++i) bench.queue(command);
      return bench.run();
    };
    total(1);
    const uint64_t two = total(2), five = total(5);
    EXPECT_EQ((five - two) % 3, 0u);
    return (five - two) / 3;
  }

  spec::VectorCommand vector(spec::VectorOp op, uint32_t n, uint32_t rows, spec::Reduce reduce) {
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(op);
    c.n = n;
    c.rows = rows;
    c.a = kBase + 3;
    c.b = kBase + 3000;
    c.dst = kBase + 6000;
    c.stride_a = c.stride_b = c.stride_dst = 2 * n;
    c.reduce = static_cast<uint32_t>(reduce);
    c.reduce_reg = 128;
    const bool squares = op == spec::VectorOp::kSumSquares;
    c.dest = static_cast<uint32_t>(squares ? spec::Dest::kNone : spec::Dest::kScratch);
    return c;
  }
};
TYPED_TEST_SUITE(VectorLatency, Variants);

TYPED_TEST(VectorLatency, VectorCommandsTakeTheStatedCycles) {
  VectorBench<TypeParam> bench(1);
  RandomCommand random(this->kSizes, bench.dice);
  this->refill(bench, random);
  using spec::Reduce;
  using spec::VectorOp;
  struct Case {
    VectorOp op;
    uint32_t per_line;  // of results; of pairs for Rope
    uint32_t overhead;
  };
  const Case cases[] = {
      {VectorOp::kCopy, 1, 10}, {VectorOp::kScale, 1, 10}, {VectorOp::kSquare, 1, 10},
      {VectorOp::kAdd, 2, 10},  {VectorOp::kSub, 2, 10},   {VectorOp::kMul, 2, 10},
      {VectorOp::kMac, 2, 10},  {VectorOp::kJoin, 2, 10},  {VectorOp::kExp2, 4, 10},
      {VectorOp::kSilu, 4, 10}, {VectorOp::kRope, 4, 11},
  };
  for (const Case& c : cases) {
    for (const uint32_t lines : {1u, 2u, 7u}) {
      for (const uint32_t rows : {1u, 3u, 8u}) {
        for (const uint32_t missing : {0u, 3u}) {
          const uint32_t n = lines * this->kLanes - missing;
          const uint64_t expected = uint64_t{c.per_line} * lines * rows + c.overhead + this->kMore;
          EXPECT_EQ(this->cycles(bench, this->vector(c.op, n, rows, Reduce::kNone)), expected)
              << spec::name_of(c.op) << " n " << n << " rows " << rows;
          // A reduction of the results takes three cycles more; Join's is of the products.
          const uint32_t more =
              c.op == VectorOp::kJoin ? this->kMoreOfProducts : 3 + this->kMoreReduced;
          EXPECT_EQ(this->cycles(bench, this->vector(c.op, n, rows, Reduce::kMaxAbs)),
                    expected + more)
              << spec::name_of(c.op) << " with a reduction, n " << n << " rows " << rows;
        }
      }
    }
  }
  EXPECT_EQ(
      this->cycles(bench, this->vector(VectorOp::kSumSquares, 5 * this->kLanes, 2, Reduce::kSum)),
      5 * 2 + 10u + this->kMore + this->kMoreOfProducts);
}

TYPED_TEST(VectorLatency, ButterfliesTakeALineACycle) {
  VectorBench<TypeParam> bench(2);
  RandomCommand random(this->kSizes, bench.dice);
  this->refill(bench, random);
  for (uint32_t k = 0; k < 8; ++k) {
    auto c = this->vector(spec::VectorOp::kButterfly, 256, 2, spec::Reduce::kNone);
    c.shift = k;
    const bool far = (1u << k) >= this->kLanes;
    const uint64_t expected = 2 * 256 / this->kLanes + (far ? 11u : 10u) + this->kMore;
    EXPECT_EQ(this->cycles(bench, c), expected) << "distance 2^" << k;
    // The distance comes from a register: it is read before each row.
    c.use_scalar = 1;
    c.scalar = 9;
    c.shift = 0;
    bench.set_scalar(9, uint64_t{k} << 32);
    EXPECT_EQ(this->cycles(bench, c), expected + 2 * 2) << "distance 2^" << k;
  }
}

TYPED_TEST(VectorLatency, ScalarCommandsTakeTheStatedCycles) {
  VectorBench<TypeParam> bench(3);
  for (uint32_t i = 1; i < 10; ++i) bench.set_scalar(i, 0xffff'fff0'5000'0000 + i);
  using spec::ScalarOp;
  struct Case {
    ScalarOp op;
    uint32_t use_b;
    uint32_t per_row;
  };
  const Case cases[] = {
      {ScalarOp::kMultiplier, 0, 24},    {ScalarOp::kBits, 1, 3},
      {ScalarOp::kBits64, 0, 3},         {ScalarOp::kMakeScale, 1, 5},
      {ScalarOp::kScaleMul, 1, 6},       {ScalarOp::kScaleDiv, 1, 22},
      {ScalarOp::kScaleAdd, 1, 6},       {ScalarOp::kScaleSqrt, 0, 21},
      {ScalarOp::kScaleShift, 1, 4},     {ScalarOp::kFactor, 1, 4},
      {ScalarOp::kCommonExponent, 0, 3},
  };
  for (const uint32_t rows : {1u, 2u, 8u}) {
    for (const Case& one : cases) {
      spec::ScalarCommand c;
      c.op = static_cast<uint32_t>(one.op);
      c.use_b = one.use_b;
      c.rows = rows;
      c.rd = 200;
      c.ra = 1;
      c.rb = 9;
      c.step_a = 1;
      c.constant = 127;
      EXPECT_EQ(this->cycles(bench, c), (one.per_row + this->kMoreScalar) * rows + 1)
          << spec::name_of(one.op);
    }
  }
  spec::ScalarCommand clear;
  clear.op = static_cast<uint32_t>(spec::ScalarOp::kTopKClear);
  clear.rows = 1;
  clear.constant = 40;
  EXPECT_EQ(this->cycles(bench, clear), 2u);
}

// A command alone: done comes a cycle after the next one could have been accepted.
TYPED_TEST(VectorLatency, DoneComesWhenTheEffectsAreVisible) {
  VectorBench<TypeParam> bench(4);
  bench.queue(this->vector(spec::VectorOp::kScale, 1, 1, spec::Reduce::kNone));
  EXPECT_EQ(bench.run(), 12u + this->kMore);
}

TYPED_TEST(VectorLatency, TopKStallsOnlyForInsertions) {
  VectorBench<TypeParam> bench(5);
  // Falling values: the first ones fill the list, then nothing is a candidate.
  const uint32_t n = 4000;
  for (uint32_t i = 0; i < n; ++i) bench.set_word(this->kBase + 3 + i, static_cast<int32_t>(n - i));
  spec::ScalarCommand clear;
  clear.op = static_cast<uint32_t>(spec::ScalarOp::kTopKClear);
  clear.rows = 1;
  clear.constant = spec::kTopK;
  auto c = this->vector(spec::VectorOp::kCopy, n, 1, spec::Reduce::kTopK);
  c.dest = 0;
  bench.queue(clear);
  bench.queue(c);
  const uint64_t lines = (n + this->kLanes - 1) / this->kLanes;
  // The first 64 are inserted, with those that a limit a few cycles old lets through. In a memory,
  // one that goes to the end of the list takes four cycles.
  const uint32_t inserted = spec::kTopK + 4 * this->kLanes;
  EXPECT_LE(bench.run(),
            2 + lines + 11 + this->kMore + (TypeParam::kSmallFabric ? 4 : 1) * inserted);
  c.a += 1000;
  c.n -= 1000;
  EXPECT_EQ(this->cycles(bench, c), (c.n + this->kLanes - 1) / this->kLanes + 11 + this->kMore)
      << "no candidates: the largest came first";
  bench.check_top();
}

}  // namespace
}  // namespace tern::test
