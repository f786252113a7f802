#include <algorithm>

#include "io/error.hpp"
#include "io/vocabulary.hpp"

namespace tern::io {

namespace {

/// Models whose tokenizers bring text into form NFC; a GGUF file does not say it.
constexpr std::string_view kNormalised[] = {"qwen2", "gpt-neox", "olmo"};
/// Models whose tokenizers take a word that is a piece whole and put bos first unless told.
constexpr std::string_view kLlama3[] = {"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1"};

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

std::vector<std::string> strings(const Gguf& gguf, std::string_view key) {
  const auto views = gguf.get_array<std::string_view>(key);
  return {views.begin(), views.end()};
}

}  // namespace

Vocabulary read_gguf_vocabulary(const Gguf& gguf) {
  const auto key = [](std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); };
  const auto model = gguf.get<std::string_view>(key("model"));
  Vocabulary v;
  if (model == "llama") {
    v.scores = gguf.get_array<float>(key("scores"));
    v.add_space_prefix = gguf.get_or(key("add_space_prefix"), true);
    if (gguf.get_or(key("remove_extra_whitespaces"), false)) {
      throw Error("{}: tokenizer.ggml.remove_extra_whitespaces is not supported", gguf.file());
    }
  } else if (model == "gpt2") {
    v.kind = TokenizerKind::kByteLevel;
    v.merges = strings(gguf, key("merges"));
    v.pre = gguf.get<std::string>(key("pre"));
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
  v.add_bos = gguf.get_or(key("add_bos_token"), v.add_bos);
  v.bos = gguf.get_or<std::int32_t>(key("bos_token_id"), -1);
  v.eos = gguf.get_or<std::int32_t>(key("eos_token_id"), -1);
  return v;
}

}  // namespace tern::io
