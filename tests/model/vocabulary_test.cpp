// SPDX-License-Identifier: Apache-2.0
#include "io/vocabulary.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/tokenizer.hpp"

/// Reading tokenizers from files, and byte-level tokenizers. That ids are right is the business of
/// tokenizer_oracle.py; here is what no oracle says: refusals, damage, streams, time.
namespace tern {
namespace {

using io::StreamDecoder;
using io::Tokenizer;
using io::TokenType;
using io::Vocabulary;
using nlohmann::json;

/// The character that spells a byte: GPT-2's table from its definition.
std::string spelling(int byte) {
  const auto own = [](int b) {
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
  };
  int character = byte;
  if (!own(byte)) {
    character = 256;
    for (int b = 0; b < byte; ++b) character += !own(b);
  }
  if (character < 0x80) return std::string(1, static_cast<char>(character));
  return {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 0x3F))};
}

/// 256 bytes in their order, then "he", "the", " the" and a control and a user-defined token.
Vocabulary byte_level() {
  Vocabulary v;
  v.kind = io::TokenizerKind::kByteLevel;
  v.pre = "llama-bpe";
  for (int byte = 0; byte < 256; ++byte) v.pieces.push_back(spelling(byte));
  const std::string space = spelling(' ');
  for (const std::string& piece : {std::string("he"), std::string("the"), space + "the"})
    v.pieces.push_back(piece);
  v.merges = {"h e", "t he", space + " the"};
  v.types.assign(v.pieces.size(), TokenType::kNormal);
  v.pieces.insert(v.pieces.end(), {"<|end|>", "<think>"});
  v.types.insert(v.types.end(), {TokenType::kControl, TokenType::kUserDefined});
  v.eos = 259;
  v.add_bos = false;
  return v;
}

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

void expect_error(const std::function<void()>& action, std::string_view part) {
  const std::string message = error_of(action);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST(ByteLevel, MergesWithinWordsAndFindsTokens) {
  const Tokenizer t(byte_level());
  EXPECT_EQ(t.encode("the the", true), (std::vector<int>{257, 258}));
  EXPECT_EQ(t.encode("hhe", false), (std::vector<int>{'h', 256}));
  EXPECT_EQ(t.encode("he<think>he", false), (std::vector<int>{256, 260, 256}));
  EXPECT_EQ(t.encode("<|end|>", false).size(), 7u) << "a control token in the text is text";
  EXPECT_EQ(t.encode("a<|end|>", false, io::ControlTokens::kAreFound),
            (std::vector<int>{'a', 259}));
  EXPECT_EQ(t.control_token("<|end|>"), 259);
  EXPECT_EQ(t.control_token("<think>"), -1);
  EXPECT_EQ(t.decode(t.encode("he<think>he", false)), "he<think>he");
}

/// With more tokens behind those of byte_level(): spelling and type.
Vocabulary with_tokens(const std::vector<std::pair<std::string, TokenType>>& more) {
  Vocabulary v = byte_level();
  for (const auto& [piece, type] : more) {
    v.pieces.push_back(piece);
    v.types.push_back(type);
  }
  return v;
}

TEST(EndTokens, AreEosWhatTheFileNamesAndKnownSpellings) {
  using enum TokenType;
  Vocabulary v = with_tokens({{"<|eot_id|>", kControl},    // 261
                              {"<|start|>", kControl},     // 262
                              {"<|im_end|>", kNormal},     // 263
                              {"<end_of_turn>", kUnused},  // 264
                              {"<|return|>", kUserDefined},
                              {"<|file_sep|>", kUserDefined},
                              {"stop", kUserDefined},
                              {"<\xEF\xBD\x9C"
                               "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
                               kControl}});
  v.eos = 'q';
  EXPECT_EQ(Tokenizer(v).ends(), (std::vector<int>{'q', 259, 261, 263, 264, 265, 266, 268}));
  v.ends = {267, 3};
  EXPECT_EQ(Tokenizer(v).ends(),
            (std::vector<int>{3, 'q', 259, 261, 263, 264, 265, 266, 267, 268}));
  v.ends = {269};
  expect_error([&] { Tokenizer t(v); }, "end token 269 is outside of the 269 tokens");
}

TEST(EndTokens, AMessageThatEndsInsideAnAnswerIsNone) {
  using enum TokenType;
  // "<|end|>" is 259, and eos besides.
  EXPECT_EQ(Tokenizer(with_tokens({{"<|return|>", kControl}})).ends(),
            (std::vector<int>{259, 261}));
  EXPECT_EQ(Tokenizer(with_tokens({{"<|return|>", kControl}, {"<|call|>", kControl}})).ends(),
            (std::vector<int>{261, 262}));
  EXPECT_EQ(Tokenizer(with_tokens({{"<|calls|>", kControl}, {"<|flush|>", kControl}})).ends(),
            (std::vector<int>{261, 262}));
  EXPECT_EQ(Tokenizer(with_tokens({{"<|calls|>", kControl}, {"<|return|>", kControl}})).ends(),
            (std::vector<int>{259, 261, 262}));
  EXPECT_EQ(Tokenizer(with_tokens({{"</s>", kControl}, {"<|tool_response>", kControl}})).ends(),
            (std::vector<int>{259, 262}));
}

TEST(EndTokens, AreControlTokensWhateverTheirType) {
  for (const TokenType type :
       {TokenType::kNormal, TokenType::kUserDefined, TokenType::kUnused, TokenType::kControl}) {
    for (const std::string spelling : {"<|im_end|>", "<EOT>", "<|fim_middle|>"}) {
      const Tokenizer t(with_tokens({{spelling, type}}));
      EXPECT_EQ(t.control_token(spelling), 261);
      EXPECT_EQ(t.encode("he" + spelling, false, io::ControlTokens::kAreFound),
                (std::vector<int>{256, 261}));
      EXPECT_EQ(t.encode(spelling, false).size(), spelling.size()) << "in a text it is text";
      EXPECT_EQ(t.decode(std::vector<int>{256, 261}), "he");
      // What is written into an image reads the same.
      const Tokenizer again(t.vocabulary());
      EXPECT_EQ(again.ends(), t.ends());
      EXPECT_EQ(again.control_token(spelling), 261);
    }
    EXPECT_EQ(Tokenizer(with_tokens({{"<tool>", type}})).ends(), std::vector<int>{259});
  }
}

TEST(ByteLevel, NormalisesOnlyWhereTheModelDoes) {
  Vocabulary v = byte_level();
  EXPECT_EQ(Tokenizer(v).encode("e\u0301", false).size(), 3u);
  v.nfc = true;
  const Tokenizer t(v);
  EXPECT_EQ(t.encode("e\u0301", false), (std::vector<int>{0xC3, 0xA9}));
  EXPECT_EQ(t.encode("e\u0301\xff"
                     "e\u0301",
                     false),
            (std::vector<int>{0xC3, 0xA9, 0xFF, 0xC3, 0xA9}))
      << "bytes that are not text stay";
}

TEST(ByteLevel, EveryByteStringHasIdsThatSpellIt) {
  const Tokenizer t(byte_level());
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (std::size_t n = random() % 20; n > 0; --n) text += static_cast<char>(random());
    std::string spelt;
    for (const int id : t.encode(text, false)) {
      spelt += id < 256 ? std::string(1, static_cast<char>(id)) : t.decode(std::vector<int>{id});
    }
    ASSERT_EQ(spelt, text);
  }
}

TEST(ByteLevel, StreamNeverSplitsACharacter) {
  const Tokenizer t(byte_level());
  const std::string text = "the 😀 日本 é!";
  StreamDecoder decoder(t);
  std::string joined;
  for (const int id : t.encode(text, false)) {
    const std::string part = decoder.push(id);
    EXPECT_TRUE(part.empty() || (static_cast<std::uint8_t>(part[0]) & 0xC0) != 0x80);
    EXPECT_EQ(part.find("\uFFFD"), std::string::npos);
    joined += part;
  }
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_EQ(joined, text);
  decoder.push(0xF0);
  EXPECT_EQ(decoder.push('A'), "\uFFFDA");
}

TEST(ByteLevel, TakesTimeInProportionToTheText) {
  const Tokenizer t(byte_level());
  for (const std::string part : {"thethe", " ", "\n ", "7", "é", "!\n"}) {
    std::string text;
    while (text.size() < 400000) text += part;
    const auto start = std::chrono::steady_clock::now();
    const std::vector<int> ids = t.encode(text, false);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_EQ(t.decode(ids), text);
    EXPECT_LT(seconds.count(), 30) << testing::PrintToString(part) << ": quadratic needs minutes";
  }
}

TEST(ByteLevel, RefusesBrokenVocabularies) {
  const auto refused = [](auto change, std::string_view part) {
    Vocabulary v = byte_level();
    change(v);
    expect_error([&] { Tokenizer{v}; }, part);
  };
  refused([](Vocabulary& v) { v.pieces[7] = "zz"; }, "byte 0x07 has no token");
  refused([](Vocabulary& v) { v.pieces[7] = v.pieces[8]; }, "tokens 7 and 8 are both");
  refused([](Vocabulary& v) { v.merges.clear(); }, "has no merges");
  refused([](Vocabulary& v) { v.merges.push_back("hethe"); }, "merge 3 is \"hethe\"");
  refused([](Vocabulary& v) { v.pre = "deepseek-llm"; },
          "pre-tokenizer \"deepseek-llm\" is not supported; supported: llama-bpe");
  refused([](Vocabulary& v) { v.types.pop_back(); }, "261 pieces, 260 types");
  refused([](Vocabulary& v) { v.eos = 261; }, "eos is 261");
}

// --- GGUF ---

test::GgufBuilder gguf_of(const Vocabulary& v) {
  test::GgufBuilder b;
  b.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", v.pre);
  b.strings("tokenizer.ggml.tokens", v.pieces).strings("tokenizer.ggml.merges", v.merges);
  std::vector<std::int32_t> types;
  for (const TokenType type : v.types) types.push_back(static_cast<std::int32_t>(type));
  return b.ints("tokenizer.ggml.token_type", types).u32("tokenizer.ggml.eos_token_id", 259);
}

TEST(GgufVocabulary, ByteLevelFollowsTheNameOfItsPreTokenizer) {
  Vocabulary v = byte_level();
  for (const auto& [pre, llama3, nfc] :
       {std::tuple("llama-bpe", true, false), std::tuple("falcon3", true, false),
        std::tuple("falcon_e", true, false), std::tuple("qwen2", false, true),
        std::tuple("gpt-2", false, false)}) {
    v.pre = pre;
    const Tokenizer t(io::Gguf(gguf_of(v).build(), "f"));
    EXPECT_EQ(t.adds_bos(), llama3) << pre;
    EXPECT_EQ(t.vocabulary().ignore_merges, llama3) << pre;
    EXPECT_EQ(t.vocabulary().nfc, nfc) << pre;
    EXPECT_EQ(t.eos(), 259);
  }
  v.pre = "gpt-4o";
  expect_error([&] { Tokenizer{io::Gguf(gguf_of(v).build(), "f.gguf")}; },
               "f.gguf: pre-tokenizer \"gpt-4o\" is not supported; if it is the same as another, "
               "say with --pre NAME");
  const io::Gguf other(test::GgufBuilder().string("tokenizer.ggml.model", "t5").build(), "f.gguf");
  expect_error([&] { Tokenizer{other}; }, "f.gguf: tokenizer \"t5\" is not supported");
}

TEST(GgufVocabulary, WithoutAPreTokenizerBitNetHasThatOfLlama3) {
  Vocabulary v = byte_level();
  const auto without_pre = [&](std::string_view arch) {
    test::GgufBuilder b;
    b.string("general.architecture", arch).string("tokenizer.ggml.model", "gpt2");
    return b.strings("tokenizer.ggml.tokens", v.pieces).strings("tokenizer.ggml.merges", v.merges);
  };
  const std::string text = "the 12345 hens'LL   run\n\n";
  v.pre = "llama-bpe";
  const std::vector<int> expected =
      Tokenizer(io::Gguf(gguf_of(v).build(), "f")).encode(text, false);
  v.pre = "gpt-2";
  const std::vector<int> gpt2 = Tokenizer(io::Gguf(gguf_of(v).build(), "f")).encode(text, false);
  for (const char* arch : {"bitnet-b1.58", "bitnet-25"}) {
    const io::Gguf g(without_pre(arch).build(), "f");
    EXPECT_EQ(Tokenizer(g).encode(text, false), expected);
    EXPECT_NE(io::implied_pre_note(g).find("\"tokenizer.ggml.pre\" is missing"), std::string::npos);
    const io::Gguf told(without_pre(arch).build(), "f", {.pre = "gpt-2"});
    EXPECT_EQ(Tokenizer(told).encode(text, false), gpt2);
    EXPECT_EQ(io::implied_pre_note(told), "");
  }
  expect_error([&] { Tokenizer{io::Gguf(without_pre("llama").build(), "f.gguf")}; },
               "f.gguf: metadata \"tokenizer.ggml.pre\" is missing; say with --pre NAME how the "
               "model was trained: llama-bpe");
  const io::Gguf told(without_pre("llama").build(), "f", {.pre = "llama-bpe"});
  EXPECT_EQ(Tokenizer(told).encode(text, false), expected);
  v.pre = "default";
  const io::Gguf overruled(gguf_of(v).build(), "f", {.pre = "llama-bpe"});
  EXPECT_EQ(Tokenizer(overruled).encode(text, false), expected);
  expect_error([&] { Tokenizer{io::Gguf(without_pre("llama").build(), "f", {.pre = "none"})}; },
               "pre-tokenizer \"none\" is not supported");
}

TEST(GgufVocabulary, SentencePieceHasTheTokensOfLlamaWhereTheFileNamesNone) {
  const Vocabulary tiny = test::tiny_vocabulary();
  test::GgufBuilder b;
  b.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", tiny.pieces);
  b.floats("tokenizer.ggml.scores", tiny.scores);
  const Vocabulary v = io::read_gguf_vocabulary(io::Gguf(b.build(), "f"));
  EXPECT_EQ(v.bos, 1);
  EXPECT_EQ(v.eos, 2);
}

TEST(GgufVocabulary, ATextThatMustBeginWithBosNeedsOne) {
  const Vocabulary v = byte_level();
  test::GgufBuilder b = gguf_of(v);
  b.boolean("tokenizer.ggml.add_bos_token", 1);
  expect_error([&] { Tokenizer{io::Gguf(b.build(), "f")}; }, "bos_token_id\" is missing");
}

TEST(ByteLevel, MergesMayPassThroughWhatIsNoPiece) {
  // As llama.cpp merges: by rank, piece or not; what stays and is none is spelt by its bytes.
  Vocabulary v = byte_level();
  v.merges = {"x y", "y z", "xy q", "t h", "th e"};
  v.pieces.push_back("yz");
  v.pieces.push_back("xyq");
  v.types.resize(v.pieces.size(), TokenType::kNormal);
  const int yz = 261, xyq = 262;
  const Tokenizer t(v);
  EXPECT_EQ(t.encode("xy", false), (std::vector<int>{'x', 'y'}));
  EXPECT_EQ(t.encode("xyz", false), (std::vector<int>{'x', 'y', 'z'})) << "x y comes before y z";
  EXPECT_EQ(t.encode("yz", false), std::vector<int>{yz});
  EXPECT_EQ(t.encode("xyq", false), std::vector<int>{xyq});
}

// --- tokenizer.json and SentencePiece models ---

class TokenizerFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  Vocabulary read(const json& tokenizer) const {
    return io::read_tokenizer_json(write("tokenizer.json", tokenizer.dump()));
  }

  const std::filesystem::path folder_ = testing::TempDir();
};

json byte_level_json() {
  const Vocabulary v = byte_level();
  json vocabulary = json::object();
  for (int id = 0; id < 259; ++id) vocabulary[v.pieces[id]] = id;
  const json level = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
  return {{"normalizer", nullptr},
          {"pre_tokenizer", level},
          {"decoder", level},
          {"post_processor", nullptr},
          {"added_tokens",
           {{{"id", 259}, {"content", "<|end|>"}, {"special", true}},
            {{"id", 262}, {"content", "<think>"}, {"special", false}}}},
          {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", v.merges}}}};
}

TEST_F(TokenizerFile, JsonIsReadWithItsConfiguration) {
  write("tokenizer_config.json",
        R"({"bos_token": {"content": "<|end|>"}, "eos_token": "<|end|>", "add_bos_token": true})");
  const Tokenizer t(read(byte_level_json()));
  EXPECT_EQ(t.vocabulary().pre, "gpt-2");
  EXPECT_EQ(t.size(), 263);
  EXPECT_EQ(t.bos(), 259);
  EXPECT_TRUE(t.adds_bos());
  EXPECT_EQ(t.encode("the<think>", true), (std::vector<int>{259, 257, 262}));
}

TEST_F(TokenizerFile, ATemplateMayPutATokenInFront) {
  json tokenizer = byte_level_json();
  const json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json token = {{"SpecialToken", {{"id", "<|end|>"}, {"type_id", 0}}}};
  const auto processor = [&](const json& single, int id) {
    return json{{"type", "TemplateProcessing"},
                {"single", single},
                {"pair", json::array()},
                {"special_tokens",
                 {{"<|end|>", {{"id", "<|end|>"}, {"ids", {id}}, {"tokens", {"<|end|>"}}}}}}};
  };
  const auto set = [&](const json& value) { tokenizer["post_processor"] = value; };
  set({{"type", "Sequence"},
       {"processors", {{{"type", "ByteLevel"}}, processor({token, text}, 259)}}});
  EXPECT_TRUE(Tokenizer(read(tokenizer)).adds_bos());
  EXPECT_EQ(Tokenizer(read(tokenizer)).bos(), 259) << "though nothing else names it";
  set(processor(json::array({text}), 259));
  EXPECT_FALSE(Tokenizer(read(tokenizer)).adds_bos());
  for (const json& other :
       {processor({text, token}, 259), processor({token, text, token}, 259),
        processor({token, token, text}, 259), processor({token, text}, 5), processor({}, 259),
        json{{"type", "BertProcessing"}, {"sep", {"a", 1}}, {"cls", {"b", 2}}}}) {
    set(other);
    expect_error([&] { read(tokenizer); }, "post_processor");
  }
  set(nullptr);
  write("tokenizer_config.json", R"({"add_eos_token": true})");
  expect_error([&] { read(tokenizer); }, "add_eos_token is not supported");
}

TEST_F(TokenizerFile, JsonThatWouldGiveOtherIdsIsRefused) {
  const auto refused = [&](const json& patch, std::string_view part) {
    json tokenizer = byte_level_json();
    tokenizer.merge_patch(patch);
    expect_error([&] { read(tokenizer); }, part);
  };
  refused({{"model", {{"type", "Unigram"}}}}, "model type \"\\\"Unigram\\\"\" is not supported");
  refused({{"model", {{"dropout", 0.1}}}}, "model.dropout");
  refused({{"model", {{"end_of_word_suffix", "</w>"}}}}, "model.end_of_word_suffix");
  refused({{"normalizer", {{"type", "Lowercase"}}}}, "normalizer");
  refused({{"pre_tokenizer", {{"add_prefix_space", true}}}}, "pre_tokenizer");
  refused({{"pre_tokenizer", {{"type", "Whitespace"}}}}, "pre_tokenizer");
  const json split = {
      {"type", "Split"}, {"behavior", "Isolated"}, {"pattern", {{"Regex", "\\w+"}}}};
  const json level = {{"type", "ByteLevel"}, {"use_regex", false}};
  refused({{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, level}}}}},
          "expression \"\\\\w+\" is not supported; supported: those of llama-bpe");
  refused({{"added_tokens", {{{"id", 1}, {"content", "x"}, {"special", true}, {"lstrip", true}}}}},
          "an added token with lstrip");
  refused({{"added_tokens", {{{"id", 1ull << 40}, {"content", "x"}, {"special", true}}}}},
          "is too large");
  refused({{"added_tokens", {{{"id", 16777215}, {"content", "x"}, {"special", true}}}}},
          "token id 16777215 is too large for");
  refused({{"added_tokens", {{{"id", 1e300}, {"content", "x"}, {"special", true}}}}},
          "\"1e+300\" is no whole number from 0 to");
  refused({{"added_tokens", {{{"id", -1}, {"content", "x"}, {"special", true}}}}},
          "\"-1\" is no whole number from 0 to");
  refused({{"model", {{"vocab", nullptr}}}}, "is not a tokenizer.json, or is damaged");
  // What cannot be read is not repeated in the message, however long it is.
  const auto path = write("tokenizer.json", "{\"" + std::string(100000, 'x') + "\n");
  try {
    io::read_tokenizer_json(path);
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_LT(std::string_view(e.what()).size(), 400u);
    EXPECT_EQ(std::string_view(e.what()).find('\n'), std::string_view::npos);
  }
}

/// One to three bytes changed, removed or inserted.
std::string mutate(std::string text, std::mt19937& random) {
  for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 3) {
      case 0:
        text[at] = static_cast<char>(random());
        break;
      case 1:
        text.erase(at, 1 + random() % 4);
        break;
      case 2:
        text.insert(at, 1 + random() % 3, static_cast<char>(random()));
        break;
    }
    if (text.empty()) text = "x";
  }
  return text;
}

TEST_F(TokenizerFile, DamagedJsonLoadsOrThrows) {
  const std::string whole = byte_level_json().dump();
  std::mt19937 random(2);
  int accepted = 0;
  for (int i = 0; i < 400; ++i) {
    const auto path = write("tokenizer.json", mutate(whole, random));
    try {
      const Tokenizer t(io::read_tokenizer_json(path));
      t.decode(t.encode("the hen \xF0\x9F\x98\x80<think>", true));
      ++accepted;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 390);
}

/// A SentencePiece model in protocol-buffer wire format, by the fields of its definition.
std::string sentencepiece_model(const Vocabulary& v, std::uint64_t type = 2,
                                const std::string& normaliser = std::string("\x20\0", 2)) {
  const auto varint = [](std::uint64_t value) {
    std::string out;
    for (; value >= 128; value >>= 7) out += static_cast<char>(value | 128);
    return out + static_cast<char>(value);
  };
  const auto text = [&](int field, const std::string& bytes) {
    return varint(static_cast<std::uint64_t>(field) * 8 + 2) + varint(bytes.size()) + bytes;
  };
  std::string out;
  for (std::size_t i = 0; i < v.pieces.size(); ++i) {
    out += text(1, text(1, v.pieces[i]) + "\x15" + test::bytes_of<float>({&v.scores[i], 1}) +
                       "\x18" + varint(static_cast<std::uint64_t>(v.types[i])));
  }
  return out + text(2, "\x18" + varint(type) + varint(41 * 8) + varint(1)) + text(3, normaliser);
}

TEST_F(TokenizerFile, SentencePieceModelIsRead) {
  const Vocabulary tiny = test::tiny_vocabulary();
  const Vocabulary v =
      io::read_sentencepiece_model(write("tokenizer.model", sentencepiece_model(tiny)));
  EXPECT_EQ(v.pieces, tiny.pieces);
  EXPECT_EQ(v.scores, tiny.scores);
  EXPECT_EQ(v.types, tiny.types);
  EXPECT_EQ(v.bos, 1);
  EXPECT_EQ(v.eos, 2);
  EXPECT_EQ(v.space_prefix, io::SpacePrefix::kAlways);
}

TEST_F(TokenizerFile, ControlTokensAreAddedToASentencePieceModel) {
  const Vocabulary tiny = test::tiny_vocabulary();
  const auto read_with = [&](const std::string& config, const std::string& added) {
    Vocabulary v = tiny;
    write("tokenizer_config.json", config);
    write("added_tokens.json", added);
    io::read_added_tokens(folder_, v);
    return v;
  };
  const std::size_t size = tiny.pieces.size();
  const std::string decoder = R"({"add_bos_token": false, "pad_token": {"content": "<pad>"},
    "added_tokens_decoder": {"SIZE": {"content": "<|im_end|>", "special": true},
                             "0": {"content": "PIECE", "special": true}}})";
  const auto text = [&](std::string from, const std::string& name, const std::string& to) {
    return from.replace(from.find(name), name.size(), to);
  };
  const std::string config =
      text(text(decoder, "SIZE", std::to_string(size)), "PIECE", tiny.pieces.back());
  const Vocabulary v =
      read_with(config, fmt::format(R"({{"<|im_end|>": {}, "<pad>": {}}})", size, size + 2));
  EXPECT_FALSE(v.add_bos);
  ASSERT_EQ(v.pieces.size(), size + 3);
  EXPECT_EQ(v.types[size - 1], TokenType::kControl) << "a piece of that spelling";
  const Tokenizer t(v);
  EXPECT_EQ(t.control_token("<|im_end|>"), static_cast<int>(size));
  EXPECT_EQ(t.control_token("<pad>"), static_cast<int>(size + 2));
  EXPECT_TRUE(t.ends_at(static_cast<int>(size)));
  const auto refused = [&](const std::string& other, const std::string& added,
                           std::string_view part) {
    expect_error([&] { read_with(other, added); }, part);
  };
  refused("{}", fmt::format(R"({{"<tool>": {}}})", size), "token \"<tool>\" is added");
  refused(R"({"pad_token": "<pad>"})", R"({"<pad>": 1})", "which is that of");
  refused(R"({"pad_token": "<pad>"})", R"({"<pad>": 4000000000})", "is too large");
  refused(R"({"added_tokens_decoder": {"x": {"content": "a"}}})", "{}", "\"x\" is no token id");
  refused(R"({"added_tokens_decoder": {"9": {"content": "a", "rstrip": true}}})", "{}", "rstrip");
  refused(R"({"add_eos_token": true})", "{}", "add_eos_token is not supported");
  refused("[1", "{}", "the added tokens cannot be read");
}

TEST_F(TokenizerFile, OtherSentencePieceModelsAreRefused) {
  const Vocabulary tiny = test::tiny_vocabulary();
  const auto refused = [&](const std::string& model, std::string_view part) {
    expect_error([&] { io::read_sentencepiece_model(write("tokenizer.model", model)); }, part);
  };
  refused(sentencepiece_model(tiny, 1), "a model that is not BPE");
  refused(sentencepiece_model(tiny, 2, ""), "removing extra white space");
  refused(sentencepiece_model(tiny, 2, std::string("\x0a\x04nfkc\x12\x01x\x20\0", 11)),
          "normalisation \"nfkc\"");
  refused("not a model at all", "is not a SentencePiece model");
}

TEST_F(TokenizerFile, DamagedSentencePieceModelLoadsOrThrows) {
  const std::string whole = sentencepiece_model(test::tiny_vocabulary());
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 600; ++i) {
    const auto path = write("tokenizer.model", mutate(whole, random));
    try {
      const Tokenizer t(io::read_sentencepiece_model(path));
      t.decode(t.encode("the hen \xF0\x9F\x98\x80", true));
      ++accepted;
    } catch (const Error&) {
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 590);
}

}  // namespace
}  // namespace tern
