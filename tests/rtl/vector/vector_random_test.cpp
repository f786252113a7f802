// SPDX-License-Identifier: Apache-2.0
// Random commands of the vector unit against the functions of the contract headers.
#include "variants.hpp"

namespace tern::test {
namespace {

template <typename Variant>
class VectorRandom : public VectorUnit<Variant> {};
TYPED_TEST_SUITE(VectorRandom, Variants);

TYPED_TEST(VectorRandom, EachOperationMatchesItsHeader) {
  for (uint32_t op = 0; op < spec::kVectorOpCount; ++op) {
    VectorBench<TypeParam> bench(100 + op);
    RandomCommand random(this->kSizes, bench.dice);
    for (int i = 0; i < 250; ++i) {
      if (i % 10 == 0) this->refill(bench, random);
      this->random_rates(bench);
      bench.queue(random.vector(static_cast<spec::VectorOp>(op)));
      ASSERT_NO_FATAL_FAILURE(bench.run()) << "operation " << op << " command " << i;
      if (i % 10 == 9) {
        ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "operation " << op;
      }
    }
    ASSERT_NO_FATAL_FAILURE(bench.check_top());
  }
}

TYPED_TEST(VectorRandom, ChainsWithoutGapsKeepTheOrder) {
  VectorBench<TypeParam> bench(7);
  RandomCommand random(this->kSizes, bench.dice);
  for (int chain = 0; chain < 60; ++chain) {
    this->refill(bench, random);
    this->random_rates(bench);
    if (chain % 2) bench.command_rate = bench.read_rate = bench.write_rate = 1;
    for (int i = 0; i < 40; ++i) {
      if (bench.dice.chance(0.3)) {
        bench.queue(random.scalar_command());
      } else {
        bench.queue(random.vector());
      }
    }
    ASSERT_NO_FATAL_FAILURE(bench.run()) << "chain " << chain;
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "chain " << chain;
    ASSERT_NO_FATAL_FAILURE(bench.check_top()) << "chain " << chain;
  }
}

// Integers, scales, results that are scales, and other results, each in registers of their own;
// results become operands of the next commands. Exponents that a command adds are none of the
// results, so that chains do not leave 32 bits.
TYPED_TEST(VectorRandom, ScaleOperationsMatchTheirHeader) {
  using spec::ScalarOp;
  constexpr uint32_t kScales = 40, kResults = 80, kOthers = 160;
  constexpr ScalarOp kOps[] = {
      ScalarOp::kMakeScale,  ScalarOp::kScaleMul,      ScalarOp::kScaleDiv, ScalarOp::kScaleAdd,
      ScalarOp::kScaleSqrt,  ScalarOp::kScaleShift,    ScalarOp::kFactor,   ScalarOp::kBits64,
      ScalarOp::kMultiplier, ScalarOp::kCommonExponent};
  VectorBench<TypeParam> bench(12);
  RandomCommand random(this->kSizes, bench.dice);
  for (int round = 0; round < 300; ++round) {
    for (uint32_t i = 0; i < kScales; ++i) bench.set_scalar(i, random.wide());
    for (uint32_t i = kScales; i < kOthers; ++i) bench.set_scalar(i, random.scale());
    this->random_rates(bench);
    if (round % 2) bench.command_rate = 1;
    for (int i = 0; i < 40; ++i) {
      const ScalarOp op = kOps[bench.dice.between(0, std::size(kOps) - 1)];
      auto c = random.scale_command(op, kScales, kOthers - kScales);
      const bool of_integers = op == ScalarOp::kMakeScale || op == ScalarOp::kBits64;
      if (of_integers) c.ra = static_cast<uint32_t>(bench.dice.between(0, kScales - 5));
      if (of_integers || op == ScalarOp::kScaleShift || op == ScalarOp::kFactor)
        c.rb = static_cast<uint32_t>(bench.dice.between(kScales, kResults - 5));
      if (op == ScalarOp::kMultiplier) c.constant = static_cast<uint32_t>(random.wide()) | 1;
      c.rd = static_cast<uint32_t>(makes_scale(op)
                                       ? bench.dice.between(kResults, kOthers - 5)
                                       : bench.dice.between(kOthers, spec::kScalarRegs - 5));
      bench.queue(c);
    }
    ASSERT_NO_FATAL_FAILURE(bench.run()) << "round " << round;
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "round " << round;
  }
}

// Every command reads what the one before wrote, in memory or in a scalar register.
TYPED_TEST(VectorRandom, DependentCommandsSeeEachOther) {
  VectorBench<TypeParam> bench(8);
  RandomCommand random(this->kSizes, bench.dice);
  for (int round = 0; round < 60; ++round) {
    this->refill(bench, random);
    this->random_rates(bench);
    if (round % 2) bench.command_rate = bench.read_rate = bench.write_rate = 1;
    const uint32_t n = static_cast<uint32_t>(bench.dice.between(1, 3 * this->kLanes));
    const uint32_t base = this->kSizes.base;
    for (int i = 0; i < 10; ++i) {
      spec::VectorCommand mul;
      mul.op = static_cast<uint32_t>(spec::VectorOp::kMul);
      mul.n = n;
      mul.rows = 3;
      mul.a = mul.dst = base + 10;
      mul.b = base + 1000;
      mul.stride_a = mul.stride_dst = n;
      mul.dest = 1;
      mul.shift = 31;
      mul.reduce = static_cast<uint32_t>(spec::Reduce::kMaxAbs);
      mul.reduce_reg = 128;
      bench.queue(mul);
      spec::ScalarCommand multiplier;
      multiplier.op = static_cast<uint32_t>(spec::ScalarOp::kMultiplier);
      multiplier.rows = 3;
      multiplier.ra = 128;
      multiplier.rd = 140;
      multiplier.step_a = 1;
      multiplier.constant = INT32_MAX;
      bench.queue(multiplier);
      spec::VectorCommand scale = mul;
      scale.op = static_cast<uint32_t>(spec::VectorOp::kScale);
      scale.scalar = 140;
      scale.scalar_step = 1;
      scale.reduce = static_cast<uint32_t>(spec::Reduce::kMax);
      scale.reduce_reg = 150;
      bench.queue(scale);
      spec::ScalarCommand bits;
      bits.op = static_cast<uint32_t>(spec::ScalarOp::kBits);
      bits.rows = 3;
      bits.ra = 150;
      bits.rd = 160;
      bits.step_a = 1;
      bits.constant = 25;
      bench.queue(bits);
      spec::VectorCommand shift = mul;
      shift.use_scalar = 1;
      shift.scalar = 160;
      shift.scalar_step = 1;
      shift.b = base + 1000 + 3 * n;
      bench.queue(shift);
    }
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  }
}

/// The longest rows that a command can have.
template <typename Variant>
struct Long : Variant {
  static constexpr Sizes kSizes{Variant::kSizes.columns,  Variant::kSizes.act_columns,
                                Variant::kSizes.lanes,    Variant::kSizes.act_depth,
                                Variant::kSizes.base / 2, 140000};
};

TYPED_TEST(VectorRandom, RowsMayBeLong) {
  using Variant = Long<TypeParam>;
  VectorBench<Variant> bench(10);
  RandomCommand random(Variant::kSizes, bench.dice);
  const uint32_t base = Variant::kSizes.base;
  for (uint32_t i = 0; i < Variant::kSizes.words; ++i) bench.set_word(base + i, random.word());
  spec::VectorCommand c;
  c.rows = 2;
  c.dst = base + 2;
  c.dest = 1;
  c.b = base + 70001;
  c.reduce_reg = 3;
  c.reduce = static_cast<uint32_t>(spec::Reduce::kSum);
  c.reduce_all = 1;
  const auto run = [&](spec::VectorOp op, uint32_t n, uint32_t k) {
    c.op = static_cast<uint32_t>(op);
    c.n = n;
    c.shift = k;
    c.stride_a = c.stride_dst = 65535;
    c.a = c.dst;  // in place
    bench.queue(c);
    bench.run();
  };
  ASSERT_NO_FATAL_FAILURE(run(spec::VectorOp::kCopy, 65535, 0));
  ASSERT_NO_FATAL_FAILURE(run(spec::VectorOp::kButterfly, 32768, 14));
  ASSERT_NO_FATAL_FAILURE(run(spec::VectorOp::kButterfly, 65024, 8));
  c.rows = 1;
  ASSERT_NO_FATAL_FAILURE(run(spec::VectorOp::kMul, 65534, 20));
  ASSERT_NO_FATAL_FAILURE(run(spec::VectorOp::kRope, 32766, 0));
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
}

TYPED_TEST(VectorRandom, RowsMayBeMany) {
  VectorBench<TypeParam> bench(11);
  RandomCommand random(this->kSizes, bench.dice);
  this->refill(bench, random);
  for (uint32_t i = 0; i < spec::kScalarRegs; ++i) bench.set_scalar(i, random.scalar());
  const uint32_t base = this->kSizes.base;
  spec::VectorCommand c;
  c.op = static_cast<uint32_t>(spec::VectorOp::kScale);
  c.n = 5;
  c.rows = 1000;
  c.stride_a = 6;
  c.stride_dst = 5;
  c.a = base;
  c.dst = base + 7000;
  c.dest = 1;
  c.scalar = 250;  // goes on at 0 after 255
  c.scalar_step = 1;
  bench.queue(c);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  c.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
  c.rows = 200;
  c.reduce = static_cast<uint32_t>(spec::Reduce::kMax);
  c.reduce_reg = 180;
  bench.queue(c);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
}

// Registers from 200 on belong to the outside, which reads and writes them while commands run.
TYPED_TEST(VectorRandom, ScalarRegistersAreSharedWithTheOutside) {
  VectorBench<TypeParam> bench(9);
  RandomCommand random(this->kSizes, bench.dice);
  this->refill(bench, random);
  for (int i = 0; i < 200; ++i) {
    auto c = random.vector();
    c.reduce_reg = 128;
    bench.queue(c);
    auto s = random.scalar_command();
    s.rd = 140;
    bench.queue(s);
  }
  uint64_t reads = 0;
  for (uint32_t i = 0; i < 3000; ++i) {
    const uint32_t index = static_cast<uint32_t>(bench.dice.between(200, 255));
    const uint32_t strobe = static_cast<uint32_t>(bench.dice.between(0, 3));
    const uint64_t value = bench.dice.between(0, ~0ull);
    const uint64_t mask = (strobe & 1 ? 0xffffffffull : 0) | (strobe & 2 ? ~0xffffffffull : 0);
    bench.write_scalar(index, value, strobe);
    bench.expected.scalars[index] = (bench.expected.scalars[index] & ~mask) | (value & mask);
    const uint32_t other = static_cast<uint32_t>(bench.dice.between(200, 255));
    ASSERT_EQ(bench.read_scalar(other), bench.expected.scalars[other]);
    ++reads;
  }
  EXPECT_EQ(reads, 3000u);
  ASSERT_NO_FATAL_FAILURE(bench.run());
}

}  // namespace
}  // namespace tern::test
