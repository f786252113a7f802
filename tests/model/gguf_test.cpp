// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "errors_of.hpp"
#include "gguf_builder.hpp"
#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "io/mapped_file.hpp"
#include "io/tensor_types.hpp"

namespace tern {
namespace {

using io::Gguf;
using test::fails_with;
using test::GgufBuilder;

Gguf open(const GgufBuilder& builder) { return Gguf(builder.build(), "test.gguf"); }

class FileTest : public testing::Test {
 protected:
  const std::filesystem::path directory_ = testing::TempDir();
};

TEST_F(FileTest, MissingEmptyAndDirectoryAreNamedAsSuch) {
  std::ofstream(directory_ / "empty");
  EXPECT_TRUE(
      fails_with([&] { io::MappedFile(directory_ / "absent"); }, {"absent", "no such file"}));
  EXPECT_TRUE(
      fails_with([&] { io::MappedFile(directory_ / "empty"); }, {"empty", "the file is empty"}));
  EXPECT_TRUE(fails_with([&] { io::MappedFile file(directory_); }, {"is a directory"}));
}

TEST_F(FileTest, AtomicFileAppearsOnlyAtCommit) {
  const auto path = directory_ / "out";
  const std::string text = "hello", patch = "J";
  {
    io::AtomicFile file(path);
    file.write(std::as_bytes(std::span(text)));
    file.write_at(0, std::as_bytes(std::span(patch)));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_THROW(file.write_at(5, std::as_bytes(std::span(patch))), Error);
    file.commit();
  }
  std::string found;
  std::ifstream(path) >> found;
  EXPECT_EQ(found, "Jello");
  {
    io::AtomicFile file(path);
    file.write(std::as_bytes(std::span(patch)));
  }
  EXPECT_EQ(std::filesystem::file_size(path), 5u) << "an abandoned write must not touch the target";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1)
      << "temporary left behind";
}

TEST_F(FileTest, AtomicFileRefusesWhatIsNotAFile) {
  EXPECT_TRUE(fails_with([&] { io::AtomicFile file(directory_); }, {"not a regular file"}));
  EXPECT_TRUE(
      fails_with([&] { io::AtomicFile file(directory_ / "none" / "x"); }, {"cannot write"}));
  EXPECT_THROW(io::AtomicFile file("/dev/null"), Error);
}

TEST(GgufMetadata, ReadsEveryKindAndConvertsWhatFits) {
  GgufBuilder b;
  b.u32("u", 7)
      .i32("i", -3)
      .u64("big", 1ull << 40)
      .f32("f", 0.5f)
      .boolean("yes", 1)
      .string("s", "text");
  const std::vector<std::string> strings = {"a", "", "ccc"};
  const std::vector<float> floats = {1.5f, -2};
  const std::vector<std::int32_t> ints = {4, -5};
  b.strings("ss", strings).floats("fs", floats).ints("is", ints);
  for (const std::uint32_t version : {2u, 3u}) {
    b.version = version;
    const Gguf g = open(b);
    EXPECT_EQ(g.version(), version);
    EXPECT_EQ(g.get<std::uint32_t>("u"), 7u);
    EXPECT_EQ(g.get<std::int64_t>("u"), 7);
    EXPECT_EQ(g.get<std::int32_t>("i"), -3);
    EXPECT_EQ(g.get<std::uint64_t>("big"), 1ull << 40);
    EXPECT_EQ(g.get<double>("f"), 0.5);
    EXPECT_TRUE(g.get<bool>("yes"));
    EXPECT_EQ(g.get<std::string>("s"), "text");
    EXPECT_EQ(g.get_array<std::string_view>("ss"),
              std::vector<std::string_view>(strings.begin(), strings.end()));
    EXPECT_EQ(g.get_array<float>("fs"), floats);
    EXPECT_EQ(g.get_array<std::int32_t>("is"), ints);
    EXPECT_EQ(g.get_or<std::uint32_t>("absent", 9), 9u);
    EXPECT_EQ(g.keys().size(), 9u);
  }
}

TEST(GgufMetadata, NamesFileAndKeyOfAWrongValue) {
  GgufBuilder b;
  b.i32("negative", -1).u64("big", 1ull << 40).string("s", "x").boolean("odd", 7).f32("nan", NAN);
  b.ints("is", std::vector<std::int32_t>{1});
  const Gguf g = open(b);
  EXPECT_TRUE(fails_with([&] { g.get<int>("absent"); }, {"test.gguf", "\"absent\" is missing"}));
  EXPECT_TRUE(
      fails_with([&] { g.get<std::uint32_t>("negative"); }, {"\"negative\"", "out of range"}));
  EXPECT_TRUE(fails_with([&] { g.get<std::int32_t>("big"); }, {"\"big\"", "out of range"}));
  EXPECT_TRUE(fails_with([&] { g.get<bool>("odd"); }, {"\"odd\"", "out of range"}));
  EXPECT_TRUE(fails_with([&] { g.get<float>("nan"); }, {"\"nan\"", "out of range"}));
  EXPECT_TRUE(fails_with([&] { g.get<float>("s"); }, {"\"s\" is STRING", "floating-point"}));
  EXPECT_TRUE(fails_with([&] { g.get<int>("is"); }, {"\"is\" is an array of INT32"}));
  EXPECT_TRUE(fails_with([&] { g.get_array<float>("is"); }, {"an array of FLOAT32 is expected"}));
  EXPECT_TRUE(fails_with([&] { g.tensor("w"); }, {"tensor \"w\" is missing"}));
}

TEST(GgufHeader, SaysWhatItFoundInstead) {
  const auto open_bytes = [](std::string text) {
    const auto bytes = std::as_bytes(std::span(text));
    Gguf({bytes.begin(), bytes.end()}, "test.gguf");
  };
  EXPECT_TRUE(fails_with([&] { open_bytes("PK\x03\x04 a zip file, not a model"); },
                         {"not a GGUF file", "PK"}));
  EXPECT_TRUE(fails_with([&] { open_bytes("GG"); }, {"ends inside the magic number"}));
  EXPECT_TRUE(fails_with([&] { open_bytes(std::string("\x02\0\0\0\0\0\0\0{}", 10)); },
                         {"is a safetensors file; give the folder"}));
  EXPECT_TRUE(fails_with([&] { open_bytes(std::string("\x03\0\0\0\0\0\0\0{}", 10)); },
                         {"not a GGUF file"}));
  EXPECT_TRUE(fails_with(
      [&] { open_bytes(std::string("GGUF\0\0\0\3", 8) + std::string(16, '\0')); }, {"big-endian"}));
  GgufBuilder b;
  b.version = 1;
  EXPECT_TRUE(fails_with([&] { open(b); }, {"version 1 is not supported, only 2 and 3"}));
}

TEST(GgufHeader, RefusesCountsThatCannotFit) {
  for (const std::size_t field : {8u, 16u}) {
    std::vector<std::byte> bytes = GgufBuilder().u32("k", 1).build();
    for (std::size_t i = 0; i < 8; ++i) bytes[field + i] = std::byte{0xff};
    EXPECT_TRUE(fails_with([&] { Gguf(bytes, "f"); }, {"cannot fit in a file of"}));
  }
}

TEST(GgufHeader, RefusesArraysThatLie) {
  const std::string huge("\x04\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f", 12);
  EXPECT_TRUE(fails_with([&] { open(GgufBuilder().raw("k", 9, huge)); },
                         {"\"k\" claims 9223372036854775807 elements"}));
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += std::string("\x09\0\0\0\1\0\0\0\0\0\0\0", 12);
  EXPECT_TRUE(
      fails_with([&] { open(GgufBuilder().raw("k", 9, nested)); }, {"nests arrays deeper than"}));
  EXPECT_TRUE(fails_with([&] { open(GgufBuilder().raw("k", 77, "x")); }, {"unknown type 77"}));
  EXPECT_TRUE(
      fails_with([&] { open(GgufBuilder().u32("k", 1).u32("k", 1)); }, {"\"k\" occurs twice"}));
}

TEST(GgufTensors, AreFoundWithShapeTypeAndBytes) {
  GgufBuilder b;
  b.alignment = 64;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  b.tensor("a", {1}, 0, test::bytes_of<float>(std::span(values).first(1)));
  b.tensor("b", {3, 2}, 0, test::bytes_of<float>(values));
  const Gguf g = open(b);
  const io::GgufTensor& t = g.tensor("b");
  EXPECT_EQ(t.cols(), 3u);
  EXPECT_EQ(t.rows(), 2u);
  EXPECT_EQ(t.dimensions().size(), 2u);
  EXPECT_EQ(decode_floats(t), values);
  EXPECT_EQ(g.find_tensor("c"), nullptr);
}

TEST(GgufTensors, RefusesBadEntries) {
  const std::string data(64, '\0');
  const auto entry = [&](std::vector<std::uint64_t> shape, std::uint32_t type,
                         std::uint64_t offset) {
    return [=] {
      open(GgufBuilder().tensor("first", {16}, 0, data).tensor_entry("w", shape, type, offset));
    };
  };
  EXPECT_TRUE(fails_with(entry({}, 0, 0), {"\"w\" has 0 dimensions"}));
  EXPECT_TRUE(fails_with(entry({1, 1, 1, 1, 1}, 0, 0), {"\"w\" has 5 dimensions"}));
  EXPECT_TRUE(fails_with(entry({4, 0}, 0, 0), {"dimension 1 is 0"}));
  EXPECT_TRUE(fails_with(entry({1ull << 33, 1ull << 33}, 0, 0), {"\"w\"", "impossible"}));
  EXPECT_TRUE(fails_with(entry({32}, 0, 0), {"occupies 128 bytes at offset 0 of 64"}));
  EXPECT_TRUE(fails_with(entry({4}, 0, ~0ull - 31), {"\"w\"", "truncated or corrupt"}));
  EXPECT_TRUE(fails_with(entry({4}, 0, 8), {"not a multiple of 32"}));
  EXPECT_TRUE(fails_with(entry({4}, 0, 32), {"\"first\" and \"w\" overlap"}));
  EXPECT_TRUE(fails_with(entry({255}, 34, 0), {"TQ1_0, whose rows must be a multiple of 256"}));
  EXPECT_TRUE(
      fails_with([&] { open(GgufBuilder().tensor("w", {16}, 0, data).tensor("w", {16}, 0, data)); },
                 {"\"w\" occurs twice"}));
  EXPECT_TRUE(fails_with([&] { open(GgufBuilder().u32("general.alignment", 24)); },
                         {"24, a power of two"}));
}

TEST(GgufTensors, OfUnknownTypesAreInTheTableAndRefusedWhenRead) {
  for (const auto& [type, name] :
       {std::pair(19u, "IQ1_S"), std::pair(38u, "TL1"), std::pair(999u, "unknown type 999")}) {
    GgufBuilder b;
    b.tensor("w", {256}, type, std::string(50, 'x')).tensor("v", {4}, 0, std::string(16, '\0'));
    const Gguf g = open(b);
    const io::GgufTensor& t = g.tensor("w");
    EXPECT_EQ(t.bytes.size(), 64u) << "up to the next tensor";
    EXPECT_FALSE(io::is_ternary(t));
    EXPECT_TRUE(fails_with([&] { decode_floats(t); }, {"test.gguf: tensor \"w\" is stored as", name,
                                                       "supported: F32, F16, BF16, Q8_0, Q4_0"}));
    EXPECT_THROW(decode_ternary(t), Error);
    EXPECT_THROW(io::has_one_scale(t), Error);
    EXPECT_EQ(decode_floats(g.tensor("v")).size(), 4u);
  }
  EXPECT_TRUE(fails_with([&] { open(GgufBuilder().tensor_entry("w", {256}, 999, 32)); },
                         {"truncated or corrupt"}));
}

io::GgufTensor tensor_of(const std::string& bytes, std::uint32_t type, std::uint64_t cols,
                         std::uint64_t rows = 1) {
  return {"f", "w", {cols, rows, 1, 1}, 2, type, std::as_bytes(std::span(bytes))};
}

TEST(TensorTypes, HalfPrecisionMatchesItsDefinitionForEveryFinitePattern) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent == 31) continue;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    const auto half = static_cast<std::uint16_t>(bits);
    const std::string bytes = test::bytes_of<std::uint16_t>({&half, 1});
    ASSERT_EQ(decode_floats(tensor_of(bytes, 1, 1))[0], bits & 0x8000 ? -magnitude : magnitude)
        << bits;
  }
}

TEST(TensorTypes, DecodesBf16AndQ8) {
  const std::vector<std::uint16_t> bf16 = {0x3f80, 0xc040};
  EXPECT_EQ(decode_floats(tensor_of(test::bytes_of<std::uint16_t>(bf16), 30, 2)),
            (std::vector<float>{1, -3}));
  std::string q8("\x00\x38", 2);  // 0.5
  for (int i = 0; i < 32; ++i) q8 += static_cast<char>(i - 128);
  const std::vector<float> values = decode_floats(tensor_of(q8, 8, 32));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(values[i], 0.5f * (i - 128));
}

TEST(TensorTypes, RefusesValuesThatAreNotFinite) {
  const std::string inf("\x00\x00\x00\x7c", 4);
  const auto tensor = tensor_of(inf, 1, 1, 2);
  EXPECT_TRUE(fails_with([&] { decode_floats(tensor); },
                         {"f: tensor \"w\" is not finite at row 1 column 0"}));
}

TEST(TensorTypes, TernaryTypesRoundTrip) {
  std::mt19937 random(1);
  std::vector<std::int8_t> trits(4 * 512);
  for (std::int8_t& trit : trits) trit = static_cast<std::int8_t>(random() % 3) - 1;
  for (const std::uint32_t type : {34u, 35u}) {
    const std::string bytes =
        type == 34 ? test::pack_tq1(trits, 0xb800) : test::pack_tq2(trits, 0xb800);
    const auto tensor = tensor_of(bytes, type, 512, 4);
    const std::vector<float> floats = decode_floats(tensor);
    const io::TernaryMatrix matrix = decode_ternary(tensor);
    EXPECT_EQ(matrix.scale, 0.5f);
    EXPECT_EQ(matrix.rows, 4u);
    EXPECT_EQ(matrix.cols, 512u);
    for (std::size_t i = 0; i < trits.size(); ++i) {
      ASSERT_EQ(floats[i], -0.5f * trits[i]);
      ASSERT_EQ(matrix.trits[i], -trits[i]) << "the sign of a negative scale goes into the trits";
    }
  }
}

TEST(TensorTypes, RefusesSeveralScalesButIgnoresThoseOfZeros) {
  const std::vector<std::int8_t> ones(256, 1), zeros(256, 0);
  const std::string a = test::pack_tq1(ones, 0x3800), b = test::pack_tq1(ones, 0x3c00);
  const std::string z = test::pack_tq1(zeros, 0x4000), none = test::pack_tq1(ones, 0);
  const std::string two = a + b, fits = z + a + none + a;
  const auto bad = tensor_of(two, 34, 512);
  EXPECT_TRUE(fails_with([&] { decode_ternary(bad); },
                         {"\"w\"", "several scales per matrix are not supported"}));
  const io::TernaryMatrix matrix = decode_ternary(tensor_of(fits, 34, 512, 2));
  EXPECT_EQ(matrix.scale, 0.5f);
  EXPECT_EQ(matrix.trits[0], 0);
  EXPECT_EQ(matrix.trits[256], 1);
  EXPECT_EQ(matrix.trits[512], 0) << "a scale of zero makes every trit zero";
  const io::TernaryMatrix empty = decode_ternary(tensor_of(z, 34, 256));
  EXPECT_EQ(empty.scale, 0.0f);
}

TEST(TensorTypes, RefusesCodesThatAreNoTrits) {
  std::string bytes = test::pack_tq2(std::vector<std::int8_t>(256, 0), 0x3c00);
  bytes[1] = static_cast<char>(0xff);
  const auto tensor = tensor_of(bytes, 35, 256);
  EXPECT_TRUE(fails_with([&] { decode_ternary(tensor); }, {"row 0 column 1", "not a trit"}));
  EXPECT_TRUE(
      fails_with([&] { decode_ternary(tensor_of(std::string("abcd"), 0, 1)); }, {"stored as F32"}));
}

}  // namespace
}  // namespace tern
