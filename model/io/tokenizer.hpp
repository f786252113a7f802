#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
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

/// Everything that defines a SentencePiece BPE tokenizer; index = token id.
struct Vocabulary {
  std::vector<std::string> pieces;  ///< UTF-8, U+2581 for a space; byte tokens are "<0x0A>"
  std::vector<float> scores;        ///< higher merges first
  std::vector<TokenType> types;
  bool add_space_prefix = true;  ///< a space goes before the text, and is taken off when decoding
  bool add_bos = true;           ///< what the model expects; encode() has its own argument
  int bos = -1;                  ///< -1: none
  int eos = -1;                  ///< -1: none
};

/// SentencePiece BPE with byte fallback (Kudo and Richardson 2018): the text is split into
/// characters and user-defined symbols; the neighbouring pair whose union is the piece of the
/// highest score (the leftmost on a tie) merges until none is a piece; characters outside the
/// vocabulary become byte tokens. Identity normalisation: text is not changed, except that bytes
/// which are not UTF-8 read as U+FFFD.
class Tokenizer {
 public:
  /// Throws Error on sizes that differ, duplicate pieces, malformed byte tokens, scores that are
  /// not finite, bos or eos out of range, or a vocabulary with neither all 256 byte tokens nor an
  /// unknown token.
  explicit Tokenizer(Vocabulary vocabulary);
  /// From `tokenizer.ggml.*`; the model must be "llama". Throws Error naming file and key.
  explicit Tokenizer(const Gguf& gguf);

  // The lookup table points into the pieces, so the object stays where it is made.
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Token ids of `text`, in n log n time; `add_bos` puts bos first (if there is one). Control
  /// tokens spelt out in the text are ordinary text. Throws Error on text of 1 GiB or more.
  std::vector<int> encode(std::string_view text, bool add_bos) const;
  /// The text of a whole sequence; control tokens are silent.
  std::string decode(std::span<const int> ids) const;

  int size() const { return static_cast<int>(vocabulary_.pieces.size()); }
  int bos() const { return vocabulary_.bos; }
  int eos() const { return vocabulary_.eos; }
  /// The definition, e.g. for writing it into another file.
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  friend class StreamDecoder;

  void index();
  int find(std::string_view piece) const;  ///< -1: not a piece that text can form

  Vocabulary vocabulary_;
  std::unordered_map<std::string_view, int> ids_;  ///< normal, user-defined and unused pieces
  std::vector<std::string_view> user_defined_;     ///< longest first
  std::vector<int> byte_ids_;                      ///< 256, or empty without byte fallback
  int unknown_ = -1;
};

/// Turns token ids into text one at a time and never returns part of a UTF-8 character: bytes wait
/// until their character is complete. What cannot become a character is returned as U+FFFD.
class StreamDecoder {
 public:
  /// `at_start`: the first piece begins a text, so its space prefix is taken off. Pass false to
  /// continue a text whose beginning was decoded elsewhere. The tokenizer must outlive the decoder.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool at_start = true)
      : tokenizer_(&tokenizer), at_start_(at_start) {}

  /// The text that `id` completes; may be empty. A bos starts a new text. Throws Error if `id` is
  /// outside the vocabulary.
  std::string push(int id);
  /// What is still waiting, as U+FFFD per byte. The decoder then stands at the start of a text.
  std::string finish();

 private:
  const Tokenizer* tokenizer_;
  bool at_start_;
  std::string pending_;
};

}  // namespace tern::io
