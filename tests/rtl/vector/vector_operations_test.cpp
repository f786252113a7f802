// SPDX-License-Identifier: Apache-2.0
// The vector unit's operations at the ends of their ranges, and sequences of them that make up an
// operator of model/spec/numerics.
#include <algorithm>
#include <numeric>

#include "spec/numerics/attention.hpp"
#include "spec/numerics/glu.hpp"
#include "spec/numerics/head_norm.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/norm_quant.hpp"
#include "spec/numerics/residual.hpp"
#include "spec/numerics/rope.hpp"
#include "spec/numerics/softmax.hpp"
#include "variants.hpp"

namespace tern::test {
namespace {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

constexpr int32_t kCorners[] = {0,
                                1,
                                -1,
                                2,
                                -2,
                                3,
                                -3,
                                127,
                                -128,
                                32767,
                                -32768,
                                65536,
                                -65537,
                                1 << 30,
                                -(1 << 30),
                                INT32_MAX,
                                INT32_MIN,
                                INT32_MAX - 1,
                                INT32_MIN + 1};
constexpr int32_t kShifts[] = {0,  1,  2,  8,   15, 29, 30,  31,  32,  33,  47,  60,  61,
                               62, 63, 64, 200, -1, -2, -16, -30, -31, -32, -33, -64, -1000};

template <typename Variant>
class VectorOperations : public VectorUnit<Variant> {
 protected:
  using Bench = VectorBench<Variant>;
  static constexpr uint32_t kBase = Variant::kSizes.base;
  // Places in the scratchpad for vectors of up to 2000 words, unaligned.
  static constexpr uint32_t kX = kBase + 3, kG = kBase + 2006, kY = kBase + 4001, kZ = kBase + 6005,
                            kW = kBase + 8002;

  static spec::VectorCommand make(VectorOp op, uint32_t n, uint32_t a, uint32_t b = 0,
                                  uint32_t dst = 0) {
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(op);
    c.n = n;
    c.rows = 1;
    c.a = a;
    c.b = b;
    c.dst = dst;
    c.dest = static_cast<uint32_t>(dst ? Dest::kScratch : Dest::kNone);
    c.act_group = 1;
    return c;
  }
  static spec::VectorCommand reduced(spec::VectorCommand c, Reduce reduce, uint32_t reg) {
    c.reduce = static_cast<uint32_t>(reduce);
    c.reduce_reg = reg;
    return c;
  }
  static spec::VectorCommand with_scalar(spec::VectorCommand c, uint32_t reg) {
    c.use_scalar = 1;
    c.scalar = reg;
    return c;
  }
  static spec::VectorCommand to(spec::VectorCommand c, Dest dest) {
    c.dest = static_cast<uint32_t>(dest);
    return c;
  }
  static spec::ScalarCommand bits(uint32_t ra, uint32_t rd, uint32_t constant) {
    spec::ScalarCommand c;
    c.op = static_cast<uint32_t>(ScalarOp::kBits);
    c.rows = 1;
    c.ra = ra;
    c.rd = rd;
    c.constant = constant;
    return c;
  }
  static spec::ScalarCommand multiplier(uint32_t ra, uint32_t rd, uint32_t limit) {
    spec::ScalarCommand c;
    c.op = static_cast<uint32_t>(ScalarOp::kMultiplier);
    c.rows = 1;
    c.ra = ra;
    c.rd = rd;
    c.constant = limit;
    return c;
  }
  /// Rows of an operation whose first operand steps.
  static spec::ScalarCommand scalar(ScalarOp op, uint32_t ra, uint32_t rd, uint32_t rows,
                                    uint32_t constant) {
    spec::ScalarCommand c;
    c.op = static_cast<uint32_t>(op);
    c.ra = ra;
    c.rd = rd;
    c.rows = rows;
    c.step_a = 1;
    c.constant = constant;
    return c;
  }
  static uint64_t pack(uint32_t m, int32_t k) {
    return m | uint64_t{static_cast<uint32_t>(k)} << 32;
  }

  void fill(Bench& bench, uint32_t address, const std::vector<int32_t>& values) {
    for (size_t i = 0; i < values.size(); ++i) {
      bench.set_word(address + static_cast<uint32_t>(i), values[i]);
    }
  }
  /// What the unit left in memory; run() has made sure that this is what `expected` holds.
  std::vector<int32_t> words(Bench& bench, uint32_t address, size_t n) {
    std::vector<int32_t> out;
    for (size_t i = 0; i < n; ++i) out.push_back(bench.expected.word(address + i));
    return out;
  }
  std::vector<int32_t> random_words(Bench& bench, size_t n, int bits) {
    std::vector<int32_t> out(n);
    for (int32_t& v : out) {
      v = static_cast<int32_t>(static_cast<uint32_t>(bench.dice.between(0, ~0u))) >> (32 - bits);
    }
    return out;
  }
};
TYPED_TEST_SUITE(VectorOperations, Variants);

TYPED_TEST(VectorOperations, AllPairsOfCornersAtAllShifts) {
  using Bench = VectorBench<TypeParam>;
  Bench bench(1);
  std::vector<int32_t> a, b;
  for (const int32_t x : kCorners) {
    for (const int32_t y : kCorners) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  const auto n = static_cast<uint32_t>(a.size());
  this->fill(bench, this->kX, a);
  this->fill(bench, this->kG, b);
  const VectorOp shifted[] = {VectorOp::kMul, VectorOp::kSquare, VectorOp::kJoin,
                              VectorOp::kSumSquares};
  uint32_t reg = 0;
  for (const int32_t k : kShifts) {
    for (const VectorOp op : shifted) {
      const Reduce reduce = op == VectorOp::kSumSquares ? Reduce::kSum : Reduce::kMaxAbs;
      const uint32_t dst = op == VectorOp::kSumSquares ? 0 : this->kY;
      bench.set_scalar(10, this->pack(0xdeadbeef, k));
      auto c = this->reduced(this->make(op, n, this->kX, this->kG, dst), reduce, 100 + reg++ % 100);
      bench.queue(this->with_scalar(c, 10));
      if (k >= 0 && k < 64) {
        c.shift = static_cast<uint32_t>(k);
        bench.queue(c);
      }
      ASSERT_NO_FATAL_FAILURE(bench.run()) << spec::name_of(op) << " k " << k;
    }
    for (const uint32_t m : {0u, 1u, 2u, 3u, 1u << 30, (1u << 30) + 1, 0x55555555u, 0x7fffffffu}) {
      bench.set_scalar(10, this->pack(m, k));
      for (const VectorOp op : {VectorOp::kScale, VectorOp::kMac}) {
        auto c = this->make(op, n, this->kX, this->kG, this->kY);
        c.scalar = 10;
        bench.queue(c);
        ASSERT_NO_FATAL_FAILURE(bench.run()) << spec::name_of(op) << " m " << m << " k " << k;
      }
    }
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  }
  for (const VectorOp op : {VectorOp::kAdd, VectorOp::kSub}) {
    bench.queue(this->make(op, n, this->kX, this->kG, this->kY));
  }
  ASSERT_NO_FATAL_FAILURE(bench.run());
}

// Signed multipliers do not occur: a whole row of the file is an unsigned 32-bit m. Small elements
// keep the product within the contract.
TYPED_TEST(VectorOperations, MultipliersAreUnsigned) {
  VectorBench<TypeParam> bench(2);
  this->fill(bench, this->kX, {0, 1, -1, 5, -5, 1 << 28, -(1 << 28)});
  for (const int32_t k : {0, 1, 31, 33, 62, 63, -1}) {
    bench.set_scalar(3, this->pack(0xffffffff, k));
    auto c = this->make(VectorOp::kScale, 7, this->kX, 0, this->kY);
    c.scalar = 3;
    bench.queue(c);
    ASSERT_NO_FATAL_FAILURE(bench.run());
  }
}

TYPED_TEST(VectorOperations, ExponentialsAreThoseOfTheHeaderEverywhere) {
  VectorBench<TypeParam> bench(3);
  // Around every table entry and every whole power, and far below.
  std::vector<int32_t> below;
  for (int32_t i = 0; i <= 256; ++i) {
    for (const int32_t offset : {-1, 0, 1}) below.push_back(std::max(0, 256 * i + offset));
  }
  for (int32_t whole = 0; whole < 44; ++whole) {
    for (const int32_t offset : {-1, 0, 1, 777, 40000}) {
      below.push_back(std::max(0, whole * 65536 + offset));
    }
  }
  for (int i = 0; i < 300; ++i) {
    below.push_back(static_cast<int32_t>(bench.dice.between(0, 34 * 65536)));
  }
  const auto n = static_cast<uint32_t>(below.size());
  for (const int32_t top : {0, 12345, -70000, INT32_MAX, INT32_MIN + 45 * 65536}) {
    std::vector<int32_t> scores;
    for (const int32_t d : below) scores.push_back(top - d);
    scores.push_back(INT32_MIN);
    this->fill(bench, this->kX, scores);
    bench.set_scalar(5, static_cast<uint32_t>(top));
    auto c =
        this->reduced(this->make(VectorOp::kExp2, n + 1, this->kX, 0, this->kY), Reduce::kSum, 200);
    c.scalar = 5;
    bench.queue(c);
    ASSERT_NO_FATAL_FAILURE(bench.run()) << "s = " << top;
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  }
}

TYPED_TEST(VectorOperations, SiluIsThatOfTheHeaderEverywhere) {
  VectorBench<TypeParam> bench(12);
  // Around every end of a segment, where octaves meet, beyond the table, and in between.
  std::vector<int32_t> x = {0, INT32_MAX, INT32_MIN, INT32_MIN + 1};
  const auto add = [&](int32_t t) {
    for (const int32_t v : {t - 1, t, t + 1}) {
      x.push_back(v);
      x.push_back(-v);
    }
  };
  for (int32_t i = 1; i <= 128; ++i) add(i << 12);
  for (int32_t octave = 1; octave < 5; ++octave) {
    for (int32_t i = 65; i <= 128; ++i) add(i << (12 + octave));
  }
  for (int i = 0; i < 1000; ++i)
    x.push_back((bench.dice.chance(0.5) ? 1 : -1) *
                static_cast<int32_t>(bench.dice.between(0, 17 << 18)));
  for (size_t at = 0; at < x.size(); at += 1500) {
    const std::vector<int32_t> part(x.begin() + at, x.begin() + std::min(x.size(), at + 1500));
    this->fill(bench, this->kX, part);
    bench.queue(this->reduced(
        this->make(VectorOp::kSilu, static_cast<uint32_t>(part.size()), this->kX, 0, this->kY),
        Reduce::kMaxAbs, 200));
    ASSERT_NO_FATAL_FAILURE(bench.run()) << "from " << at;
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  }
  EXPECT_EQ(bench.expected.saturated, 0u);
}

TYPED_TEST(VectorOperations, TopKKeepsTheFirstOfEquals) {
  using Kept = State::Kept;
  for (const uint32_t keep : {1u, 2u, 7u, 40u, 63u, 64u}) {
    VectorBench<TypeParam> bench(keep);
    bench.write_rate = 0.7;
    spec::ScalarCommand clear;
    clear.op = static_cast<uint32_t>(ScalarOp::kTopKClear);
    clear.rows = 1;
    clear.constant = keep;
    for (const int values : {1, 2, 5, 40, 1000000}) {
      std::vector<int32_t> x(1500);
      for (int32_t& v : x)
        v = static_cast<int32_t>(bench.dice.between(0, static_cast<uint64_t>(values))) - values / 2;
      if (values == 40) std::sort(x.begin(), x.end());
      this->fill(bench, this->kX, x);
      bench.queue(clear);
      // In chunks of several rows, with and without results in memory; fewer than the list first.
      auto c = this->reduced(this->make(VectorOp::kCopy, 5, this->kX), Reduce::kTopK, 0);
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_top());
      c.rows = 5;
      c.stride_a = c.stride_dst = c.n = 203;
      c.a += 5;
      bench.queue(c);
      c.a += 5 * 203;
      c.rows = 1;
      c.n = 1500 - 5 - 5 * 203;
      c.dst = this->kY;
      c.dest = static_cast<uint32_t>(Dest::kScratch);
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_top()) << "keep " << keep << " values " << values;

      // The oracle of the bench, once more without it.
      std::vector<Kept> sorted;
      for (uint32_t i = 0; i < x.size(); ++i) sorted.push_back({x[i], i});
      std::stable_sort(sorted.begin(), sorted.end(),
                       [](const Kept& p, const Kept& q) { return p.value > q.value; });
      sorted.resize(keep);
      ASSERT_EQ(bench.expected.top(), sorted);
    }
  }
}

TYPED_TEST(VectorOperations, MultipliersAndBitsOfAllMagnitudes) {
  VectorBench<TypeParam> bench(5);
  std::vector<uint32_t> values = {
      0, 1, 2, 3, 5, 7, 127, 128, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
  for (int i = 0; i < 32; ++i) {
    values.push_back(1u << i);
    values.push_back((1u << i) - 1);
    values.push_back(static_cast<uint32_t>(bench.dice.between(0, ~0u)) >> i);
  }
  values.resize(100);
  for (uint32_t i = 0; i < values.size(); ++i) bench.set_scalar(i, this->pack(values[i], 77));
  for (const uint32_t limit :
       {127u, 121u, 32512u, 0u, 1u, 3u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    auto c = this->multiplier(0, 120, limit);
    c.rows = 100;
    c.step_a = 1;
    bench.queue(c);
    c = this->bits(0, 120, limit % 70);
    c.rows = 100;
    c.step_a = 1;
    c.use_b = 1;
    c.rb = 50;
    bench.queue(c);
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "bits after limit " << limit;
    bench.queue(this->multiplier(3, 120, limit));
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "limit " << limit;
  }
  for (int i = 0; i < 1000; ++i) {
    bench.set_scalar(0, bench.dice.between(0, ~0u) >> bench.dice.between(0, 31));
    auto c = this->multiplier(
        0, 130, static_cast<uint32_t>(bench.dice.between(0, ~0u) >> bench.dice.between(0, 31)));
    bench.queue(c);
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_EQ(bench.read_scalar(130), bench.expected.scalars[130]);
  }
}

TYPED_TEST(VectorOperations, ScalesOfAnyInteger) {
  VectorBench<TypeParam> bench(12);
  std::vector<uint64_t> values = {0, 1, 3, ~0ull, 1ull << 63, (1ull << 63) - 1, 0x7fffffff80000000};
  for (int i = 0; i < 64; ++i) {
    // Powers, their neighbours, and 32 bits of which the last decides and the rounding carries.
    for (const uint64_t v : std::initializer_list<uint64_t>{
             1ull << i, (1ull << i) - 1, (1ull << i) + 1, 0xffffffffull << i, 0xfffffffeull << i,
             0xfffffffdull << i, 0x80000001ull << i, 0xffffffff7fffffffull >> i,
             bench.dice.between(0, ~0ull) >> i})
      values.push_back(v);
  }
  for (size_t at = 0; at < values.size(); at += 100) {
    const auto n = static_cast<uint32_t>(std::min<size_t>(100, values.size() - at));
    for (uint32_t i = 0; i < n; ++i) bench.set_scalar(i, values[at + i]);
    bench.set_scalar(100, this->pack(5, -37));
    for (uint32_t times = 0; times <= 3; ++times) {
      auto c = this->scalar(ScalarOp::kMakeScale, 0, 110, n, static_cast<uint32_t>(-60));
      c.use_b = times != 3;
      c.times_b = times % 3;
      c.rb = 100;
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "from " << at << " times_b " << times;
    }
    for (const uint32_t k : {0u, 30u, 64u, ~0u}) {
      bench.queue(this->scalar(ScalarOp::kBits64, 0, 110, n, k));
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "from " << at << " above " << k;
    }
  }
}

TYPED_TEST(VectorOperations, AllPairsOfScales) {
  VectorBench<TypeParam> bench(13);
  std::vector<uint64_t> scales;
  const uint32_t mantissas[] = {0,          1u << 30,   (1u << 30) + 1, 0x50000000,
                                0x5a827999, 0x5a82799a, 0x7ffffffe,     0x7fffffff};
  for (const uint32_t m : mantissas) {
    for (const int32_t e : {0, -1, 30, -31, -32, 61, -62, 63, -100})
      scales.push_back(this->pack(m, e));
  }
  const auto n = static_cast<uint32_t>(scales.size());
  for (uint32_t i = 0; i < n; ++i) bench.set_scalar(i, scales[i]);
  for (uint32_t b = 0; b < n; ++b) {
    for (const ScalarOp op : {ScalarOp::kScaleAdd, ScalarOp::kScaleMul, ScalarOp::kScaleDiv}) {
      auto c = this->scalar(op, 0, 100, n, b % 2 ? 7 : static_cast<uint32_t>(-40));
      c.use_b = 1;
      c.rb = b;
      c.times_b = b % 3;  // of no consequence
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << spec::name_of(op) << " second " << b;
    }
    for (const ScalarOp op : {ScalarOp::kScaleShift, ScalarOp::kFactor}) {
      auto c = this->scalar(op, 0, 100, n, b % 2 ? 7 : static_cast<uint32_t>(-40));
      c.use_b = b % 5 != 0;
      c.rb = b;
      c.times_b = b % 3;
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
      ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << spec::name_of(op) << " second " << b;
    }
    bench.queue(this->scalar(ScalarOp::kCommonExponent, b, 100, n - b, 0));
    bench.queue(this->scalar(ScalarOp::kScaleSqrt, b, 101, n - b, 9));
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "from " << b;
  }
}

TYPED_TEST(VectorOperations, SumsOfScalesAtEveryDistance) {
  VectorBench<TypeParam> bench(14);
  RandomCommand random(this->kSizes, bench.dice);
  for (int32_t distance = -104; distance <= 104; ++distance) {
    for (uint32_t i = 0; i < 30; ++i) {
      const uint32_t ends[] = {1u << 30, INT32_MAX, INT32_MAX - 1, (1u << 30) + 1};
      const auto mantissa = [&](uint32_t which) {
        return which < 4 ? ends[which] : static_cast<uint32_t>(random.scale() | 1u << 30);
      };
      bench.set_scalar(i, this->pack(mantissa(i / 5), distance - 50));
      bench.set_scalar(40 + i, this->pack(mantissa(i % 5), -50));
    }
    auto c = this->scalar(ScalarOp::kScaleAdd, 0, 100, 30, 0);
    c.use_b = c.step_b = 1;
    c.rb = 40;
    bench.queue(c);
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars()) << "distance " << distance;
  }
  // Exponents whose distance has more than 32 bits.
  bench.set_scalar(0, this->pack(1u << 30, INT32_MAX));
  bench.set_scalar(1, this->pack(0, INT32_MIN));
  auto c = this->scalar(ScalarOp::kScaleAdd, 0, 100, 2, 0);
  c.use_b = 1;
  c.rb = 1;
  bench.queue(c);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
}

TYPED_TEST(VectorOperations, RootsOfSquaresAndTheirNeighbours) {
  VectorBench<TypeParam> bench(15);
  for (uint32_t round = 0; round < 40; ++round) {
    for (uint32_t i = 0; i < 100; ++i) {
      const uint64_t root = bench.dice.between(1 << 15, (1 << 16) - 1);
      const uint64_t square = root * root + bench.dice.between(0, 2) - 1;
      spec::Scale s = spec::make_scale(square >> (square >> 31));
      s.e += static_cast<int32_t>(bench.dice.between(0, 300)) - 150;
      if (i % 3 == 0) s.m = static_cast<uint32_t>(bench.dice.between(1u << 30, INT32_MAX));
      bench.set_scalar(i, this->pack(s.m, s.e));
    }
    bench.queue(this->scalar(ScalarOp::kScaleSqrt, 0, 100, 100, 0));
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  }
}

TYPED_TEST(VectorOperations, ScalesInChainsOfRows) {
  VectorBench<TypeParam> bench(16);
  // Powers of a scale: each row needs the one before.
  bench.set_scalar(0, this->pack(0x6d3a1100, -31));
  bench.set_scalar(1, this->pack(0x7123abcd, -31));
  for (const ScalarOp op : {ScalarOp::kScaleMul, ScalarOp::kScaleDiv, ScalarOp::kScaleAdd}) {
    auto c = this->scalar(op, 1, 2, 50, 1);
    c.use_b = 1;
    c.rb = 0;
    bench.queue(c);
  }
  bench.queue(this->scalar(ScalarOp::kScaleSqrt, 51, 52, 40, 0));
  bench.queue(this->scalar(ScalarOp::kScaleShift, 91, 92, 30, 3));
  bench.queue(this->scalar(ScalarOp::kMakeScale, 121, 122, 5, 0));
  bench.queue(this->scalar(ScalarOp::kFactor, 1, 140, 50, 12));
  bench.queue(this->scalar(ScalarOp::kCommonExponent, 1, 139, 50, 12));
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
}

TYPED_TEST(VectorOperations, CommonExponentsOfZerosAndOfOne) {
  VectorBench<TypeParam> bench(17);
  for (uint32_t i = 0; i < 8; ++i) bench.set_scalar(i, this->pack(0, 40));
  bench.queue(this->scalar(ScalarOp::kCommonExponent, 0, 100, 8, 0));
  bench.set_scalar(8, this->pack(1u << 30, -200));
  for (uint32_t first = 0; first <= 8; ++first)
    bench.queue(this->scalar(ScalarOp::kCommonExponent, first, 101 + first, 9 - first, 0));
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
}

TYPED_TEST(VectorOperations, ButterfliesMakeTheWalshHadamardTransform) {
  VectorBench<TypeParam> bench(6);
  for (const uint32_t n : {64u, 128u, 256u}) {
    const std::vector<int32_t> x = this->random_words(bench, 3 * n, 20);
    this->fill(bench, this->kX, x);
    for (uint32_t k = 0; 1u << k < n; ++k) {
      auto c = this->make(VectorOp::kButterfly, n, this->kX, 0, this->kX);
      c.rows = 3;
      c.stride_a = c.stride_dst = n;
      c.shift = k;
      if (k % 3 == 1) {  // the distance from a register
        bench.set_scalar(20, this->pack(0, static_cast<int32_t>(k)));
        c = this->with_scalar(c, 20);
        c.shift = 0;
      }
      bench.queue(c);
      ASSERT_NO_FATAL_FAILURE(bench.run());
    }
    for (uint32_t r = 0; r < 3; ++r) {
      const std::vector<int32_t> y = this->words(bench, this->kX + r * n, n);
      for (uint32_t i = 0; i < n; ++i) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < n; ++j) {
          sum += __builtin_popcount(i & j) % 2 ? -int64_t{x[r * n + j]} : int64_t{x[r * n + j]};
        }
        ASSERT_EQ(y[i], sum) << "n " << n << " row " << r << " element " << i;
      }
    }
  }
}

// ---- operators of the contract as the firmware runs them, without a gap between the commands

TYPED_TEST(VectorOperations, NormAndQuantise) {
  VectorBench<TypeParam> bench(7);
  for (const int width : {1, 8, 17, 24, 32}) {
    const uint32_t n = 100 + static_cast<uint32_t>(width);
    const std::vector<int32_t> x = this->random_words(bench, n, width);
    const std::vector<int32_t> gains = this->random_words(bench, n, 16);
    this->fill(bench, this->kX, x);
    this->fill(bench, this->kG, gains);
    bench.queue(this->reduced(this->make(VectorOp::kCopy, n, this->kX), Reduce::kMaxAbs, 1));
    bench.queue(this->bits(1, 2, 16));
    bench.queue(this->reduced(
        this->with_scalar(this->make(VectorOp::kMul, n, this->kX, this->kG, this->kZ), 2),
        Reduce::kMaxAbs, 3));
    bench.queue(this->multiplier(3, 4, spec::kActMax));
    auto scale = this->to(this->make(VectorOp::kScale, n, this->kZ, 0, this->kY), Dest::kAct);
    scale.scalar = 4;
    scale.keep = 1;
    scale.act_tile = 9;
    bench.queue(scale);
    bench.queue(this->bits(1, 5, 23));
    auto squares = this->reduced(
        this->with_scalar(this->make(VectorOp::kSumSquares, n, this->kX), 5), Reduce::kSum, 6);
    bench.queue(squares);
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());

    std::vector<int16_t> g(gains.begin(), gains.end());
    std::vector<int32_t> z(n);
    std::vector<int8_t> q(n);
    const spec::Scale unit = spec::make_scale(1, -16), eps = spec::make_scale(1, -17);
    const spec::Scale s = spec::norm_quant(x.data(), g.data(), static_cast<int>(n), unit, -14, eps,
                                           z.data(), q.data());
    EXPECT_EQ(this->words(bench, this->kZ, n), z);
    for (uint32_t i = 0; i < n; ++i) {
      ASSERT_EQ(bench.expected.act(0, 9 + i / this->kSizes.columns, i % this->kSizes.columns),
                q[i]);
    }
    const spec::Scale from_registers =
        spec::norm_scale(static_cast<uint32_t>(bench.expected.scalars[3]),
                         static_cast<uint32_t>(bench.expected.scalars[1]),
                         bench.expected.scalars[6], n, unit, -14, eps);
    EXPECT_EQ(from_registers.m, s.m);
    EXPECT_EQ(from_registers.e, s.e);
  }
}

TYPED_TEST(VectorOperations, SoftmaxToLimbs) {
  VectorBench<TypeParam> bench(8);
  for (const uint32_t n : {1u, 2u, 17u, 200u}) {
    const std::vector<int32_t> acc = this->random_words(bench, n, 22);
    std::vector<int32_t> keys = this->random_words(bench, n, 24),
                         values = this->random_words(bench, n, 24);
    for (uint32_t i = 0; i < n; ++i) {
      keys[i] = std::abs(keys[i]);
      values[i] = std::abs(values[i]);
    }
    const spec::Scale unit = spec::make_scale(0x6d3a11, -60);
    this->fill(bench, this->kX, acc);
    this->fill(bench, this->kG, keys);
    this->fill(bench, this->kW, values);
    bench.queue(this->reduced(this->make(VectorOp::kCopy, n, this->kX), Reduce::kMaxAbs, 1));
    bench.queue(this->reduced(this->make(VectorOp::kCopy, n, this->kG), Reduce::kMaxAbs, 2));
    auto bits = this->bits(1, 3, 31);
    bits.use_b = 1;
    bits.rb = 2;
    bench.queue(bits);
    bench.queue(this->with_scalar(this->make(VectorOp::kMul, n, this->kX, this->kG, this->kY), 3));
    ASSERT_NO_FATAL_FAILURE(bench.run());
    // The unit of the scores depends on the shift.
    const auto shift = static_cast<int>(bench.expected.scalars[3] >> 32);
    bench.set_scalar(4, this->pack(unit.m, -(unit.e + shift + spec::kScoreFrac)));
    auto scale =
        this->reduced(this->make(VectorOp::kScale, n, this->kY, 0, this->kY), Reduce::kMax, 5);
    scale.scalar = 4;
    bench.queue(scale);
    auto exponentials =
        this->reduced(this->make(VectorOp::kExp2, n, this->kY, 0, this->kZ), Reduce::kSum, 6);
    exponentials.scalar = 5;
    bench.queue(exponentials);
    bench.queue(this->reduced(this->make(VectorOp::kCopy, n, this->kW), Reduce::kMaxAbs, 7));
    bench.queue(this->bits(7, 8, 0));
    bench.queue(this->reduced(
        this->with_scalar(this->make(VectorOp::kMul, n, this->kZ, this->kW, this->kZ), 8),
        Reduce::kMaxAbs, 9));
    bench.queue(this->multiplier(9, 10, spec::kProbabilityMax));
    for (const Dest dest : {Dest::kActHigh, Dest::kActLow}) {
      auto limb = this->to(this->make(VectorOp::kScale, n, this->kZ, 0, this->kX), dest);
      limb.scalar = 10;
      limb.keep = dest == Dest::kActHigh;
      limb.act_tile = dest == Dest::kActHigh ? 0 : 40;
      bench.queue(limb);
    }
    ASSERT_NO_FATAL_FAILURE(bench.run());
    ASSERT_NO_FATAL_FAILURE(bench.check_scalars());

    std::vector<int32_t> score(n), p(n);
    spec::softmax_scores(acc.data(), keys.data(), static_cast<int>(n), unit, score.data());
    EXPECT_EQ(this->words(bench, this->kY, n), score);
    spec::softmax_probabilities(score.data(), values.data(), static_cast<int>(n), p.data());
    EXPECT_EQ(this->words(bench, this->kX, n), p);
    for (uint32_t i = 0; i < n; ++i) {
      const uint32_t tile = i / this->kSizes.columns, byte = i % this->kSizes.columns;
      ASSERT_EQ(bench.expected.act(0, tile, byte), spec::split_limbs(p[i]).high);
      ASSERT_EQ(bench.expected.act(0, 40 + tile, byte), spec::split_limbs(p[i]).low);
    }
  }
}

TYPED_TEST(VectorOperations, GatedUnitAndResidual) {
  VectorBench<TypeParam> bench(9);
  const uint32_t n = 123;
  for (const int width : {4, 16, 24}) {
    const std::vector<int32_t> gate = this->random_words(bench, n, width);
    const std::vector<int32_t> up = this->random_words(bench, n, width);
    const spec::GluShifts shifts =
        spec::relu2_shifts(spec::max_abs(gate.data(), n), spec::max_abs(up.data(), n));
    this->fill(bench, this->kX, gate);
    this->fill(bench, this->kG, up);
    auto square = this->make(VectorOp::kSquare, n, this->kX, 0, this->kX);
    square.shift = static_cast<uint32_t>(shifts.gate);
    bench.queue(square);
    auto mul = this->make(VectorOp::kMul, n, this->kX, this->kG, this->kZ);
    mul.shift = static_cast<uint32_t>(shifts.up);
    bench.queue(mul);
    // Into a residual near its limits.
    std::vector<int32_t> x = this->random_words(bench, n, 32);
    this->fill(bench, this->kY, x);
    const spec::Scale s = spec::make_scale(0x12345678, -32);
    bench.set_scalar(1, this->pack(s.m, -(s.e + 4)));
    auto mac = this->make(VectorOp::kMac, n, this->kZ, this->kY, this->kY);
    mac.scalar = 1;
    bench.queue(mac);
    const uint64_t before = bench.expected.saturated;
    ASSERT_NO_FATAL_FAILURE(bench.run());
    std::vector<int32_t> h(n);
    for (uint32_t i = 0; i < n; ++i) h[i] = spec::relu2_glu(gate[i], up[i], shifts);
    EXPECT_EQ(this->words(bench, this->kZ, n), h);
    const uint32_t saturated = spec::residual_add(x.data(), h.data(), static_cast<int>(n), s, 4);
    EXPECT_EQ(this->words(bench, this->kY, n), x);
    EXPECT_EQ(bench.expected.saturated - before, saturated);
    if (width == 24) {
      EXPECT_GT(saturated, 0u);
    }
  }
}

TYPED_TEST(VectorOperations, GatedUnitWithSilu) {
  VectorBench<TypeParam> bench(13);
  const uint32_t n = 203;
  for (const int32_t exponent : {-40, -38, -34, -24}) {  // the last saturates
    const std::vector<int32_t> gate = this->random_words(bench, n, 16);
    const std::vector<int32_t> up = this->random_words(bench, n, 20);
    const spec::Scale unit = {0x5a827999, exponent - 1};
    this->fill(bench, this->kX, gate);
    this->fill(bench, this->kG, up);
    bench.set_scalar(1, this->pack(unit.m, -(unit.e + spec::kSiluFrac)));
    auto scale = this->make(VectorOp::kScale, n, this->kX, 0, this->kX);
    scale.scalar = 1;
    bench.queue(scale);
    bench.queue(
        this->reduced(this->make(VectorOp::kSilu, n, this->kX, 0, this->kX), Reduce::kMaxAbs, 2));
    bench.queue(this->reduced(this->make(VectorOp::kCopy, n, this->kG), Reduce::kMaxAbs, 3));
    auto shift = this->bits(2, 4, 30);
    shift.use_b = 1;
    shift.rb = 3;
    bench.queue(shift);
    bench.queue(this->with_scalar(this->make(VectorOp::kMul, n, this->kX, this->kG, this->kZ), 4));
    ASSERT_NO_FATAL_FAILURE(bench.run());
    std::vector<int32_t> h(n), gated;
    for (const int32_t g : gate) gated.push_back(spec::silu(spec::silu_input(g, unit)));
    const int k = spec::silu_shift(spec::max_abs(gated.data(), n), spec::max_abs(up.data(), n));
    for (uint32_t i = 0; i < n; ++i) h[i] = spec::silu_glu(gated[i], up[i], k);
    EXPECT_EQ(this->words(bench, this->kZ, n), h);
  }
}

TYPED_TEST(VectorOperations, NormOfEachHead) {
  VectorBench<TypeParam> bench(14);
  const uint32_t heads = 3, dim = 40, inputs = 300;
  const std::vector<int32_t> x = this->random_words(bench, heads * dim, 16);
  const std::vector<int32_t> gain = this->random_words(bench, dim, 16);
  const std::vector<int16_t> g(gain.begin(), gain.end());
  const spec::Scale unit = spec::make_scale(77, -14), eps = spec::make_scale(11, -20);
  const spec::Scale floor = spec::head_norm_floor(dim, unit, eps);
  const int k = spec::head_norm_shift(spec::result_bits(inputs)), exponent = -13;
  const spec::Scale top = spec::scale_shift(spec::scale_sqrt(spec::make_scale(dim)), exponent + k);
  this->fill(bench, this->kX, x);
  this->fill(bench, this->kG, gain);
  bench.set_scalar(1, this->pack(floor.m, floor.e));
  bench.set_scalar(2, this->pack(top.m, top.e));
  auto product = this->make(VectorOp::kMul, dim, this->kX, this->kG, this->kZ);
  product.rows = heads;
  product.stride_a = product.stride_dst = dim;
  product.shift = static_cast<uint32_t>(k);
  bench.queue(product);
  auto squares = this->reduced(this->make(VectorOp::kSumSquares, dim, this->kX), Reduce::kSum, 10);
  squares.rows = heads;
  squares.stride_a = dim;
  bench.queue(squares);
  bench.queue(this->scalar(ScalarOp::kMakeScale, 10, 10, heads, 0));
  auto add = this->scalar(ScalarOp::kScaleAdd, 10, 10, heads, 0);
  add.use_b = 1;
  add.rb = 1;
  bench.queue(add);
  bench.queue(this->scalar(ScalarOp::kScaleSqrt, 10, 10, heads, 0));
  auto divide = this->scalar(ScalarOp::kScaleDiv, 2, 10, heads, 0);
  divide.step_a = 0;
  divide.use_b = divide.step_b = 1;
  divide.rb = 10;
  bench.queue(divide);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  for (uint32_t h = 0; h < heads; ++h) {
    std::vector<int32_t> z(dim);
    const spec::Scale of_head = spec::head_norm(
        &x[h * dim], g.data(), dim, spec::result_bits(inputs), exponent, floor, z.data());
    EXPECT_EQ(this->words(bench, this->kZ + h * dim, dim), z);
    EXPECT_EQ(bench.expected.scalars[10 + h], this->pack(of_head.m, of_head.e));
  }
}

TYPED_TEST(VectorOperations, HeadsSideBySide) {
  VectorBench<TypeParam> bench(10);
  const uint32_t heads = 4, dim = 40;
  const std::vector<int32_t> high = this->random_words(bench, heads * dim, 30);
  const std::vector<int32_t> low = this->random_words(bench, heads * dim, 32);
  this->fill(bench, this->kX, high);
  this->fill(bench, this->kG, low);
  auto join =
      this->reduced(this->make(VectorOp::kJoin, dim, this->kX, this->kG), Reduce::kMaxAbs, 1);
  join.rows = heads;
  join.stride_a = join.stride_b = join.stride_dst = dim;
  join.reduce_all = 1;
  bench.queue(join);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());
  const int k = spec::head_shift(bench.expected.scalars[1]);
  spec::Scale scales[heads];
  for (uint32_t h = 0; h < heads; ++h)
    scales[h] = spec::make_scale(bench.dice.between(1, 1 << 20), -30);
  const int32_t exponent = spec::common_exponent(scales, heads);
  for (uint32_t h = 0; h < heads; ++h)
    bench.set_scalar(10 + h, this->pack(scales[h].m, exponent - scales[h].e));
  join.reduce = 0;
  join.shift = static_cast<uint32_t>(k);
  join.dst = this->kY;
  join.dest = static_cast<uint32_t>(Dest::kScratch);
  bench.queue(join);
  auto scale = this->make(VectorOp::kScale, dim, this->kY, 0, this->kY);
  scale.rows = heads;
  scale.stride_a = scale.stride_dst = dim;
  scale.scalar = 10;
  scale.scalar_step = 1;
  bench.queue(scale);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  const std::vector<int32_t> y = this->words(bench, this->kY, heads * dim);
  for (uint32_t i = 0; i < heads * dim; ++i) {
    ASSERT_EQ(y[i],
              spec::head_align(spec::join_limbs(high[i], low[i]), k, scales[i / dim], exponent));
  }
}

TYPED_TEST(VectorOperations, RopeThenKeyBytes) {
  VectorBench<TypeParam> bench(11);
  const uint32_t dim = 48, heads = 3;
  const std::vector<int32_t> x = this->random_words(bench, heads * dim, 24);
  std::vector<int32_t> table = this->random_words(bench, dim, 16);
  this->fill(bench, this->kX, x);
  this->fill(bench, this->kG, table);
  auto rope = this->reduced(this->make(VectorOp::kRope, dim / 2, this->kX, this->kG, this->kX),
                            Reduce::kMaxAbs, 1);
  rope.rows = heads;
  rope.stride_a = rope.stride_dst = dim;
  bench.queue(rope);
  auto multiplier = this->multiplier(1, 10, spec::kValueMax);
  multiplier.rows = heads;
  multiplier.step_a = 1;
  bench.queue(multiplier);
  auto scale = this->make(VectorOp::kScale, dim, this->kX, 0, this->kY);
  scale.rows = heads;
  scale.stride_a = scale.stride_dst = dim;
  scale.scalar = 10;
  scale.scalar_step = 1;
  bench.queue(scale);
  ASSERT_NO_FATAL_FAILURE(bench.run());
  ASSERT_NO_FATAL_FAILURE(bench.check_scalars());

  const std::vector<int16_t> factors(table.begin(), table.end());
  for (uint32_t h = 0; h < heads; ++h) {
    std::vector<int32_t> turned(dim);
    spec::rope(x.data() + h * dim, factors.data(), dim, turned.data());
    EXPECT_EQ(this->words(bench, this->kX + h * dim, dim), turned);
    std::vector<uint8_t> codes(dim);
    spec::kv_quant(turned.data(), dim, spec::make_scale(1), codes.data());
    const std::vector<int32_t> values = this->words(bench, this->kY + h * dim, dim);
    for (uint32_t i = 0; i < dim; ++i) ASSERT_EQ(spec::t5_pack_value(values[i]), codes[i]);
  }
}

}  // namespace
}  // namespace tern::test
