// SPDX-License-Identifier: Apache-2.0
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <unordered_map>

#include "io/encoder.hpp"
#include "io/error.hpp"
#include "io/pre_tokenizer.hpp"
#include "io/utf8.hpp"

namespace tern::io {

namespace {

/// GPT-2's table: printable characters of Latin-1 spell their own byte, the other bytes are spelt
/// by the characters from U+0100 on, in order. kByteOf[character] is the byte, or -1.
constexpr auto kByteOf = [] {
  std::array<int, 0x144> table{};
  table.fill(-1);
  int next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool own =
        (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
    table[own ? byte : next++] = byte;
  }
  return table;
}();
static_assert(kByteOf['A'] == 'A' && kByteOf[0x120] == ' ' && kByteOf[0x10a] == '\n');
static_assert(kByteOf[0x143] == 0xad);

/// The bytes that a piece spells; nothing if a character is not in the table.
std::optional<std::string> spelt_bytes(std::string_view piece) {
  std::string bytes;
  while (!piece.empty()) {
    const Utf8 front = utf8_front(piece);
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(piece[i]); };
    if (front.kind != Utf8Kind::kCharacter || front.length > 2) return std::nullopt;
    const int character = front.length == 1 ? byte(0) : (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    if (character >= static_cast<int>(kByteOf.size()) || kByteOf[character] < 0)
      return std::nullopt;
    bytes += static_cast<char>(kByteOf[character]);
    piece.remove_prefix(front.length);
  }
  return bytes;
}

std::uint64_t pair_key(int left, int right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

/// Unicode's form NFC; bytes that are not UTF-8 stay as they are.
std::string to_nfc(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  std::string result;
  const auto append = [&](std::string_view good) {
    const icu::StringPiece piece(good.data(), static_cast<std::int32_t>(good.size()));
    icu::StringByteSink<std::string> sink(&result, piece.size());
    if (U_SUCCESS(status)) nfc->normalizeUTF8(0, piece, sink, nullptr, status);
  };
  std::size_t begin = 0, i = 0;
  while (i < text.size()) {
    const Utf8 front = utf8_front(text.substr(i));
    if (front.kind == Utf8Kind::kCharacter) {
      i += front.length;
      continue;
    }
    append(text.substr(begin, i - begin));
    result += text[i++];
    begin = i;
  }
  append(text.substr(begin));
  if (U_FAILURE(status)) {
    throw Error("tokenizer: the text cannot be normalised: {}", u_errorName(status));
  }
  return result;
}

class ByteLevel final : public Encoder {
 public:
  explicit ByteLevel(const Vocabulary& vocabulary);
  void encode(std::string_view text, bool at_start, std::vector<int>& ids) const override;
  void decode(int id, bool at_start, std::string& bytes) const override;

 private:
  void index_pieces();
  void index_merges();
  /// The normal piece of these bytes, or else a number from the vocabulary's size on.
  int id_or_new(const std::string& bytes);
  /// Appends a symbol that is left after merging; one that is no piece is spelt by its bytes.
  void put(int id, std::vector<int>& ids) const;
  void encode_stretch(std::string_view text, std::vector<int>& ids) const;
  void encode_word(std::string_view word, std::vector<int>& ids) const;

  struct Union {
    int rank;
    int id;
  };
  const Vocabulary& vocabulary_;
  PreTokenizer words_;
  std::vector<std::string> bytes_;                 ///< what each token stands for
  std::unordered_map<std::string_view, int> ids_;  ///< of normal pieces, by their bytes
  std::array<int, 256> byte_ids_{};
  std::unordered_map<std::uint64_t, Union> merges_;
  /// What merges make or take that is no piece, as llama.cpp has them: only on the way to pieces.
  std::unordered_map<std::string, int> between_ids_;
  std::vector<const std::string*> between_;
  TokenFinder user_defined_;
  std::deque<std::string> late_spellings_;
  TokenFinder late_;  ///< in normalised text
};

ByteLevel::ByteLevel(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), words_(vocabulary.pre) {
  index_pieces();
  index_merges();
}

void ByteLevel::index_pieces() {
  const Vocabulary& v = vocabulary_;
  bytes_.reserve(v.pieces.size());
  byte_ids_.fill(-1);
  for (int id = 0; id < static_cast<int>(v.pieces.size()); ++id) {
    const std::string& piece = v.pieces[id];
    const bool normal = v.types[id] == TokenType::kNormal;
    const auto spelt = normal ? spelt_bytes(piece) : std::nullopt;
    bytes_.push_back(spelt ? *spelt : piece);
    if (v.types[id] == TokenType::kUserDefined) {
      const bool is_late = std::ranges::binary_search(v.late_tokens, id);
      if (is_late) late_spellings_.push_back(v.nfc ? to_nfc(piece) : piece);
      (is_late ? late_ : user_defined_).add(is_late ? late_spellings_.back() : piece, id);
    }
    if (!spelt) continue;
    if (piece.empty()) throw Error("tokenizer: token {} is an empty piece", id);
    const auto [entry, is_new] = ids_.emplace(bytes_.back(), id);
    if (!is_new)
      throw Error("tokenizer: tokens {} and {} are both {}", entry->second, id, quote(piece));
    if (spelt->size() == 1) byte_ids_[static_cast<std::uint8_t>((*spelt)[0])] = id;
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (byte_ids_[byte] < 0) throw Error("tokenizer: byte 0x{:02x} has no token", byte);
  }
}

void ByteLevel::index_merges() {
  if (vocabulary_.merges.empty()) throw Error("tokenizer: a byte-level vocabulary has no merges");
  merges_.reserve(vocabulary_.merges.size());
  int rank = 0;
  for (const std::string& merge : vocabulary_.merges) {
    const std::size_t space = merge.find(' ', 1);
    const auto refuse = [&]() -> Error {
      return Error("tokenizer: merge {} is {}, two stretches of bytes are expected", rank,
                   quote(merge));
    };
    if (space == std::string::npos) throw refuse();
    const auto left = spelt_bytes(std::string_view(merge).substr(0, space));
    const auto right = spelt_bytes(std::string_view(merge).substr(space + 1));
    if (!left || !right || left->empty() || right->empty()) throw refuse();
    const int a = id_or_new(*left), b = id_or_new(*right), both = id_or_new(*left + *right);
    merges_.emplace(pair_key(a, b), Union{rank, both});
    ++rank;
  }
}

int ByteLevel::id_or_new(const std::string& bytes) {
  const auto found = ids_.find(bytes);
  if (found != ids_.end()) return found->second;
  const int next = static_cast<int>(vocabulary_.pieces.size() + between_.size());
  const auto [entry, is_new] = between_ids_.emplace(bytes, next);
  if (is_new) between_.push_back(&entry->first);
  return entry->second;
}

void ByteLevel::put(int id, std::vector<int>& ids) const {
  const auto tokens = vocabulary_.pieces.size();
  if (static_cast<std::size_t>(id) < tokens) {
    ids.push_back(id);
    return;
  }
  for (const char byte : *between_[static_cast<std::size_t>(id) - tokens])
    ids.push_back(byte_ids_[static_cast<std::uint8_t>(byte)]);
}

void ByteLevel::encode_word(std::string_view word, std::vector<int>& ids) const {
  if (vocabulary_.ignore_merges || word.size() == 1) {
    const auto whole = ids_.find(word);
    if (whole != ids_.end()) {
      ids.push_back(whole->second);
      return;
    }
  }
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i) {
    symbols.push_back({word.substr(i, 1), -1, -1, byte_ids_[static_cast<std::uint8_t>(word[i])]});
  }
  link(symbols);
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) -> Proposal {
    const auto found = merges_.find(pair_key(left.id, right.id));
    if (found == merges_.end()) return {};
    return {true, static_cast<double>(found->second.rank), found->second.id};
  });
  for (int i = 0; i >= 0; i = symbols[i].right) put(symbols[i].id, ids);
}

void ByteLevel::encode_stretch(std::string_view text, std::vector<int>& ids) const {
  const std::string normal = vocabulary_.nfc ? to_nfc(text) : std::string();
  late_.split(vocabulary_.nfc ? normal : text, [&](std::string_view stretch, int id) {
    if (id >= 0)
      ids.push_back(id);
    else
      words_.split(stretch, [&](std::string_view word) { encode_word(word, ids); });
  });
}

void ByteLevel::encode(std::string_view text, bool, std::vector<int>& ids) const {
  user_defined_.split(text, [&](std::string_view stretch, int id) {
    if (id >= 0)
      ids.push_back(id);
    else
      encode_stretch(stretch, ids);
  });
}

void ByteLevel::decode(int id, bool, std::string& bytes) const {
  if (vocabulary_.types[id] != TokenType::kControl) bytes += bytes_[id];
}

}  // namespace

std::unique_ptr<Encoder> make_byte_level(const Vocabulary& vocabulary) {
  return std::make_unique<ByteLevel>(vocabulary);
}

}  // namespace tern::io
