// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"
#include "io/mapped_file.hpp"
#include "io/model_config.hpp"
#include "io/tensor_types.hpp"
#include "io/tokenizer.hpp"

namespace tern {
namespace {

using Bytes = std::vector<std::byte>;

enum class Depth { kEnds, kEverything };

/// Loads everything that can be loaded from `bytes`. Returns whether it was accepted; anything but
/// success or an Error of one line is a failure of the test (or a crash).
bool loads(const Bytes& bytes, Depth depth) {
  try {
    const io::Gguf gguf(bytes, "mutant.gguf");
    for (const io::GgufTensor& tensor : gguf.tensors()) {
      if (depth == Depth::kEverything) {
        io::is_ternary(tensor) ? void(io::decode_ternary(tensor)) : void(io::decode_floats(tensor));
      } else {
        std::vector<float> block(io::tensor_type_info(tensor).block_elements);
        io::decode_floats(tensor, 0, block);
        io::decode_floats(tensor, tensor.elements() - block.size(), block);
      }
    }
    io::read_model_config(gguf);
    const io::Tokenizer tokenizer(gguf);
    tokenizer.decode(tokenizer.encode("the tin hen \xF0\x9F\x98\x80", true));
    return true;
  } catch (const Error& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_LT(message.size(), 600u) << message;
    return false;
  }
}

/// One to four changes inside the first `range` bytes: bits, bytes, extreme numbers, moved or cut
/// stretches.
Bytes mutate(Bytes bytes, std::size_t range, std::mt19937& random) {
  const auto below = [&](std::size_t limit) { return random() % limit; };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    range = std::min(range, bytes.size());
    if (range < 16) return bytes;
    const std::size_t at = below(range - 8);
    switch (below(7)) {
      case 0:
        bytes[at] ^= std::byte(1 << below(8));
        break;
      case 1:
        bytes[at] = std::byte(below(256));
        break;
      case 2: {  // a number at a boundary
        constexpr std::uint64_t kExtreme[] = {0,          1,     0x7fffffff, 0x80000000,
                                              0xffffffff, ~0ull, ~0ull >> 1, 1ull << 63};
        std::uint64_t value = kExtreme[below(8)] + below(3) - 1;
        std::memcpy(&bytes[at], &value, below(2) == 0 ? 4 : 8);
        break;
      }
      case 3: {  // a small number, e.g. another type or length
        const std::uint32_t value = below(64);
        std::memcpy(&bytes[at], &value, 4);
        break;
      }
      case 4: {  // a stretch copied over another
        const std::size_t from = below(range - 8);
        const std::size_t size = std::min({below(64), range - at, range - from});
        std::memmove(&bytes[at], &bytes[from], size);
        break;
      }
      case 5:
        bytes.erase(bytes.begin() + at, bytes.begin() + at + 1 + below(7));
        break;
      case 6:
        bytes.insert(bytes.begin() + at, 1 + below(8), std::byte(below(256)));
        break;
    }
  }
  return bytes;
}

TEST(GgufMutation, SmallFileLoadsUnharmed) {
  EXPECT_TRUE(loads(test::tiny_model(1).build(), Depth::kEverything));
}

TEST(GgufMutation, EveryTruncationIsAnError) {
  const test::GgufBuilder model = test::tiny_model(1);
  const Bytes whole = model.build();
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t limit = i % 4 == 0 ? whole.size() : model.header_size();
    const std::size_t size = random() % limit;
    ASSERT_FALSE(loads(Bytes(whole.begin(), whole.begin() + size), Depth::kEnds))
        << size << " bytes";
  }
}

TEST(GgufMutation, MutatedHeadersLoadOrThrow) {
  const test::GgufBuilder model = test::tiny_model(1);
  const Bytes whole = model.build();
  std::mt19937 random(3);
  int accepted = 0;
  constexpr int kVariants = 6000;
  for (int i = 0; i < kVariants; ++i) {
    accepted += loads(mutate(whole, model.header_size(), random), Depth::kEnds);
  }
  // Both outcomes must occur, or the test would prove nothing.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kVariants / 2);
}

TEST(GgufMutation, MutatedDataLoadsOrThrows) {
  const Bytes whole = test::tiny_model(1).build();
  std::mt19937 random(4);
  for (int i = 0; i < 500; ++i) loads(mutate(whole, whole.size(), random), Depth::kEverything);
}

/// Every tensor type once, so that damage moves tensors from one type to another.
test::GgufBuilder every_type() {
  test::GgufBuilder b;
  b.string("general.architecture", "none");
  std::vector<std::int8_t> trits(1024);
  std::mt19937 random(6);
  for (std::int8_t& trit : trits) trit = random() % 2 == 0 ? 1 : -1;
  const std::uint16_t half = 0x3c00;
  b.tensor("tq1", {512, 2}, 34, test::pack_tq1(trits, half));
  b.tensor("tq2", {512, 2}, 35, test::pack_tq2(trits, half));
  b.tensor("i2s", {64, 16}, 36, test::pack_i2s(trits, 1, 16));
  b.tensor("q1", {512, 2}, 41, test::pack_ternary(41, trits, half));
  const std::string q2 = test::pack_ternary(42, trits, half, 128);
  b.tensor("q2", {512, 4}, 42, q2 + q2);
  b.tensor("pq2", {512, 2}, 142, test::pack_ternary(142, trits, half));
  b.tensor("ptq1", {512, 2}, 143, test::pack_ternary(143, trits, half));
  b.tensor("f32", {16}, 0, std::string(64, '\0'));
  return b;
}

TEST(GgufMutation, MutatedFilesOfEveryTypeDecodeOrThrow) {
  const test::GgufBuilder file = every_type();
  const Bytes whole = file.build();
  const auto decodes = [](const Bytes& bytes) {
    try {
      const io::Gguf gguf(bytes, "mutant.gguf");
      for (const io::GgufTensor& tensor : gguf.tensors()) io::decode_floats(tensor);
      for (const io::GgufTensor& tensor : gguf.tensors()) {
        if (io::is_ternary(tensor)) io::decode_ternary(tensor);
      }
      return true;
    } catch (const Error& e) {
      const std::string message = e.what();
      EXPECT_TRUE(message.starts_with("mutant.gguf: ")) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return false;
    }
  };
  ASSERT_TRUE(decodes(whole));
  std::mt19937 random(7);
  int accepted = 0;
  constexpr int kVariants = 6000;
  for (int i = 0; i < kVariants; ++i) {
    accepted += decodes(mutate(whole, i % 2 == 0 ? file.header_size() : whole.size(), random));
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kVariants * 3 / 4);
}

TEST(GgufMutation, MutatedDemoModelLoadsOrThrows) {
  const io::MappedFile file{std::filesystem::path(TERN_DEMO_MODEL)};
  const Bytes whole(file.bytes().begin(), file.bytes().end());
  ASSERT_TRUE(loads(whole, Depth::kEverything));
  const io::Gguf gguf(whole, "demo");
  std::size_t header = whole.size();  // less all tensors, each padded to 32 bytes
  for (const io::GgufTensor& tensor : gguf.tensors())
    header -= (tensor.bytes.size() + 31) / 32 * 32;
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) loads(mutate(whole, header, random), Depth::kEnds);
}

}  // namespace
}  // namespace tern
