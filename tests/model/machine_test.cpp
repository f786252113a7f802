// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "io/error.hpp"
#include "spec/generated/registers.hpp"
#include "spec/waits.hpp"

namespace tern::sim {
namespace {

namespace mmio = spec::mmio;
using spec::Dest;
using spec::LoadCommand;
using spec::MatmulCommand;
using spec::Reduce;
using spec::ScalarCommand;
using spec::ScalarOp;
using spec::StoreCommand;
using spec::VectorCommand;
using spec::VectorOp;

constexpr const spec::ChipConfig& kNano = spec::kConfigs[0];
constexpr const spec::ChipConfig& kEdge = spec::kConfigs[1];

template <typename T>
constexpr uint32_t number(T value) {
  return static_cast<uint32_t>(value);
}

/// A machine and the controller's part in its life.
struct Bench {
  explicit Bench(const spec::ChipConfig& config = kNano, bool check_ordering = true)
      : machine(config, {check_ordering, 7}) {
    machine.reserve_memory(1 << 20);
  }
  /// Each command starts when all before it are done, unless `wait` is false.
  template <typename Command>
  void issue(Command c, bool wait = true) {
    if (wait) {
      const UnitCounts n = machine.issued();
      c.wait_load = n[0] & 0xff;
      c.wait_matmul = n[1] & 0xff;
      c.wait_vector = n[2] & 0xff;
      c.wait_store = n[3] & 0xff;
    }
    const spec::CommandWords words = c.pack();
    for (uint32_t i = 0; i < spec::kCommandWords; ++i)
      machine.write(mmio::cmd::word(i), words.w[i]);
    machine.write(mmio::kIssue, 1);
  }
  void drain() {
    const UnitCounts n = machine.issued();
    uint32_t all = 0;
    for (uint32_t u = 0; u < spec::kUnitCount; ++u)
      all |= spec::count_of(u).put(static_cast<uint32_t>(n[u] & 0xff));
    int polls = 0;
    while (machine.read(mmio::kDone) != all) ASSERT_LT(++polls, 10'000);
  }
  void put(uint32_t word, const std::vector<int32_t>& values) {
    for (int32_t v : values) machine.write(mmio::scratch::word(word++), static_cast<uint32_t>(v));
  }
  std::vector<int32_t> get(uint32_t word, uint32_t count) {
    drain();
    std::vector<int32_t> out;
    for (uint32_t i = 0; i < count; ++i)
      out.push_back(static_cast<int32_t>(machine.read(mmio::scratch::word(word + i))));
    return out;
  }
  void put_scalar(uint32_t index, uint32_t lo, int32_t hi) {
    machine.write(mmio::scalars::lo(index), lo);
    machine.write(mmio::scalars::hi(index), static_cast<uint32_t>(hi));
  }
  uint64_t get_scalar(uint32_t index) {
    drain();
    return machine.read(mmio::scalars::lo(index)) | uint64_t{machine.read(mmio::scalars::hi(index))}
                                                        << 32;
  }
  template <typename T>
  void put_memory(uint64_t address, const std::vector<T>& values) {
    machine.write_memory(address, std::as_bytes(std::span(values)));
  }
  template <typename T>
  std::vector<T> get_memory(uint64_t address, std::size_t count) {
    drain();
    std::vector<T> out(count);
    machine.read_memory(address, std::as_writable_bytes(std::span(out)));
    return out;
  }
  Machine machine;
};

VectorCommand vec(VectorOp op, uint32_t a, uint32_t b, uint32_t dst, uint32_t n) {
  VectorCommand c;
  c.op = number(op);
  c.dest = number(Dest::kScratch);
  c.a = a;
  c.b = b;
  c.dst = dst;
  c.n = n;
  c.rows = 1;
  return c;
}

/// a = {7, -7, INT32_MAX, INT32_MIN} at 0, b = {2, 3, 1, -1} at 8; result at 16.
std::vector<int32_t> binary(VectorOp op, uint32_t shift = 0) {
  Bench bench;
  bench.put(0, {7, -7, INT32_MAX, INT32_MIN});
  bench.put(8, {2, 3, 1, -1});
  VectorCommand c = vec(op, 0, 8, 16, 4);
  c.shift = shift;
  bench.issue(c);
  return bench.get(16, 4);
}

using Ints = std::vector<int32_t>;

TEST(MachineVector, ComputesElementByElement) {
  EXPECT_EQ(binary(VectorOp::kAdd), (Ints{9, -4, INT32_MAX, INT32_MIN}));
  EXPECT_EQ(binary(VectorOp::kSub), (Ints{5, -10, INT32_MAX - 1, INT32_MIN + 1}));
  EXPECT_EQ(binary(VectorOp::kMul), (Ints{14, -21, INT32_MAX, INT32_MAX}));
  EXPECT_EQ(binary(VectorOp::kMul, 2), (Ints{4, -5, 1 << 29, 1 << 29}));
  EXPECT_EQ(binary(VectorOp::kSquare, 1), (Ints{25, 0, INT32_MAX, 0}));
  EXPECT_EQ(binary(VectorOp::kCopy), (Ints{7, -7, INT32_MAX, INT32_MIN}));
  // 256 * 7 + 2 = 1794, 256 * -7 + 3 = -1789, halved with ties up.
  EXPECT_EQ(binary(VectorOp::kJoin, 1), (Ints{897, -894, INT32_MAX, INT32_MIN}));
}

TEST(MachineVector, ScalesByTheRegisterOfTheRow) {
  Bench bench;
  bench.put(0, {100, -3, 100, 3});
  bench.put_scalar(5, 3, 1);    // * 1.5
  bench.put_scalar(6, 1, -10);  // * 1024
  VectorCommand c = vec(VectorOp::kScale, 0, 0, 32, 2);
  c.rows = 2;
  c.stride_a = 2;
  c.stride_dst = 16;
  c.scalar = 5;
  c.scalar_step = 1;
  c.reduce = number(Reduce::kMaxAbs);
  c.reduce_reg = 9;
  bench.issue(c);
  EXPECT_EQ(bench.get(32, 2), (Ints{150, -4}));  // -4.5 rounds up
  EXPECT_EQ(bench.get(48, 2), (Ints{102400, 3072}));
  EXPECT_EQ(bench.get_scalar(9), 150u);
  EXPECT_EQ(bench.get_scalar(10), 102400u);
}

TEST(MachineVector, MultipliesIntoTheResidualAndCountsSaturations) {
  Bench bench;
  bench.put(0, {1, 2, 3});
  bench.put(8, {10, INT32_MAX - 1, 0});
  bench.put_scalar(0, 5, 0);
  bench.issue(vec(VectorOp::kMac, 0, 8, 8, 3));
  EXPECT_EQ(bench.get(8, 3), (Ints{15, INT32_MAX, 15}));
  EXPECT_EQ(bench.machine.counts().saturations, 1u);
}

TEST(MachineVector, Reduces) {
  Bench bench;
  bench.put(0, {5, -9, 3, -1});
  const auto reduced = [&](Reduce kind, VectorOp op, bool all) {
    VectorCommand c = vec(op, 0, 2, 0, 2);
    c.dest = number(Dest::kNone);
    c.rows = all ? 2 : 1;
    c.stride_a = 2;
    c.reduce = number(kind);
    c.reduce_all = all ? 1 : 0;
    c.reduce_reg = 40;
    bench.issue(c);
    return bench.get_scalar(40);
  };
  EXPECT_EQ(reduced(Reduce::kMaxAbs, VectorOp::kCopy, true), 9u);
  EXPECT_EQ(reduced(Reduce::kMax, VectorOp::kCopy, true), 5u);
  EXPECT_EQ(reduced(Reduce::kSum, VectorOp::kCopy, true), ~uint64_t{1});   // -2
  EXPECT_EQ(reduced(Reduce::kSum, VectorOp::kCopy, false), ~uint64_t{3});  // -4
  EXPECT_EQ(reduced(Reduce::kSum, VectorOp::kSumSquares, true), 25u + 81 + 9 + 1);
  EXPECT_EQ(reduced(Reduce::kMaxAbs, VectorOp::kJoin, false), 9u * 256 + 1);
  bench.put(0, {INT32_MIN, -5});
  EXPECT_EQ(reduced(Reduce::kMaxAbs, VectorOp::kCopy, false), 1u << 31);
  EXPECT_EQ(reduced(Reduce::kMax, VectorOp::kCopy, false), ~uint64_t{4});  // -5
}

TEST(MachineVector, RotatesPairs) {
  Bench bench;
  bench.put(0, {1000, 0, 0, 1000});    // low half, high half
  bench.put(8, {32767, 0, 0, 32767});  // cosines, sines
  VectorCommand c = vec(VectorOp::kRope, 0, 8, 0, 2);
  c.reduce = number(Reduce::kMaxAbs);
  bench.issue(c);
  EXPECT_EQ(bench.get(0, 4), (Ints{63998, -63998, 0, 0}));
  EXPECT_EQ(bench.get_scalar(0), 63998u);
}

TEST(MachineVector, TakesPowersOfTwo) {
  Bench bench;
  bench.put(0, {70000, 70000 - 65536, -(60 << 16), INT32_MIN});
  bench.put_scalar(3, 70000, 0);
  VectorCommand c = vec(VectorOp::kExp2, 0, 0, 8, 4);
  c.scalar = 3;
  bench.issue(c);
  EXPECT_EQ(bench.get(8, 4), (Ints{1 << 30, 1 << 29, 0, 0}));
}

TEST(MachineVector, GatesWithSilu) {
  Bench bench;
  bench.put(0, {1 << 18, -(1 << 18), 0, INT32_MIN});
  bench.issue(vec(VectorOp::kSilu, 0, 0, 8, 4));
  EXPECT_EQ(bench.get(8, 4), (Ints{191643, -70501, 0, 0}));  // 1 / (1 + 1 / e) in Q18
}

TEST(MachineVector, ButterfliesInPlace) {
  Bench bench;
  bench.put(0, {1, 2, 3, 4});
  bench.issue(vec(VectorOp::kButterfly, 0, 0, 0, 4));
  VectorCommand c = vec(VectorOp::kButterfly, 0, 0, 0, 4);
  c.shift = 1;
  bench.issue(c);
  EXPECT_EQ(bench.get(0, 4), (Ints{10, -2, -4, 0}));  // Hadamard transform of 1 2 3 4
}

TEST(MachineVector, KeepsTheLargestInOrder) {
  Bench bench;
  ScalarCommand clear;
  clear.op = number(ScalarOp::kTopKClear);
  clear.constant = 3;
  clear.rows = 1;
  bench.issue(clear);
  bench.put(0, {4, 9, 1, 9, 7, 9});
  for (uint32_t at : {0u, 3u}) {
    VectorCommand c = vec(VectorOp::kCopy, at, 0, 0, 3);
    c.dest = number(Dest::kNone);
    c.reduce = number(Reduce::kTopK);
    bench.issue(c);
  }
  bench.drain();
  EXPECT_EQ(bench.machine.read(mmio::kTopCount), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(bench.machine.read(mmio::top_list::value(i)), 9u);
    EXPECT_EQ(bench.machine.read(mmio::top_list::number(i)), 2 * i + 1);
  }
  EXPECT_THROW(bench.machine.read(mmio::top_list::value(3)), Error);
}

TEST(MachineVector, FillsTheActivationBuffer) {
  Bench bench(kEdge);
  bench.put(0, {1, 2, 3, 4, 5, 6});
  VectorCommand c = vec(VectorOp::kCopy, 0, 0, 64, 1);
  c.dest = number(Dest::kAct);
  c.keep = 1;
  c.rows = 6;
  c.stride_a = c.stride_dst = 1;
  c.act_column = 1;
  c.act_step = 2;
  c.act_group = 3;
  c.act_tile = 10;
  c.act_tile_stride = 4;
  bench.issue(c);
  for (uint32_t row = 0; row < 6; ++row)
    EXPECT_EQ(bench.machine.activation(1 + row % 3 * 2, 10 + row / 3 * 4, 0), row + 1);
  EXPECT_EQ(bench.get(64, 6), (Ints{1, 2, 3, 4, 5, 6}));
  bench.put(0, {32512, 255});
  for (Dest dest : {Dest::kActHigh, Dest::kActLow}) {
    c = vec(VectorOp::kCopy, 0, 0, 0, 2);
    c.dest = number(dest);
    c.act_group = 1;
    c.act_column = dest == Dest::kActLow ? 1 : 0;
    bench.issue(c);
  }
  EXPECT_EQ(bench.machine.activation(0, 0, 0), 127);
  EXPECT_EQ(bench.machine.activation(1, 0, 0), 0);
  EXPECT_EQ(bench.machine.activation(0, 0, 1), 1);
  EXPECT_EQ(bench.machine.activation(1, 0, 1), -1);
}

TEST(MachineScalar, DividesAndCountsBits) {
  Bench bench;
  bench.put_scalar(0, 1000, 0);
  bench.put_scalar(1, 127, 0);
  ScalarCommand c;
  c.op = number(ScalarOp::kMultiplier);
  c.ra = 0;
  c.rd = 8;
  c.constant = 1000;
  c.rows = 1;
  bench.issue(c);
  EXPECT_EQ(bench.get_scalar(8), uint64_t{30} << 32 | 1u << 30);  // 1.0
  c = {};
  c.op = number(ScalarOp::kBits);
  c.use_b = c.step_a = 1;
  c.rb = 1;
  c.rd = 8;
  c.constant = 15;
  c.rows = 2;
  bench.issue(c);
  EXPECT_EQ(bench.get_scalar(8), uint64_t{2} << 32 | 2);  // 10 + 7 - 15
  EXPECT_EQ(bench.get_scalar(9), 0u);                     // 7 + 7 - 15 < 0
}

TEST(MachineStream, LoadsWordsAndHalves) {
  Bench bench;
  bench.put_memory<int32_t>(64, {5, -6, 7});
  bench.put_memory<int16_t>(128, {-1, 2, -3});
  LoadCommand c;
  c.read_addr = 1;
  c.beats = 2;
  c.count = 3;
  c.dst = 100;
  bench.issue(c);
  c.format = number(spec::Format::kHalf);
  c.read_addr = 2;
  c.beats = 1;
  c.dst = 103;
  bench.issue(c);
  EXPECT_EQ(bench.get(100, 6), (Ints{5, -6, 7, -1, 2, -3}));
  EXPECT_EQ(bench.machine.counts().load_beats, 3u);
}

/// Activations 1 .. 8 in tile 0 of column 0.
void fill_tile(Bench& bench) {
  bench.put(0, {1, 2, 3, 4, 5, 6, 7, 8});
  VectorCommand c = vec(VectorOp::kCopy, 0, 0, 0, 8);
  c.dest = number(Dest::kAct);
  c.act_group = 1;
  bench.issue(c);
}

MatmulCommand value_matrix() {
  MatmulCommand c;
  c.layout = number(spec::Layout::kValue);
  c.planes = 1;
  c.act_columns = 1;
  c.max_reg = 20;
  c.read_addr = 16;
  c.beats = 2;
  c.rows = 2;
  c.block = 2;
  c.cols = 3;
  c.stripes = 2;
  c.dst = 200;
  return c;
}

TEST(MachineStream, MultipliesValuesAndMasksTheRest) {
  Bench bench;
  fill_tile(bench);
  // 1 0 -2 | 10 10 10; the other columns hold illegal codes.
  bench.put_memory<uint8_t>(1024, {122, 121, 119, 255, 255, 255, 255, 255});
  bench.put_memory<uint8_t>(1032, {131, 131, 131, 255, 255, 255, 255, 255});
  bench.issue(value_matrix());
  EXPECT_EQ(bench.get(200, 2), (Ints{-5, 60}));
  EXPECT_EQ(bench.get_scalar(20), 60u);
  EXPECT_EQ(bench.machine.error(), 0u);
  EXPECT_EQ(bench.machine.counts().beats, 2u);
}

TEST(MachineStream, MultipliesPlanes) {
  Bench bench;
  fill_tile(bench);
  // Column 0: trits 1 in row 0 of plane 0, -1 in row 0 of plane 1, 1 in row 4 of plane 0.
  const std::vector<uint8_t> zero(8, 121);
  std::vector<uint8_t> first = zero, second = zero;
  first[0] = 121 + 1 + 81;
  second[0] = 121 - 1;
  bench.put_memory<uint8_t>(1024, first);
  bench.put_memory<uint8_t>(1032, second);
  MatmulCommand c = value_matrix();
  c.layout = number(spec::Layout::kPlane);
  c.planes = 2;
  c.stripes = 1;
  c.block = 1;
  c.rows = 5;
  c.cols = 8;
  bench.issue(c);
  EXPECT_EQ(bench.get(200, 5), (Ints{1 - 3, 0, 0, 0, 1}));
}

TEST(MachineStream, LoadsTritsAndCountsIllegalCodes) {
  Bench bench;
  bench.put_memory<uint8_t>(64, {121 + 1 - 81, 0, 243, 242});
  LoadCommand c;
  c.format = number(spec::Format::kTrit);
  c.read_addr = 1;
  c.beats = 1;
  c.count = 12;
  c.dst = 100;
  bench.issue(c);
  EXPECT_EQ(bench.get(100, 12), (Ints{1, 0, 0, 0, -1, -1, -1, -1, -1, -1, 0, 0}));
  EXPECT_EQ(bench.machine.counts().illegal, 1u);
  c.count = 41;
  EXPECT_THROW(bench.issue(c), Error);  // eight bytes hold forty
}

/// Forty rows of signs, eight columns, one group: the scale words of eight stripes are eight beats.
TEST(MachineStream, MultipliesSignsWithTheScalesOfTheirGroup) {
  Bench bench;
  fill_tile(bench);
  std::vector<uint64_t> words(8, 0);
  words[0] = 2 | 3 << 12;                 // rows 0 and 1
  words[7] = uint64_t{4095} << (4 * 12);  // row 39
  bench.put_memory<uint64_t>(1024, words);
  std::vector<uint8_t> signs(40, 0);
  signs[0] = 1;            // column 0 of row 0 is +1, the rest of it -1
  signs[1] = 2;            // column 1 of row 1
  signs[4 * 8 + 7] = 128;  // column 7 of row 39
  bench.put_memory<uint8_t>(1024 + 64, signs);
  MatmulCommand c = value_matrix();
  c.layout = number(spec::Layout::kSign);
  c.group = number(spec::Group::kColumns64);
  c.stripes = c.block = 8;
  c.rows = 40;
  c.cols = 8;
  c.beats = 8 + 5;
  bench.issue(c);
  const std::vector<int32_t> got = bench.get(200, 40);
  EXPECT_EQ(got[0], 2 * (1 - 35));
  EXPECT_EQ(got[1], 3 * (2 - 34));
  EXPECT_EQ(got[2], 0);
  EXPECT_EQ(got[39], 4095 * (8 - 28));
  c.beats = 5;
  EXPECT_THROW(bench.issue(c), Error);  // no scales
  spec::ChipConfig plain = kNano;
  plain.sign_weights = false;
  Bench without(plain);
  c.group = 0;
  EXPECT_THROW(without.issue(c), Error);
}

TEST(MachineStream, CountsIllegalCodes) {
  Bench bench;
  fill_tile(bench);
  bench.put_memory<uint8_t>(1024, {122, 243, 119, 255});
  bench.put_memory<uint8_t>(1032, {121, 121, 121, 121});
  bench.issue(value_matrix());
  EXPECT_EQ(bench.get(200, 2), (Ints{-5, 0}));
  EXPECT_EQ(bench.machine.counts().illegal, 1u);
  EXPECT_EQ(bench.machine.read(mmio::kError), 1u << spec::reg::kErrorIllegalCodeLsb);
}

TEST(MachineStore, PacksAndScatters) {
  Bench bench;
  bench.put_memory<uint8_t>(4096, std::vector<uint8_t>(256, 0));
  bench.put(0, {-121, 0, 121, 1, 2, 3});
  StoreCommand c;
  c.format = number(spec::StoreFormat::kCode);
  c.addr_low = 4096 + 6;
  c.count = 3;
  c.rows = 2;
  c.src_stride = 3;
  c.beat_stride = 3;
  c.row_stride = 1;
  bench.issue(c);
  auto bytes = bench.get_memory<uint8_t>(4096, 256);
  EXPECT_EQ(bytes[6], 0);
  EXPECT_EQ(bytes[7], 121);
  EXPECT_EQ(bytes[24], 242);  // the beat three further
  EXPECT_EQ(bytes[64 + 6], 122);
  EXPECT_EQ(bytes[64 + 7], 123);
  EXPECT_EQ(bytes[64 + 24], 124);
  c.scatter = 1;
  c.rows = 1;
  c.addr_low = 4096 + 129;
  c.beat_stride = 2;
  bench.issue(c);
  bytes = bench.get_memory<uint8_t>(4096, 256);
  EXPECT_EQ(bytes[129], 0);
  EXPECT_EQ(bytes[129 + 16], 121);
  EXPECT_EQ(bytes[129 + 32], 242);
  StoreCommand words;
  words.addr_low = 4096 + 196;
  words.src = 3;
  words.count = 3;
  words.rows = 1;
  words.beat_stride = 1;
  bench.issue(words);
  EXPECT_EQ(bench.get_memory<int32_t>(4096 + 192, 4), (Ints{0, 1, 2, 3}));
}

TEST(MachineMailbox, PassesWordsAndNoticesOverflow) {
  Bench bench;
  Machine& m = bench.machine;
  constexpr uint32_t kWord = mmio::mail_state::kWord.mask();
  constexpr uint32_t kRoom = mmio::mail_state::kRoom.mask();
  EXPECT_EQ(m.read(mmio::kMailState), kRoom);
  EXPECT_EQ(m.read(mmio::kMailIn), 0u);
  m.push_mail(11);
  m.push_mail(12);
  EXPECT_EQ(m.mail_room(), spec::kMailDepth - 2);
  EXPECT_EQ(m.read(mmio::kMailState), kWord | kRoom);
  EXPECT_EQ(m.read(mmio::kMailIn), 11u);
  EXPECT_EQ(m.read(mmio::kMailIn), 12u);
  for (uint32_t i = 0; i < spec::kMailDepth; ++i) m.write(mmio::kMailOut, i);
  EXPECT_EQ(m.read(mmio::kMailState), 0u);
  EXPECT_EQ(m.error(), 0u);
  m.write(mmio::kMailOut, 99);
  EXPECT_EQ(m.error(), 1u << spec::reg::kErrorMailOverflowLsb);
  EXPECT_EQ(m.mail(), 0u);
  m.pop_mail();
  EXPECT_EQ(m.mail(), 1u);
  EXPECT_EQ(m.mail_words(), spec::kMailDepth - 1);
}

TEST(MachineTapes, AreTheCommandsOneAfterAnother) {
  // Two scalar commands and a copy, from the end of the memory round to its start; scalar commands
  // have no words 4, 6 and 7.
  Bench bench;
  bench.put(0, {1, 2, 3});
  ScalarCommand bits;
  bits.op = number(ScalarOp::kBits);
  bits.rows = 1;
  bits.ra = 4;
  bits.rd = 5;
  VectorCommand copy;
  copy.op = number(VectorOp::kCopy);
  copy.dest = number(Dest::kScratch);
  copy.a = 0;
  copy.dst = 64;
  copy.n = 3;
  copy.rows = 1;
  constexpr uint32_t kWaits = 0x05'fe'80'7f;
  const auto relative = [&](spec::CommandWords words, uint32_t vector) {
    words.w[spec::fields::kWaits.word] =
        spec::subtract_waits(spec::fields::scalar::kWaitVector.put(vector), kWaits);
    return words;
  };
  spec::CommandWords second = relative(bits.pack(), 1);
  second.w[spec::fields::scalar::kRa.word] =
      spec::fields::scalar::kRa.put(5) | spec::fields::scalar::kRd.put(6);
  std::vector<uint32_t> memory(64);
  const spec::CommandWords tape[] = {relative(bits.pack(), 0), second, relative(copy.pack(), 2)};
  for (uint32_t i = 0; i < 24; ++i) memory[(56 + i) % 64] = tape[i / 8].w[i % 8];
  memory[60] = memory[62] = memory[4] = memory[7] = 0xffffffff;
  bench.machine.set_tape_memory(memory);
  bench.put_scalar(4, 1000, 0);
  bench.machine.write(mmio::kTapeWaits, kWaits);
  EXPECT_EQ(bench.machine.read(mmio::kTapeWaits), kWaits);
  using namespace mmio::tape;
  bench.machine.write(mmio::kTape, kCommands.put(3) | kStart.put(56 * 4));
  EXPECT_EQ(bench.get(64, 3), (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(bench.get_scalar(5) & 0xffffffff, 10u);  // bits of 1000
  EXPECT_EQ(bench.get_scalar(6) & 0xffffffff, 4u);   // bits of 10
  EXPECT_EQ(bench.machine.issued()[number(spec::Unit::kVector)], 3u);
  EXPECT_THROW(bench.machine.write(mmio::kTape, kCommands.put(1) | kStart.put(4)), Error);
}

TEST(MachineDevices, TellTheConfiguration) {
  Bench bench(kEdge);
  EXPECT_EQ(bench.machine.read(mmio::kConfig), 64u | 8 << 8 | 52 << 16);
  EXPECT_EQ(bench.machine.read(mmio::kConfig2), 256u | 8 << 16);
  EXPECT_EQ(bench.machine.read(mmio::kConfig3), 32u | 3u << 8 | 5u << 10 | 2560u << 16);
  EXPECT_EQ(bench.machine.read(mmio::kKeyBlock), 20u);
  EXPECT_THROW(bench.machine.read(0x54), Error);
  EXPECT_THROW(bench.machine.write(mmio::kDone, 0), Error);
}

/// The message of the Error that `action` throws has all parts.
template <typename Action>
void expect_error(Action action, std::initializer_list<const char*> parts) {
  try {
    action();
  } catch (const Error& e) {
    const std::string message = e.what();
    for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
    return;
  }
  ADD_FAILURE() << "no error: " << *parts.begin();
}

TEST(MachineChecks, NameCommandAndField) {
  const auto with = [](auto change, std::initializer_list<const char*> parts) {
    Bench bench;
    fill_tile(bench);
    VectorCommand c = vec(VectorOp::kCopy, 0, 0, 100, 8);
    change(c);
    expect_error([&] { bench.issue(c); }, parts);
  };
  with([](VectorCommand& c) { c.n = 0; }, {"vector command 2 (copy): n is 0"});
  with([](VectorCommand& c) { c.rows = 0; }, {"rows is 0"});
  with([](VectorCommand& c) { c.op = 13; }, {"op is 13"});
  with([](VectorCommand& c) { c.reduce = 5; }, {"reduce is 5"});
  with([](VectorCommand& c) { c.dest = 5; }, {"dest is 5"});
  with([](VectorCommand& c) { c.keep = 1; }, {"keep is 1"});
  with([](VectorCommand& c) { c.a = 16380; }, {"a is 16380", "scratchpad of 16384"});
  with([](VectorCommand& c) { c.dst = 4; }, {"overlaps operand a"});
  with([](VectorCommand& c) { c.reduce = 4; }, {"before any top_k_clear"});
  with([](VectorCommand& c) { c.a = 50; }, {"a 50: reads what nothing has written"});
  with([](VectorCommand& c) { c.dest = 2; }, {"act_group is 0"});
  with([](VectorCommand& c) { c.dest = 2, c.act_group = 1, c.act_tile = 2048; },
       {"act_tile is 2048"});
  with([](VectorCommand& c) { c.rows = 2; }, {"stride_dst is 0"});

  const auto matmul = [](auto change, std::initializer_list<const char*> parts) {
    Bench bench;
    fill_tile(bench);
    MatmulCommand c = value_matrix();
    change(c);
    expect_error([&] { bench.issue(c); }, parts);
  };
  matmul([](MatmulCommand& c) { c.act_columns = 2; },
         {"matmul command 1 (matmul): act_columns is 2"});
  matmul([](MatmulCommand& c) { c.beats = 3; }, {"beats is 3"});
  matmul([](MatmulCommand& c) { c.rows = 3; }, {"rows is 3"});
  matmul([](MatmulCommand& c) { c.planes = 2; }, {"planes is 2"});
  matmul([](MatmulCommand& c) { c.stripes = 3; }, {"block is 2"});
  matmul([](MatmulCommand& c) { c.max_reg = 255, c.act_columns = 1, c.dst = 16383; },
         {"dst is 16383"});
  matmul([](MatmulCommand& c) { c.read_addr = 1 << 20; }, {"read_addr"});

  Bench bench;
  bench.put(0, {122});
  StoreCommand s;
  s.format = 1;
  s.count = s.rows = s.beat_stride = 1;
  expect_error([&] { bench.issue(s); }, {"store command 1", "is 122"});
  for (uint32_t i = 0; i < 8; ++i) bench.machine.write(mmio::cmd::word(i), 0);
  expect_error([&] { bench.machine.write(mmio::kIssue, 1); }, {"opcode 0"});
  bench.machine.write(mmio::kCmd, 1 | 1 << 20);
  bench.machine.write(mmio::cmd::word(3), 1);
  expect_error([&] { bench.machine.write(mmio::kIssue, 1); }, {"word 0", "reserved bits"});
}

TEST(MachineWaits, RefuseWhatIsNeverReached) {
  Bench bench;
  fill_tile(bench);
  VectorCommand c = vec(VectorOp::kCopy, 0, 0, 100, 8);
  c.wait_store = 1;
  expect_error([&] { bench.issue(c, false); }, {"wait_store 1 is never reached", "0 store"});
  Bench far;
  fill_tile(far);
  for (int i = 0; i < 70; ++i) far.issue(vec(VectorOp::kCopy, 0, 0, 100, 8));
  expect_error([&] { far.issue(vec(VectorOp::kCopy, 0, 0, 100, 8), false); },
               {"wait_vector 0 lies 71 commands behind"});
}

/// Vector command 1 fills the tile, matmul command 1 multiplies it into words 200 and 201.
struct Multiplied : Bench {
  Multiplied() {
    put_memory<uint8_t>(1024, std::vector<uint8_t>(64, 121));
    fill_tile(*this);
    issue(value_matrix());
  }
};

TEST(MachineWaits, ResultsOfTheEngineNeedOne) {
  Multiplied bench;
  VectorCommand c = vec(VectorOp::kCopy, 200, 0, 300, 2);
  c.wait_vector = 1;
  expect_error([&] { bench.issue(c, false); },
               {"vector command 2 (copy): a 200: reads what matmul command 1 writes"});
  Multiplied good;
  c.wait_matmul = 1;
  good.issue(c, false);
}

TEST(MachineWaits, ActivationsNeedOneInBothDirections) {
  Bench bench;
  bench.put_memory<uint8_t>(1024, std::vector<uint8_t>(64, 121));
  fill_tile(bench);
  expect_error([&] { bench.issue(value_matrix(), false); },
               {"matmul command 1 (matmul): activation tile 0: reads what vector command 1"});
  Multiplied other;
  VectorCommand c = vec(VectorOp::kCopy, 0, 0, 0, 8);
  c.dest = number(Dest::kAct);
  c.act_group = 1;
  expect_error([&] { other.issue(c, false); },
               {"activation tile 0: overwrites what matmul command 1 reads"});
}

TEST(MachineWaits, ALoadMayOvertakeResultsButNotTheOtherWayRound) {
  Multiplied bench;
  LoadCommand load;
  load.read_addr = 16;
  load.beats = 1;
  load.count = 2;
  load.dst = 200;
  expect_error([&] { bench.issue(load, false); }, {"dst 200: overwrites what matmul command 1"});
  Multiplied good;
  load.dst = 210;
  good.issue(load, false);
  MatmulCommand again = value_matrix();
  again.dst = 210;
  again.wait_vector = 1;
  good.issue(again, false);
}

TEST(MachineWaits, AreTransitive) {
  Multiplied bench;
  VectorCommand copy = vec(VectorOp::kCopy, 200, 0, 300, 2);
  copy.wait_matmul = 1;
  bench.issue(copy, false);
  // Waits for the copy, which waited for the product.
  LoadCommand load;
  load.read_addr = 16;
  load.beats = 1;
  load.count = 2;
  load.dst = 200;
  load.wait_vector = 2;
  bench.issue(load, false);
}

TEST(MachineWaits, TheStreamReadsMemoryAheadOfAllButStores) {
  const auto stored = [](Bench& bench) {
    bench.put(0, {1, 2});
    StoreCommand s;
    s.addr_low = 1024;
    s.count = 2;
    s.rows = s.beat_stride = 1;
    bench.issue(s);
    VectorCommand after = vec(VectorOp::kCopy, 0, 0, 300, 2);
    after.wait_store = 1;
    bench.issue(after, false);
  };
  LoadCommand load;
  load.read_addr = 16;
  load.beats = 1;
  load.count = 2;
  load.dst = 210;
  load.wait_vector = 1;
  Bench bench;
  stored(bench);
  expect_error([&] { bench.issue(load, false); },
               {"load command 1", "memory 0x400: reads what store command 1 writes"});
  Bench good;
  stored(good);
  load.wait_store = 1;
  good.issue(load, false);
  // And the other way round: a store into what a load reads.
  good.put(10, {3, 4});
  StoreCommand s;
  s.src = 10;
  s.addr_low = 1024;
  s.count = 2;
  s.rows = s.beat_stride = 1;
  expect_error([&] { good.issue(s, false); },
               {"memory 1024: overwrites what load command 1 reads"});
}

TEST(MachineWaits, TheControllerKnowsWhatDoneHasShown) {
  Multiplied bench;
  expect_error([&] { bench.machine.read(mmio::scratch::word(200)); },
               {"controller: scratchpad word 200", "matmul command 1", "Done has shown 0"});
  expect_error([&] { bench.machine.write(mmio::scalars::lo(20), 0); },
               {"controller: scalar register 20: overwrites"});
  expect_error([&] { bench.machine.write(mmio::kScratch, 0); },
               {"scratchpad word 0: overwrites what vector command 1 reads"});
  bench.drain();
  EXPECT_EQ(bench.machine.read(mmio::scratch::word(200)), 0u);
  bench.machine.write(mmio::scalars::lo(20), 0);
  bench.machine.write(mmio::kScratch, 0);
  // Commands that are issued now start after all that was seen done.
  bench.issue(vec(VectorOp::kCopy, 200, 0, 300, 2), false);
}

TEST(MachineWaits, OneUnitsCountSaysNothingOfAnother) {
  // Word 100 is written by the vector unit while the engine works; a controller that waits for the
  // vector unit alone must sometimes find the engine behind.
  int behind = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Bench bench;
    bench.machine = Machine(kNano, {true, seed});
    bench.machine.reserve_memory(4096);
    bench.put_memory<uint8_t>(1024, std::vector<uint8_t>(64, 121));
    fill_tile(bench);
    bench.issue(value_matrix());
    bench.issue(vec(VectorOp::kCopy, 0, 0, 100, 8), false);
    while (mmio::done::kVector.get(bench.machine.read(mmio::kDone)) != 2) {
    }
    try {
      bench.machine.read(mmio::scratch::word(200));
    } catch (const Error&) {
      ++behind;
    }
  }
  EXPECT_GT(behind, 0);
  EXPECT_LT(behind, 20);
}

TEST(MachineWaits, AreNotAskedForWithoutTheCheck) {
  Bench bench(kNano, false);
  bench.put_memory<uint8_t>(1024, std::vector<uint8_t>(64, 121));
  fill_tile(bench);
  bench.issue(value_matrix(), false);
  EXPECT_EQ(bench.machine.read(mmio::scratch::word(200)), 0u);
}

TEST(MachineReset, ForgetsCountsAndMail) {
  Multiplied bench;
  bench.machine.write(mmio::kMailOut, 5);
  bench.machine.set_error(1);
  bench.machine.soft_reset();
  EXPECT_EQ(bench.machine.error(), 0u);
  EXPECT_EQ(bench.machine.mail_words(), 0u);
  EXPECT_EQ(bench.machine.read(mmio::kDone), 0u);
  fill_tile(bench);
}

}  // namespace
}  // namespace tern::sim
