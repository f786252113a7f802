// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <unordered_map>

#include "io/encoder.hpp"
#include "io/error.hpp"
#include "io/utf8.hpp"

namespace tern::io {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";          // U+2581, how a piece spells a space
constexpr std::string_view kUnknownText = " \xE2\x81\x87 ";  // U+2047, as SentencePiece shows it

/// The value of "<0x0A>".
std::optional<int> byte_value(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece.back() != '>') return std::nullopt;
  int value = 0;
  for (const char c : piece.substr(3, 2)) {
    const auto digit = std::string_view("0123456789ABCDEF").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    value = value * 16 + static_cast<int>(digit);
  }
  return value;
}

/// The text as pieces spell it: spaces as U+2581, the prefix in front, malformed bytes as U+FFFD.
std::string normalise(std::string_view text, bool prefix) {
  std::string result(prefix && !text.empty() ? kSpace : "");
  result.reserve(text.size() + text.size() / 4 + 8);
  while (!text.empty()) {
    const Utf8 front = utf8_front(text);
    const std::size_t length = front.kind == Utf8Kind::kCharacter ? front.length : 1;
    if (front.kind != Utf8Kind::kCharacter) {
      result += kReplacement;
    } else if (text[0] == ' ') {
      result += kSpace;
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

class SentencePiece final : public Encoder {
 public:
  explicit SentencePiece(const Vocabulary& vocabulary);
  void encode(std::string_view text, bool at_start, std::vector<int>& ids) const override;
  void decode(int id, bool at_start, std::string& bytes) const override;

 private:
  void index_pieces();
  void index_merges();
  void index_user_defined(int id);
  bool wants_prefix(std::string_view stretch, bool at_start) const;
  void encode_stretch(std::string_view text, bool at_start, std::vector<int>& ids) const;
  void encode_normal(std::string_view normal, std::vector<int>& ids) const;
  std::vector<Symbol> symbols_of(std::string_view normal) const;
  Proposal propose(const Symbol& left, const Symbol& right) const;
  /// Are spaces put and replaced before late tokens are looked for? A Metaspace does it afterwards.
  bool is_normaliser() const {
    return vocabulary_.space_prefix == SpacePrefix::kNone ||
           vocabulary_.space_prefix == SpacePrefix::kAlways;
  }
  int find(std::string_view piece) const;  ///< -1: not a piece that text can form

  const Vocabulary& vocabulary_;
  std::unordered_map<std::string_view, int> ids_;    ///< normal, user-defined and unused pieces
  std::unordered_map<std::string_view, int> ranks_;  ///< of "left right"; empty: by score
  TokenFinder user_defined_;
  std::deque<std::string> late_spellings_;
  TokenFinder late_;
  std::vector<int> byte_ids_;  ///< 256, or empty without byte fallback
  int unknown_ = -1;
};

SentencePiece::SentencePiece(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  index_pieces();
  index_merges();
}

void SentencePiece::index_pieces() {
  const Vocabulary& v = vocabulary_;
  if (v.scores.size() != v.pieces.size()) {
    throw Error("tokenizer: {} pieces, {} scores; the numbers must agree", v.pieces.size(),
                v.scores.size());
  }
  std::vector<int> bytes(256, -1);
  for (int id = 0; id < static_cast<int>(v.pieces.size()); ++id) {
    const std::string& piece = v.pieces[id];
    if (!std::isfinite(v.scores[id]))
      throw Error("tokenizer: the score of token {} is not finite", id);
    switch (v.types[id]) {
      case TokenType::kNormal:
      case TokenType::kUserDefined:
      case TokenType::kUnused: {
        if (piece.empty()) throw Error("tokenizer: token {} is an empty piece", id);
        const auto [entry, is_new] = ids_.emplace(piece, id);
        if (!is_new)
          throw Error("tokenizer: tokens {} and {} are both {}", entry->second, id, quote(piece));
        if (v.types[id] == TokenType::kUserDefined) index_user_defined(id);
        break;
      }
      case TokenType::kByte: {
        const auto value = byte_value(piece);
        if (!value || bytes[*value] != -1) {
          throw Error(
              "tokenizer: token {} is {}, a byte such as \"<0x0A>\" that occurs once is expected",
              id, quote(piece));
        }
        bytes[*value] = id;
        break;
      }
      case TokenType::kUnknown:
        if (unknown_ == -1) unknown_ = id;
        break;
      case TokenType::kControl:
        break;
    }
  }
  const auto missing = std::count(bytes.begin(), bytes.end(), -1);
  if (missing == 0) byte_ids_ = std::move(bytes);
  if (missing != 0 && (missing != 256 || unknown_ == -1)) {
    throw Error("tokenizer: {} of the 256 byte tokens are missing{}", missing,
                missing == 256 ? " and there is no unknown token" : "");
  }
}

void SentencePiece::index_user_defined(int id) {
  const Vocabulary& v = vocabulary_;
  const std::string& piece = v.pieces[id];
  if (!std::ranges::binary_search(v.late_tokens, id)) {
    user_defined_.add(piece, id);
    return;
  }
  late_spellings_.push_back(
      is_normaliser() ? normalise(piece, v.space_prefix == SpacePrefix::kAlways) : piece);
  late_.add(late_spellings_.back(), id);
}

void SentencePiece::index_merges() {
  int rank = 0;
  for (const std::string& merge : vocabulary_.merges) ranks_.emplace(merge, rank++);
}

int SentencePiece::find(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

std::vector<Symbol> SentencePiece::symbols_of(std::string_view normal) const {
  std::vector<Symbol> symbols;
  while (!normal.empty()) {
    const TokenFinder::Found user =
        vocabulary_.tokens_first ? TokenFinder::Found{} : user_defined_.at_front(normal);
    const bool frozen = user.id >= 0;
    const std::size_t length = frozen ? user.size : utf8_front(normal).length;
    symbols.push_back({normal.substr(0, length), -1, -1, -1, frozen});
    normal.remove_prefix(length);
  }
  link(symbols);
  return symbols;
}

Proposal SentencePiece::propose(const Symbol& left, const Symbol& right) const {
  const std::string_view both(left.text.data(), left.text.size() + right.text.size());
  const int id = find(both);
  if (id < 0) return {};
  if (ranks_.empty()) return {true, -static_cast<double>(vocabulary_.scores[id]), id};
  const auto rank = ranks_.find(fmt::format("{} {}", left.text, right.text));
  if (rank == ranks_.end()) return {};
  return {true, static_cast<double>(rank->second), id};
}

bool SentencePiece::wants_prefix(std::string_view stretch, bool at_start) const {
  const bool has_one = stretch.starts_with(' ') || stretch.starts_with(kSpace);
  switch (vocabulary_.space_prefix) {
    case SpacePrefix::kNone:
      return false;
    case SpacePrefix::kAlways:
      return true;
    case SpacePrefix::kUnlessThere:
      return !has_one;
    case SpacePrefix::kFirst:
      return at_start && !has_one;
  }
  return false;
}

void SentencePiece::encode(std::string_view text, bool at_start, std::vector<int>& ids) const {
  if (!vocabulary_.tokens_first) return encode_stretch(text, at_start, ids);
  user_defined_.split(text, [&](std::string_view stretch, int id) {
    if (id >= 0)
      ids.push_back(id);
    else
      encode_stretch(stretch, at_start && stretch.data() == text.data(), ids);
  });
}

void SentencePiece::encode_stretch(std::string_view text, bool at_start,
                                   std::vector<int>& ids) const {
  const std::string whole = is_normaliser() ? normalise(text, wants_prefix(text, at_start)) : "";
  const std::string_view searched = is_normaliser() ? whole : text;
  late_.split(searched, [&](std::string_view stretch, int id) {
    if (id >= 0) {
      ids.push_back(id);
    } else if (is_normaliser()) {
      encode_normal(stretch, ids);
    } else {
      const bool first = at_start && stretch.data() == searched.data();
      encode_normal(normalise(stretch, wants_prefix(stretch, first)), ids);
    }
  });
}

void SentencePiece::encode_normal(std::string_view normal, std::vector<int>& ids) const {
  std::vector<Symbol> symbols = symbols_of(normal);
  // How an unused piece was put together, so that it can be taken apart again.
  std::unordered_map<std::string_view, std::size_t> unused_parts;
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) {
    const Proposal proposal = propose(left, right);
    if (proposal.merges && vocabulary_.types[proposal.id] == TokenType::kUnused) {
      unused_parts[{left.text.data(), left.text.size() + right.text.size()}] = left.text.size();
    }
    return proposal;
  });

  bool after_unknown = false;
  std::vector<std::string_view> stack;
  for (int i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].right) {
    stack.push_back(symbols[i].text);
    while (!stack.empty()) {
      const std::string_view piece = stack.back();
      stack.pop_back();
      const int id = find(piece);
      const auto parts = unused_parts.find(piece);
      const bool split =
          id >= 0 && vocabulary_.types[id] == TokenType::kUnused && parts != unused_parts.end();
      if (split) {
        stack.push_back(piece.substr(parts->second));
        stack.push_back(piece.substr(0, parts->second));
      } else if (id >= 0) {
        ids.push_back(id);
      } else if (!byte_ids_.empty()) {
        for (const char c : piece) ids.push_back(byte_ids_[static_cast<std::uint8_t>(c)]);
      } else if (!after_unknown) {
        ids.push_back(unknown_);  // one for a run of unknown characters
      }
      if (!split) after_unknown = id < 0;
    }
  }
}

void SentencePiece::decode(int id, bool at_start, std::string& bytes) const {
  std::string_view piece = vocabulary_.pieces[id];
  switch (vocabulary_.types[id]) {
    case TokenType::kControl:
      return;
    case TokenType::kByte:
      bytes += static_cast<char>(*byte_value(piece));
      return;
    case TokenType::kUnknown:
      bytes += kUnknownText;
      return;
    default:
      break;
  }
  if (at_start && vocabulary_.space_prefix != SpacePrefix::kNone && piece.starts_with(kSpace))
    piece.remove_prefix(kSpace.size());
  while (!piece.empty()) {
    const bool space = piece.starts_with(kSpace);
    bytes += space ? ' ' : piece[0];
    piece.remove_prefix(space ? kSpace.size() : 1);
  }
}

}  // namespace

std::unique_ptr<Encoder> make_sentencepiece(const Vocabulary& vocabulary) {
  return std::make_unique<SentencePiece>(vocabulary);
}

}  // namespace tern::io
