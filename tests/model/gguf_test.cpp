#include "io/gguf.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "gguf_builder.hpp"
#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "io/mapped_file.hpp"
#include "io/model_config.hpp"
#include "io/tensor_types.hpp"

namespace tern {
namespace {

using io::Gguf;
using test::GgufBuilder;

Gguf open(const GgufBuilder& builder) { return Gguf(builder.build(), "test.gguf"); }

/// The message of the Error that `action` throws: one line, which begins with the file's name.
std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  return "no error";
}

testing::AssertionResult fails_with(const std::function<void()>& action,
                                    std::initializer_list<std::string_view> parts) {
  const std::string message = error_of(action);
  for (const std::string_view part : parts) {
    if (message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << part << "\" is not in: " << message;
    }
  }
  return testing::AssertionSuccess();
}

class FileTest : public testing::Test {
 protected:
  FileTest() {
    directory_ =
        std::filesystem::path(testing::TempDir()) /
        (std::string("tern_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~FileTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
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
  EXPECT_TRUE(
      fails_with(entry({256}, 12, 0), {"\"w\" is stored as Q4_K",
                                       "supported: F32, F16, BF16, Q8_0, TQ1_0, TQ2_0, I2_S, Q1_0, "
                                       "Q2_0, PQ2_0, PTQ1_0"}));
  EXPECT_TRUE(fails_with(entry({256}, 38, 0), {"TL1"}));
  EXPECT_TRUE(fails_with(entry({256}, 999, 0), {"unknown type 999"}));
  EXPECT_TRUE(fails_with(entry({255}, 34, 0), {"TQ1_0, whose rows must be a multiple of 256"}));
  EXPECT_TRUE(
      fails_with([&] { open(GgufBuilder().tensor("w", {16}, 0, data).tensor("w", {16}, 0, data)); },
                 {"\"w\" occurs twice"}));
  EXPECT_TRUE(fails_with([&] { open(GgufBuilder().u32("general.alignment", 24)); },
                         {"24, a power of two"}));
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

TEST(ModelConfig, ReadsTheTinyModel) {
  const io::ModelConfig c = io::read_model_config(open(test::tiny_model(1, 2)));
  EXPECT_EQ(c.arch, "bitnet-b1.58");
  EXPECT_EQ(c.hidden, 256);
  EXPECT_EQ(c.layers, 2);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.queries(), 256);
  EXPECT_EQ(c.keys(), 128);
  EXPECT_EQ(c.vocab, static_cast<int>(test::tiny_vocabulary().pieces.size()));
  EXPECT_EQ(c.eos, 2);
  EXPECT_TRUE(c.tied);
}

TEST(ModelConfig, HadamardRotationsAreRefused) {
  GgufBuilder b = test::tiny_model(1);
  b.u32("prism.hadamard.block_size", 128);
  const Gguf g = open(b);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(g); },
                         {"\"prism.hadamard.block_size\"", "not supported"}));
}

TEST(ModelConfig, FactorsOfLinearLayersAreScalars) {
  GgufBuilder b = test::tiny_model(1);
  b.tensor("blk.0.attn_q.scale", {2}, 0, std::string(8, '\0'));
  const Gguf g = open(b);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(g); },
                         {"\"blk.0.attn_q.scale\" has shape [2], the configuration asks for [1]"}));
}

TEST(ModelConfig, ReadsTheDemoModel) {
  const io::ModelConfig c = io::read_model_config(Gguf(std::filesystem::path(TERN_DEMO_MODEL)));
  EXPECT_EQ(c.hidden, 256);
  EXPECT_EQ(c.layers, 5);
  EXPECT_EQ(c.heads, 4);
  EXPECT_EQ(c.kv_heads, 2);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.ffn, 512);
  EXPECT_EQ(c.vocab, 1024);
  EXPECT_EQ(c.context, 512);
  EXPECT_EQ(c.bos, 1);
  EXPECT_EQ(c.eos, 2);
}

TEST(ModelConfig, NamesWhatDoesNotFit) {
  GgufBuilder other;
  other.string("general.architecture", "gpt2");
  const Gguf unknown = open(other);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(unknown); },
                         {"\"gpt2\" is not supported", "bitnet-b1.58, bitnet-25"}));

  GgufBuilder more = test::tiny_model(1);
  more.tensor("blk.0.attn_q.bias", {256}, 0, std::string(1024, '\0'));
  const Gguf biased = open(more);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(biased); },
                         {"\"blk.0.attn_q.bias\" does not belong"}));

  // One metadata value at a time: the key, the new value, and what the message must say.
  const struct {
    std::string key;
    std::uint32_t value;
    std::string_view message;
  } cases[] = {
      {"block_count", 0, "\"bitnet-b1.58.block_count\" is 0"},
      {"block_count", 2, "tensor \"blk.1.attn_norm.weight\" is missing"},
      {"attention.head_count", 3, "3 heads are not a multiple of 2"},
      {"attention.head_count", 6, "6 heads of 42 do not make up the hidden size 256"},
      {"attention.head_count_kv", 4,
       "\"blk.0.attn_k.weight\" has shape [256, 128], the configuration asks for [256, 256]"},
      {"embedding_length", 512,
       "\"token_embd.weight\" has shape [256, 273], the configuration asks for [512, 273]"},
      {"feed_forward_length", 1u << 31, "is 2147483648, 1 to 131072 is expected"},
  };
  for (const auto& c : cases) {
    std::vector<std::byte> bytes = test::tiny_model(1).build();
    const std::string key = "bitnet-b1.58." + c.key;
    const auto key_bytes = std::as_bytes(std::span(key));
    // The key with its length in front, so that a longer key does not match.
    auto found = std::search(bytes.begin(), bytes.end(), key_bytes.begin(), key_bytes.end());
    while (static_cast<std::size_t>(found[-8]) != key.size()) {
      found = std::search(found + 1, bytes.end(), key_bytes.begin(), key_bytes.end());
    }
    std::memcpy(&found[key.size() + 4], &c.value, 4);
    const Gguf g(bytes, "test.gguf");
    EXPECT_TRUE(fails_with([&] { io::read_model_config(g); }, {"test.gguf", c.message}));
  }
}

}  // namespace
}  // namespace tern
