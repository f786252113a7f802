// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/gguf.hpp"

namespace tern::io {

/// As in SentencePiece and in `tokenizer.ggml.token_type`.
enum class TokenType : std::int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

enum class TokenizerKind {
  kSentencePiece,  ///< GGUF: "llama"
  kByteLevel,      ///< GGUF: "gpt2"
};

/// Which stretches of a text get a space in front, for SentencePiece. A stretch ends at a control
/// token and, where tokens_first, at a user-defined one.
enum class SpacePrefix {
  kNone,
  kAlways,       ///< SentencePiece, and the normaliser Prepend of a tokenizer.json
  kUnlessThere,  ///< those that do not begin with one: Metaspace with the scheme "always"
  kFirst,        ///< of these the one at the very beginning of the text: the scheme "first"
};

/// Everything that defines a tokenizer; index = token id.
struct Vocabulary {
  TokenizerKind kind = TokenizerKind::kSentencePiece;
  /// As the file spells them, UTF-8. SentencePiece: U+2581 for a space, byte tokens are "<0x0A>".
  /// Byte level: a normal piece has one character for each byte, by GPT-2's table; others are text.
  std::vector<std::string> pieces;
  std::vector<float> scores;  ///< SentencePiece: higher merges first; byte level: empty
  std::vector<TokenType> types;
  /// "left right", first merges first. Byte level needs them; with SentencePiece they replace the
  /// scores (as in tokenizer.json).
  std::vector<std::string> merges;
  std::string pre;             ///< byte level: name of the PreTokenizer
  bool ignore_merges = false;  ///< byte level: a word that is a piece is taken whole
  bool nfc = false;            ///< byte level: text is brought into Unicode's form NFC first
  /// SentencePiece: where a space is put, which is taken off again when decoding.
  SpacePrefix space_prefix = SpacePrefix::kAlways;
  /// SentencePiece: user-defined tokens are taken out of the text as it stands (tokenizer.json);
  /// otherwise they are symbols of the text with its spaces replaced.
  bool tokens_first = false;
  /// User-defined tokens that are looked for in the normalised text, and spelt as it normalises
  /// them, when the others have been taken out ("normalized" of tokenizer.json).
  std::vector<int> late_tokens;
  bool add_bos = true;        ///< what the model expects; encode() has its own argument
  int bos = -1;               ///< -1: none
  int eos = -1;               ///< -1: none
  std::vector<int> ends;      ///< tokens besides eos that the file says to end generation
  std::string chat_template;  ///< Jinja, as the file has it; empty: none. See ChatFormat.
};

/// From `tokenizer.ggml.*` of a GGUF file; models "llama" and "gpt2". The pre-tokenizer is that of
/// the file's options, or else of the file; published bitnet-b1.58 files do not say it, and have
/// that of Llama 3. Throws Error naming file and key.
Vocabulary read_gguf_vocabulary(const Gguf& gguf);
/// The ids of bos and eos as the file has them, not checked; without them 1 and 2 in a
/// SentencePiece vocabulary, as in llama.cpp, and -1 in others.
int gguf_bos(const Gguf& gguf);
int gguf_eos(const Gguf& gguf);
/// What to tell the user where the file leaves the pre-tokenizer open and it was implied; or empty.
std::string implied_pre_note(const Gguf& gguf);

/// From tokenizer.json of a Hugging Face folder, and tokenizer_config.json beside it if there is
/// one (for bos and eos). BPE models only, with the normalisers, pre-tokenizers and decoders of
/// byte-level and of SentencePiece tokenizers; whatever else would give other ids is an error that
/// names it.
Vocabulary read_tokenizer_json(const std::filesystem::path& path);

/// From a SentencePiece model file (tokenizer.model). BPE models with identity normalisation only;
/// anything else is an error that names it.
Vocabulary read_sentencepiece_model(const std::filesystem::path& path);

/// Adds to the vocabulary of a tokenizer.model the control tokens that tokenizer_config.json and
/// added_tokens.json of its folder name, and takes from the former whether bos is added. Throws
/// Error on tokens that are added but no control tokens, and on those that strip the text around.
void read_added_tokens(const std::filesystem::path& folder, Vocabulary& vocabulary);

}  // namespace tern::io
