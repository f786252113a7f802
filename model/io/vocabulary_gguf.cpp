// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/error.hpp"
#include "io/pre_tokenizer.hpp"
#include "io/vocabulary.hpp"

namespace tern::io {

namespace {

/// Models whose tokenizers bring text into form NFC; a GGUF file does not say it.
constexpr std::string_view kNormalised[] = {"qwen2", "gpt-neox", "olmo"};
/// Models whose tokenizers take a word that is a piece whole and put bos first unless told.
constexpr std::string_view kLlama3[] = {"llama-bpe", "llama3",    "llama-v3",
                                        "falcon3",   "falcon-h1", "falcon_e"};
/// Architectures whose published files do not name the pre-tokenizer, which is Llama 3's.
constexpr std::string_view kLlama3Architectures[] = {"bitnet-b1.58", "bitnet-25"};
constexpr std::string_view kPre = "tokenizer.ggml.pre";

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::vector<std::string> strings(const Gguf& gguf, std::string_view key) {
  const auto views = gguf.get_array<std::string_view>(key);
  return {views.begin(), views.end()};
}

bool has_implied_pre(const Gguf& gguf) {
  return gguf.get_or<std::string_view>("tokenizer.ggml.model", "") == "gpt2" && !gguf.has(kPre) &&
         gguf.options().pre.empty() &&
         contains(kLlama3Architectures, gguf.get_or<std::string_view>("general.architecture", ""));
}

std::string pre_tokenizer_of(const Gguf& gguf) {
  if (!gguf.options().pre.empty()) return gguf.options().pre;
  if (has_implied_pre(gguf)) return "llama-bpe";
  const std::string hint =
      fmt::format("say with --pre NAME how the model was trained: {}", PreTokenizer::names());
  if (!gguf.has(kPre))
    throw Error("{}: metadata {} is missing; {}", gguf.file(), quote(kPre), hint);
  const auto pre = gguf.get<std::string>(kPre);
  if (!PreTokenizer::knows(pre)) {
    throw Error("{}: pre-tokenizer {} is not supported; if it is the same as another, {}",
                gguf.file(), quote(pre), hint);
  }
  return pre;
}

int token_id(const Gguf& gguf, std::string_view name, int of_sentencepiece) {
  if (gguf.has(name)) return gguf.get<std::int32_t>(name);
  const bool pieces = gguf.get_or<std::string_view>("tokenizer.ggml.model", "") == "llama";
  return pieces ? of_sentencepiece : -1;
}

}  // namespace

std::string implied_pre_note(const Gguf& gguf) {
  if (!has_implied_pre(gguf)) return {};
  return fmt::format(
      "metadata {} is missing; text is split as \"llama-bpe\" does, as {} models need; --pre NAME "
      "says another",
      quote(kPre), gguf.get<std::string_view>("general.architecture"));
}

int gguf_bos(const Gguf& gguf) { return token_id(gguf, "tokenizer.ggml.bos_token_id", 1); }
int gguf_eos(const Gguf& gguf) { return token_id(gguf, "tokenizer.ggml.eos_token_id", 2); }

Vocabulary read_gguf_vocabulary(const Gguf& gguf) {
  const auto key = [](std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); };
  const auto model = gguf.get<std::string_view>(key("model"));
  Vocabulary v;
  if (model == "llama") {
    v.scores = gguf.get_array<float>(key("scores"));
    if (!gguf.get_or(key("add_space_prefix"), true)) v.space_prefix = SpacePrefix::kNone;
    if (gguf.get_or(key("remove_extra_whitespaces"), false)) {
      throw Error("{}: tokenizer.ggml.remove_extra_whitespaces is not supported", gguf.file());
    }
  } else if (model == "gpt2") {
    v.kind = TokenizerKind::kByteLevel;
    v.merges = strings(gguf, key("merges"));
    v.pre = pre_tokenizer_of(gguf);
    v.ignore_merges = v.add_bos = contains(kLlama3, v.pre);
    v.nfc = contains(kNormalised, v.pre);
    if (gguf.get_or(key("add_space_prefix"), false)) {
      throw Error("{}: tokenizer.ggml.add_space_prefix of model \"gpt2\" is not supported",
                  gguf.file());
    }
  } else {
    throw Error(
        "{}: tokenizer {} is not supported; supported: \"llama\" (SentencePiece BPE), \"gpt2\" "
        "(byte-level BPE)",
        gguf.file(), quote(model));
  }
  v.pieces = strings(gguf, key("tokens"));
  if (gguf.has(key("token_type"))) {
    for (const std::int32_t type : gguf.get_array<std::int32_t>(key("token_type")))
      v.types.push_back(static_cast<TokenType>(type));
  } else {
    v.types.assign(v.pieces.size(), TokenType::kNormal);
  }
  v.chat_template = gguf.get_or<std::string>("tokenizer.chat_template", "");
  v.add_bos = gguf.get_or(key("add_bos_token"), v.add_bos);
  const auto one_of_pieces = [&](std::string_view name, int id) {
    return gguf.has(key(name)) || id < static_cast<int>(v.pieces.size()) ? id : -1;
  };
  v.bos = one_of_pieces("bos_token_id", gguf_bos(gguf));
  v.eos = one_of_pieces("eos_token_id", gguf_eos(gguf));
  if (v.bos < 0 && gguf.get_or(key("add_bos_token"), false)) {
    throw Error("{}: metadata {} says that texts begin with bos, and {} is missing", gguf.file(),
                quote(key("add_bos_token")), quote(key("bos_token_id")));
  }
  for (const char* name : {"eot", "eom", "fim_pad", "fim_rep", "fim_sep"}) {
    const auto id = gguf.get_or<std::int64_t>(key(fmt::format("{}_token_id", name)), -1);
    // One that is no token is never sampled.
    if (id >= 0 && id < static_cast<std::int64_t>(v.pieces.size()))
      v.ends.push_back(static_cast<int>(id));
  }
  return v;
}

}  // namespace tern::io
