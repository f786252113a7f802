// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/vocabulary.hpp"

namespace tern::io {

class Encoder;
class TokenFinder;

/// What becomes of the spelling of a control token inside a text.
enum class ControlTokens {
  kAreText,   ///< it is text: what a user wrote cannot forge one
  kAreFound,  ///< it is the token: for chat templates
};

/// A stretch of a text that encode() takes as one.
struct TextPart {
  std::string text;
  ControlTokens control = ControlTokens::kAreText;
};

/// Text to token ids and back, one of
///
///  * SentencePiece BPE with byte fallback (Kudo and Richardson 2018): the text is split into
///    characters and user-defined symbols; the neighbouring pair whose union is the piece of the
///    highest score (the leftmost on a tie) merges until none is a piece; characters outside the
///    vocabulary become byte tokens. Identity normalisation: text is not changed, except that bytes
///    which are not UTF-8 read as U+FFFD.
///  * Byte-level BPE (Radford et al. 2019): user-defined tokens are taken out, a regular expression
///    splits the rest into words, and within a word the neighbouring pair that comes first in the
///    list of merges (the leftmost on a tie) merges until none is in the list. Every text has ids,
///    bytes which are not UTF-8 too.
class Tokenizer {
 public:
  /// Throws Error on sizes that differ, duplicate pieces, malformed byte tokens, scores that are
  /// not finite, bos or eos out of range, merges of what spells no bytes, a SentencePiece
  /// vocabulary with neither all 256 byte tokens nor an unknown token, or a byte-level one without
  /// a piece for every byte, ends or late tokens out of range.
  explicit Tokenizer(Vocabulary vocabulary);
  /// From `tokenizer.ggml.*`. Throws Error naming file and key.
  explicit Tokenizer(const Gguf& gguf);
  ~Tokenizer();

  // Lookup tables point into the pieces, so the object stays where it is made.
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  /// Token ids of `text`, in n log n time; `add_bos` puts bos first (if there is one). Throws Error
  /// on text of 1 GiB or more.
  std::vector<int> encode(std::string_view text, bool add_bos,
                          ControlTokens control = ControlTokens::kAreText) const;
  /// The same of one text in parts, which differ in what becomes of control tokens in them. Where
  /// the parts meet makes no difference to the ids.
  std::vector<int> encode(std::span<const TextPart> parts, bool add_bos) const;
  /// The text of a whole sequence; control tokens are silent.
  std::string decode(std::span<const int> ids) const;

  int size() const { return static_cast<int>(vocabulary_.pieces.size()); }
  int bos() const { return vocabulary_.bos; }
  int eos() const { return vocabulary_.eos; }
  /// The tokens that end generation, eos among them, ascending (end_tokens.hpp).
  const std::vector<int>& ends() const { return ends_; }
  /// Does it end generation?
  bool ends_at(int id) const { return std::ranges::binary_search(ends_, id); }
  /// Does the model expect bos before the text?
  bool adds_bos() const { return vocabulary_.add_bos; }
  /// The control token of that spelling; -1 if there is none.
  int control_token(std::string_view spelling) const;
  /// The definition, e.g. for writing it into another file. User-defined tokens that look like
  /// control tokens are control tokens in it.
  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  friend class StreamDecoder;

  void index();

  Vocabulary vocabulary_;
  std::vector<int> ends_;
  std::vector<bool> is_control_;  ///< of each token
  std::unique_ptr<TokenFinder> control_;
  std::unique_ptr<Encoder> encoder_;
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
