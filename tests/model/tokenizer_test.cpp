// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer.hpp"

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <random>
#include <set>

#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"

namespace tern {
namespace {

using io::StreamDecoder;
using io::Tokenizer;
using io::TokenType;
using io::Vocabulary;

// --- A SentencePiece ModelProto of any vocabulary, in protocol-buffer wire format ---

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
  return out + static_cast<char>(value);
}
std::string field(int number, std::uint64_t value) { return varint(number * 8) + varint(value); }
std::string field(int number, const std::string& bytes) {
  return varint(number * 8 + 2) + varint(bytes.size()) + bytes;
}
std::string field(int number, float value) {
  return varint(number * 8 + 5) + test::bytes_of<float>({&value, 1});
}

std::string model_proto(const Vocabulary& v, bool byte_fallback) {
  std::string out;
  for (std::size_t i = 0; i < v.pieces.size(); ++i) {
    out += field(1, field(1, v.pieces[i]) + field(2, v.scores[i]) +
                        field(3, static_cast<std::uint64_t>(v.types[i])));
  }
  constexpr std::uint64_t kBpe = 2;
  out += field(2, field(3, kBpe) + field(35, std::uint64_t{byte_fallback}));
  out += field(3, field(1, std::string("identity")) +
                      field(3, std::uint64_t{v.space_prefix != io::SpacePrefix::kNone}) +
                      field(4, std::uint64_t{0}) + field(5, std::uint64_t{1}));
  return out;
}

/// The oracle and ours, of one vocabulary.
struct Pair {
  explicit Pair(const Vocabulary& v, bool byte_fallback = true) : ours(v) {
    const auto status = oracle.LoadFromSerializedProto(model_proto(v, byte_fallback));
    EXPECT_TRUE(status.ok()) << status.ToString();
  }
  testing::AssertionResult agree(const std::string& text) const {
    const std::vector<int> expected = oracle.EncodeAsIds(text);
    const std::vector<int> ids = ours.encode(text, false);
    if (ids != expected) {
      return testing::AssertionFailure()
             << "ids of " << testing::PrintToString(text) << ": " << testing::PrintToString(ids)
             << ", SentencePiece says " << testing::PrintToString(expected);
    }
    if (ours.decode(ids) != oracle.DecodeIds(expected)) {
      return testing::AssertionFailure()
             << "text of " << testing::PrintToString(ids) << ": "
             << testing::PrintToString(ours.decode(ids)) << ", SentencePiece says "
             << testing::PrintToString(oracle.DecodeIds(expected));
    }
    return testing::AssertionSuccess();
  }
  Tokenizer ours;
  sentencepiece::SentencePieceProcessor oracle;
};

const Vocabulary& demo_vocabulary() {
  static const Tokenizer tokenizer(io::Gguf(std::filesystem::path(TERN_DEMO_MODEL)));
  return tokenizer.vocabulary();
}

/// A line of words, spaces, digits, punctuation and characters of several scripts.
std::string random_line(std::mt19937& random, const Vocabulary& v) {
  static const std::vector<std::string> kFragments = {" ",      "  ",
                                                      "   ",    "\n",
                                                      "\t",     "Once upon a time",
                                                      "the",    "Tim's",
                                                      "don't",  "12345",
                                                      "3.14",   "!?",
                                                      "...",    "\"",
                                                      "Ärger",  "naïve",
                                                      "Привет", "мир",
                                                      "日本語", "中文字",
                                                      "한국어", "مرحبا",
                                                      "שלום",   "ไทย",
                                                      "é",      "e\u0301",
                                                      "😀",      "👩‍👩‍👧",
                                                      "🇩🇪",     "\u00a0",
                                                      "\u200b", "<s>",
                                                      "</s>",   "<0x41>",
                                                      "<unk>",  "aaaaaaaa",
                                                      "x",      "Q"};
  std::string line;
  for (std::size_t i = random() % 12; i > 0; --i) {
    const std::string& piece = v.pieces[random() % v.pieces.size()];
    if (random() % 3 == 0 && piece[0] != '<') {
      line += piece;
    } else {
      line += kFragments[random() % kFragments.size()];
    }
    if (random() % 2 == 0) line += ' ';
  }
  return line;
}

TEST(Tokenizer, AgreesWithSentencePieceOnTheDemoVocabulary) {
  const Pair pair(demo_vocabulary());
  std::mt19937 random(1);
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(pair.agree(random_line(random, demo_vocabulary())));
}

TEST(Tokenizer, AgreesWithSentencePieceOnBytesThatAreNotText) {
  const Pair pair(demo_vocabulary());
  std::mt19937 random(2);
  for (int i = 0; i < 5000; ++i) {
    std::string line;
    for (std::size_t n = random() % 20; n > 0; --n) {
      line += static_cast<char>(random() % 4 == 0 ? 'a' + random() % 26 : random() % 256);
    }
    ASSERT_TRUE(pair.agree(line));
  }
}

/// Pieces that are unions of shorter pieces, with tied scores, unused and user-defined ones among
/// them.
Vocabulary random_vocabulary(std::mt19937& random, bool byte_fallback) {
  Vocabulary v = test::tiny_vocabulary();
  const std::size_t keep = byte_fallback ? 259 : 3;
  v.pieces.resize(keep);
  v.scores.resize(keep);
  v.types.resize(keep);
  std::vector<std::string> formed = {"a", "b", "c", "\u2581", "é", "字", "😀"};
  std::set<std::string> known;
  if (random() % 4 == 0) v.space_prefix = io::SpacePrefix::kNone;
  for (int i = 0; i < 40; ++i) {
    const std::string piece =
        i < 5 ? formed[i] : formed[random() % formed.size()] + formed[random() % formed.size()];
    if (piece.size() > 30 || !known.insert(piece).second) continue;
    formed.push_back(piece);
    const auto dice = random() % 20;
    v.pieces.push_back(piece);
    v.scores.push_back(-static_cast<float>(random() % 12));
    v.types.push_back(i < 5 || dice > 3 ? TokenType::kNormal
                      : dice > 0        ? TokenType::kUnused
                                        : TokenType::kUserDefined);
  }
  return v;
}

TEST(Tokenizer, AgreesWithSentencePieceOnRandomVocabularies) {
  std::mt19937 random(3);
  const std::vector<std::string> letters = {"a", "b", "c", "a", "b", " ", "é", "字", "😀", "z"};
  for (int i = 0; i < 300; ++i) {
    const bool byte_fallback = i % 3 != 0;
    const Pair pair(random_vocabulary(random, byte_fallback), byte_fallback);
    for (int j = 0; j < 30; ++j) {
      std::string line;
      for (std::size_t n = random() % 30; n > 0; --n) line += letters[random() % letters.size()];
      ASSERT_TRUE(pair.agree(line)) << "vocabulary " << i;
    }
  }
}

TEST(Tokenizer, DecodingUndoesEncoding) {
  const Tokenizer tokenizer(demo_vocabulary());
  std::mt19937 random(4);
  for (int i = 0; i < 5000; ++i) {
    std::string line = random_line(random, demo_vocabulary());
    // U+2581 would come back as a space: it is how pieces spell one.
    for (std::size_t at; (at = line.find("\u2581")) != std::string::npos;) line.erase(at, 3);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(line, i % 2 == 0)), line);
  }
}

TEST(Tokenizer, PutsBosFirstOnlyWhenAsked) {
  const Tokenizer tokenizer(demo_vocabulary());
  EXPECT_EQ(tokenizer.encode("", true), std::vector<int>{1});
  EXPECT_EQ(tokenizer.encode("", false), std::vector<int>{});
  EXPECT_EQ(tokenizer.encode("Tim", true)[0], 1);
  EXPECT_EQ(tokenizer.encode("</s>", false).front(), tokenizer.encode("<", false).front())
      << "a control token in the text is text";
}

TEST(Tokenizer, TakesTimeInProportionToTheText) {
  const Tokenizer tokenizer(demo_vocabulary());
  std::string text;
  while (text.size() < 1000000) text += "thethethe";  // one merge cascade, no spaces
  const auto start = std::chrono::steady_clock::now();
  const std::vector<int> ids = tokenizer.encode(text, false);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(tokenizer.decode(ids), text);
  EXPECT_LT(seconds.count(), 20) << "a quadratic merge needs minutes";
}

TEST(StreamDecoder, NeverSplitsACharacter) {
  const Tokenizer tokenizer(demo_vocabulary());
  const std::string text = "Tim 😀 saw 日本 é!";
  StreamDecoder decoder(tokenizer);
  std::string joined;
  for (const int id : tokenizer.encode(text, true)) {
    const std::string part = decoder.push(id);
    // Whole characters begin with a byte that starts one, and re-encode to the same text.
    if (!part.empty()) {
      EXPECT_NE(static_cast<std::uint8_t>(part[0]) & 0xC0, 0x80);
    }
    EXPECT_EQ(part.find("\xEF\xBF\xBD"), std::string::npos);
    joined += part;
  }
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_EQ(joined, text);
}

TEST(StreamDecoder, ReplacesBytesThatFormNoCharacter) {
  const Tokenizer tokenizer(test::tiny_vocabulary());
  const auto byte = [](int value) { return 3 + value; };
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(byte(0xF0)), "");
  EXPECT_EQ(decoder.push(byte(0x9F)), "");
  EXPECT_EQ(decoder.push(byte('A')), "\uFFFD\uFFFDA");
  EXPECT_EQ(decoder.push(byte(0x80)), "\uFFFD");
  EXPECT_EQ(decoder.push(byte(0xE2)), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, TakesTheSpacePrefixOffTheBeginningOnly) {
  const Tokenizer tokenizer(demo_vocabulary());
  const std::vector<int> ids = tokenizer.encode("Tim", false);
  StreamDecoder begins(tokenizer), continues(tokenizer, false);
  EXPECT_EQ(begins.push(ids[0]).substr(0, 1), "T");
  EXPECT_EQ(continues.push(ids[0]).substr(0, 1), " ");
  EXPECT_THROW(begins.push(-1), Error);
  EXPECT_THROW(begins.push(tokenizer.size()), Error);
}

TEST(Tokenizer, RefusesBrokenVocabularies) {
  const auto refused = [](auto change) {
    Vocabulary v = test::tiny_vocabulary();
    change(v);
    EXPECT_THROW(Tokenizer{v}, Error);
  };
  refused([](Vocabulary& v) { v.scores.pop_back(); });
  refused([](Vocabulary& v) { v.pieces.back() = v.pieces[v.pieces.size() - 2]; });
  refused([](Vocabulary& v) { v.pieces.back() = ""; });
  refused([](Vocabulary& v) { v.pieces[3] = "<0xZZ>"; });
  refused([](Vocabulary& v) { v.pieces[3] = "<0x01>"; });
  refused([](Vocabulary& v) { v.types[3] = TokenType::kControl; });
  refused([](Vocabulary& v) { v.types[3] = static_cast<TokenType>(9); });
  refused([](Vocabulary& v) { v.scores[260] = NAN; });
  refused([](Vocabulary& v) { v.bos = 5000; });
  refused([](Vocabulary& v) { v = {}; });
}

TEST(Tokenizer, RefusesOtherTokenizerModels) {
  const io::Gguf gguf(test::GgufBuilder().string("tokenizer.ggml.model", "gpt2").build(), "f");
  EXPECT_THROW(Tokenizer{gguf}, Error);
}

}  // namespace
}  // namespace tern
