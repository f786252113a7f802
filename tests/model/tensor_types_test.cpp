// SPDX-License-Identifier: Apache-2.0
#include "io/tensor_types.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"

/// Hand-made vectors of the types that the PyPI package gguf does not know, which is the oracle of
/// the others (gguf_oracle.py), and what distinguishes layouts that share a type id.
namespace tern {
namespace {

using io::Gguf;
using io::GgufOptions;
using io::TensorLayout;
using test::GgufBuilder;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

void expect_error(const std::function<void()>& action, std::string_view part) {
  const std::string message = error_of(action);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

io::GgufTensor tensor_of(const std::string& bytes, std::uint32_t type, std::uint64_t cols,
                         std::uint64_t rows, TensorLayout layout = TensorLayout::kStandard) {
  return {"f", "w", {cols, rows, 1, 1}, 2, type, std::as_bytes(std::span(bytes)), layout};
}

std::vector<std::int8_t> random_trits(std::size_t count, bool zeros = true) {
  std::mt19937 random(static_cast<std::uint32_t>(count));
  std::vector<std::int8_t> trits(count);
  for (std::int8_t& trit : trits) {
    trit = static_cast<std::int8_t>(zeros ? static_cast<int>(random() % 3) - 1
                                          : (random() % 2 == 0 ? 1 : -1));
  }
  return trits;
}

void expect_weights(const io::GgufTensor& tensor, std::span<const std::int8_t> trits, float scale) {
  const std::vector<float> floats = io::decode_floats(tensor);
  const io::TernaryMatrix matrix = io::decode_ternary(tensor);
  ASSERT_EQ(floats.size(), trits.size());
  EXPECT_EQ(matrix.scale, std::abs(scale));
  for (std::size_t i = 0; i < trits.size(); ++i) {
    ASSERT_EQ(floats[i], scale * static_cast<float>(trits[i])) << i;
    ASSERT_EQ(matrix.trits[i], scale < 0 ? -trits[i] : trits[i]) << i;
  }
  // Any block alone decodes as it does in the whole.
  const std::uint32_t step = io::tensor_type_info(tensor).block_elements;
  std::vector<float> last(step);
  io::decode_floats(tensor, trits.size() - step, last);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), floats.end() - step));
}

TEST(TernaryTypes, TwoBitVectorsByHand) {
  // d = 0.5; byte 0b11'10'01'00 holds -1, 0, +1, +2 times d, the lowest bits first.
  std::string q2("\x00\x38", 2);
  q2 += '\xe4';
  q2 += std::string(15, '\x55');
  const auto floats = io::decode_floats(tensor_of(q2, 42, 64, 1));
  EXPECT_EQ(std::vector<float>(floats.begin(), floats.begin() + 5),
            (std::vector<float>{-0.5f, 0, 0.5f, 1, 0}));
  expect_error([&] { io::decode_ternary(tensor_of(q2, 42, 64, 1)); },
               "the code at row 0 column 3 is 3, which is not a trit");
}

TEST(TernaryTypes, OneBitVectorByHand) {
  std::string q1("\x00\xb8", 2);  // -0.5
  q1 += '\x05';                   // elements 0 and 2 are +d
  q1 += std::string(15, '\xff');
  const auto floats = io::decode_floats(tensor_of(q1, 41, 128, 1));
  EXPECT_EQ(std::vector<float>(floats.begin(), floats.begin() + 9),
            (std::vector<float>{-0.5f, 0.5f, -0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, -0.5f}));
}

TEST(TernaryTypes, BaseThreeVectorByHand) {
  // Byte m of the first 16 holds elements m, m + 16, ..., m + 64: digits 2 1 0 1 2 of base 3 make
  // 194, stored as ceil(194 * 256 / 243) = 205; all others 121, stored as 128.
  std::string ptq(26, '\x80');
  ptq[3] = '\xcd';
  ptq += std::string("\x00\x3c", 2);
  std::vector<std::int8_t> expected(128, 0);
  expected[3] = 1;
  expected[19] = 0;
  expected[35] = -1;
  expected[51] = 0;
  expected[67] = 1;
  expect_weights(tensor_of(ptq, 143, 128, 1), expected, 1);
}

TEST(TernaryTypes, I2sVectorsByHand) {
  // Byte p holds elements p, p + stride, p + 2 stride, p + 3 stride, the highest bits first.
  std::string i2s(32, '\x55');
  i2s[1] = '\x26';  // codes 0, 2, 1, 2
  i2s += std::string("\x00\x00\x00\x3f", 4) + std::string(28, '\0');
  std::vector<std::int8_t> x86(128, 0), arm(128, 0);
  x86[1] = arm[1] = -1;
  x86[33] = arm[17] = 1;
  x86[97] = arm[49] = 1;
  expect_weights(tensor_of(i2s, 36, 128, 1, TensorLayout::kX86), x86, 0.5f);
  expect_weights(tensor_of(i2s, 36, 128, 1, TensorLayout::kArm), arm, 0.5f);
}

TEST(TernaryTypes, EveryTypeReadsBackWhatWasPacked) {
  const auto trits = random_trits(3 * 256), signs = random_trits(3 * 256, false);
  const std::uint16_t half = 0xb400;  // -0.25
  for (const std::uint32_t type : {42u, 142u, 143u}) {
    expect_weights(tensor_of(test::pack_ternary(type, trits, half), type, 256, 3,
                             type == 42 ? TensorLayout::kBlocksOf128 : TensorLayout::kStandard),
                   trits, -0.25f);
  }
  expect_weights(tensor_of(test::pack_ternary(42, trits, half, 64), 42, 256, 3), trits, -0.25f);
  expect_weights(tensor_of(test::pack_ternary(41, signs, half), 41, 256, 3), signs, -0.25f);
  for (const auto& [stride, layout] :
       {std::pair(32, TensorLayout::kX86), std::pair(16, TensorLayout::kArm)}) {
    expect_weights(tensor_of(test::pack_i2s(trits, 0.75f, stride), 36, 256, 3, layout), trits,
                   0.75f);
  }
}

TEST(TernaryTypes, OneScaleOrSeveral) {
  const auto trits = random_trits(256);
  const std::vector<std::int8_t> zeros(256, 0);
  const std::string one = test::pack_ternary(142, trits, 0x3c00);
  const std::string negative = test::pack_ternary(142, trits, 0xbc00);
  const std::string half = test::pack_ternary(142, trits, 0x3800);
  const std::string nothing = test::pack_ternary(142, zeros, 0x3800);
  const auto of = [](const std::string& bytes) {
    return io::has_one_scale(tensor_of(bytes, 142, 256, bytes.size() / 68));
  };
  EXPECT_TRUE(of(one));
  EXPECT_TRUE(of(one + negative));
  EXPECT_TRUE(of(one + nothing));
  EXPECT_FALSE(of(one + half));
  EXPECT_FALSE(io::has_one_scale(tensor_of(std::string(8, '\0'), 0, 2, 1)));
}

TEST(TernaryTypes, ScalesThatAreNotFiniteAreRefused) {
  std::string i2s = test::pack_i2s(random_trits(128), 1, 32);
  i2s[34] = '\x80';
  i2s[35] = '\x7f';  // infinity
  const auto tensor = tensor_of(i2s, 36, 128, 1, TensorLayout::kX86);
  expect_error([&] { io::decode_ternary(tensor); }, "the scale at row 0 column 0 is not finite");
  expect_error([&] { io::decode_floats(tensor); }, "is not finite at row 0 column 0");
}

// --- Which layout a file has ---

GgufBuilder q2_file(std::size_t block, std::size_t cols, bool more = true) {
  GgufBuilder b;
  const std::vector<std::int8_t> trits = random_trits(cols * 4);
  b.tensor("a", {cols, 4}, 42, test::pack_ternary(42, trits, 0x3c00, block));
  if (more) b.tensor("b", {cols, 4}, 42, test::pack_ternary(42, trits, 0x3c00, block));
  return b;
}

TEST(Q2Layout, IsToldByTheSizeOfTheTensors) {
  const std::vector<std::int8_t> trits = random_trits(1024 * 4);
  for (const bool more : {false, true}) {
    for (const std::size_t block : {64u, 128u}) {
      const Gguf g(q2_file(block, 1024, more).build(), "f");
      const io::GgufTensor& tensor = g.tensor(more ? "b" : "a");
      EXPECT_EQ(tensor.layout == TensorLayout::kBlocksOf128, block == 128);
      EXPECT_EQ(tensor.bytes.size(), 4096 / block * (2 + block / 4));
      expect_weights(tensor, trits, 1);
    }
  }
}

TEST(Q2Layout, BlocksOf64WhereBothFit) {
  // 34 and 36 bytes both take 64 when aligned.
  GgufBuilder b;
  b.tensor("a", {128}, 42, test::pack_ternary(42, random_trits(128), 0x3c00, 64));
  b.tensor("b", {1}, 0, std::string(4, '\0'));
  const Gguf small(b.build(), "f");
  EXPECT_EQ(small.tensor("a").layout, TensorLayout::kStandard);
  // A larger tensor of the same file tells the small one's.
  b = GgufBuilder();
  b.tensor("a", {128}, 42, test::pack_ternary(42, random_trits(128), 0x3c00, 128));
  b.tensor("b", {1024}, 42, test::pack_ternary(42, random_trits(1024), 0x3c00, 128));
  const Gguf both(b.build(), "f");
  EXPECT_EQ(both.tensor("a").layout, TensorLayout::kBlocksOf128);
}

TEST(Q2Layout, NeitherSizeIsAnError) {
  GgufBuilder b;
  const std::string data = test::pack_ternary(42, random_trits(4096), 0x3c00, 64);
  b.tensor("a", {1024, 4}, 42, data.substr(0, 1000)).tensor("b", {1}, 0, std::string(4, '\0'));
  expect_error([&] { Gguf(b.build(), "f"); },
               "tensor \"a\" (Q2_0, [1024, 4]) takes 1024 bytes, which fits neither");
}

GgufBuilder i2s_file(std::size_t cols, std::size_t stride) {
  GgufBuilder b;
  b.tensor("a", {256, 2}, 36, test::pack_i2s(random_trits(512), 0.5f, stride));
  b.tensor("b", {cols, 2}, 36, test::pack_i2s(random_trits(cols * 2), 0.5f, stride));
  return b;
}

TEST(I2sOrder, MustBeToldWhereTheFileDoesNot) {
  const Gguf untold(i2s_file(128, 32).build(), "f");
  EXPECT_EQ(untold.tensor("a").bytes.size(), 512 / 4 + 32);
  expect_error([&] { io::decode_ternary(untold.tensor("a")); }, "give --i2s-order x86");
  expect_error([&] { io::decode_floats(untold.tensor("a")); }, "give --i2s-order x86");
  for (const char* word : {"x86", "arm"}) {
    const Gguf told(i2s_file(128, word[0] == 'x' ? 32 : 16).build(), "f",
                    {io::i2s_order_named(word)});
    expect_weights(told.tensor("a"), random_trits(512), 0.5f);
    expect_weights(told.tensor("b"), random_trits(256), 0.5f);
  }
  EXPECT_THROW(io::i2s_order_named("mips"), Error);
}

TEST(I2sOrder, RowsOfAnOddNumberOf64sAreArm) {
  const Gguf g(i2s_file(192, 16).build(), "f");
  expect_weights(g.tensor("a"), random_trits(512), 0.5f);
  expect_weights(g.tensor("b"), random_trits(384), 0.5f);
  expect_error([&] { Gguf(i2s_file(192, 16).build(), "f", {TensorLayout::kX86}); },
               "rows of 192 elements have no x86 order");
  expect_error([&] { Gguf(i2s_file(96, 16).build(), "f"); }, "multiple of 64 elements");
}

}  // namespace
}  // namespace tern
