#include "io/tokenizer.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <queue>
#include <utility>

#include "io/error.hpp"
#include "io/utf8.hpp"

namespace tern::io {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";          // U+2581, how a piece spells a space
constexpr std::string_view kUnknownText = " \xE2\x81\x87 ";  // U+2047, as SentencePiece shows it
constexpr std::size_t kMaxText = std::size_t{1} << 30;

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
std::string normalise(std::string_view text, bool add_space_prefix) {
  std::string result(add_space_prefix && !text.empty() ? kSpace : "");
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

/// A piece of text in the doubly linked list of what is not merged yet.
struct Symbol {
  std::string_view text;  ///< empty: merged into its left neighbour
  int left = -1;
  int right = -1;
  bool frozen = false;  ///< user-defined: does not merge
};

struct Merge {
  float score;
  int left;
  int right;
  std::size_t size;  ///< of both texts together: tells whether either has changed since
  /// The best merge is the greatest: the highest score, then the leftmost.
  friend bool operator<(const Merge& a, const Merge& b) {
    return a.score != b.score ? a.score < b.score : a.left > b.left;
  }
};

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) { index(); }

Tokenizer::Tokenizer(const Gguf& gguf) {
  const auto model = gguf.get<std::string_view>("tokenizer.ggml.model");
  if (model != "llama") {
    throw Error("{}: tokenizer {} is not supported, only \"llama\" (SentencePiece BPE)",
                gguf.file(), quote(model));
  }
  const auto pieces = gguf.get_array<std::string_view>("tokenizer.ggml.tokens");
  vocabulary_.pieces.assign(pieces.begin(), pieces.end());
  vocabulary_.scores = gguf.get_array<float>("tokenizer.ggml.scores");
  for (const std::int32_t type : gguf.get_array<std::int32_t>("tokenizer.ggml.token_type")) {
    vocabulary_.types.push_back(static_cast<TokenType>(type));
  }
  vocabulary_.add_space_prefix = gguf.get_or("tokenizer.ggml.add_space_prefix", true);
  vocabulary_.add_bos = gguf.get_or("tokenizer.ggml.add_bos_token", true);
  if (gguf.get_or("tokenizer.ggml.remove_extra_whitespaces", false)) {
    throw Error("{}: tokenizer.ggml.remove_extra_whitespaces is not supported", gguf.file());
  }
  vocabulary_.bos = gguf.get_or<std::int32_t>("tokenizer.ggml.bos_token_id", -1);
  vocabulary_.eos = gguf.get_or<std::int32_t>("tokenizer.ggml.eos_token_id", -1);
  try {
    index();
  } catch (const Error& e) {
    throw Error("{}: {}", gguf.file(), e.what());
  }
}

void Tokenizer::index() {
  const Vocabulary& v = vocabulary_;
  if (v.pieces.empty()) throw Error("tokenizer: the vocabulary is empty");
  if (v.scores.size() != v.pieces.size() || v.types.size() != v.pieces.size()) {
    throw Error("tokenizer: {} pieces, {} scores, {} types; the numbers must agree",
                v.pieces.size(), v.scores.size(), v.types.size());
  }
  for (const auto& [name, id] : {std::pair("bos", v.bos), std::pair("eos", v.eos)}) {
    if (id < -1 || id >= size())
      throw Error("tokenizer: {} is {}, there are {} tokens", name, id, size());
  }
  std::vector<int> bytes(256, -1);
  for (int id = 0; id < size(); ++id) {
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
        if (v.types[id] == TokenType::kUserDefined) user_defined_.push_back(piece);
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
      default:
        throw Error("tokenizer: token {} has unknown type {}", id,
                    static_cast<std::int32_t>(v.types[id]));
    }
  }
  const auto missing = std::count(bytes.begin(), bytes.end(), -1);
  if (missing == 0) byte_ids_ = std::move(bytes);
  if (missing != 0 && (missing != 256 || unknown_ == -1)) {
    throw Error("tokenizer: {} of the 256 byte tokens are missing{}", missing,
                missing == 256 ? " and there is no unknown token" : "");
  }
  std::stable_sort(user_defined_.begin(), user_defined_.end(),
                   [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
}

int Tokenizer::find(std::string_view piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

std::vector<int> Tokenizer::encode(std::string_view text, bool add_bos) const {
  if (text.size() >= kMaxText)
    throw Error("tokenizer: a text of {} bytes is too long", text.size());
  const std::string normal = normalise(text, vocabulary_.add_space_prefix);

  std::vector<Symbol> symbols;
  for (std::string_view rest = normal; !rest.empty();) {
    const auto user = std::find_if(user_defined_.begin(), user_defined_.end(),
                                   [&](std::string_view piece) { return rest.starts_with(piece); });
    const bool frozen = user != user_defined_.end();
    const std::size_t length = frozen ? user->size() : utf8_front(rest).length;
    const int index = static_cast<int>(symbols.size());
    if (index > 0) symbols.back().right = index;
    symbols.push_back({rest.substr(0, length), index - 1, -1, frozen});
    rest.remove_prefix(length);
  }

  std::priority_queue<Merge> merges;
  // How an unused piece was put together, so that it can be taken apart again.
  std::unordered_map<std::string_view, std::size_t> unused_parts;
  const auto propose = [&](int left, int right) {
    if (left < 0 || right < 0 || symbols[left].frozen || symbols[right].frozen) return;
    const std::size_t size = symbols[left].text.size() + symbols[right].text.size();
    const std::string_view both(symbols[left].text.data(), size);
    const int id = find(both);
    if (id < 0) return;
    merges.push({vocabulary_.scores[id], left, right, size});
    if (vocabulary_.types[id] == TokenType::kUnused) unused_parts[both] = symbols[left].text.size();
  };
  for (int i = 1; i < static_cast<int>(symbols.size()); ++i) propose(i - 1, i);
  while (!merges.empty()) {
    const Merge merge = merges.top();
    merges.pop();
    Symbol& left = symbols[merge.left];
    Symbol& right = symbols[merge.right];
    if (left.text.empty() || right.text.empty() ||
        left.text.size() + right.text.size() != merge.size)
      continue;
    left.text = {left.text.data(), merge.size};
    left.right = right.right;
    if (right.right >= 0) symbols[right.right].left = merge.left;
    right.text = {};
    propose(left.left, merge.left);
    propose(merge.left, left.right);
  }

  std::vector<int> ids;
  if (add_bos && bos() >= 0) ids.push_back(bos());
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
  return ids;
}

std::string Tokenizer::decode(std::span<const int> ids) const {
  StreamDecoder decoder(*this);
  std::string text;
  for (const int id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

std::string StreamDecoder::push(int id) {
  if (id < 0 || id >= tokenizer_->size()) {
    throw Error("tokenizer: token id {} is outside the vocabulary of {}", id, tokenizer_->size());
  }
  const Vocabulary& v = tokenizer_->vocabulary_;
  if (id == v.bos) at_start_ = true;
  switch (v.types[id]) {
    case TokenType::kControl:
      return {};
    case TokenType::kByte:
      pending_ += static_cast<char>(*byte_value(v.pieces[id]));
      break;
    case TokenType::kUnknown:
      pending_ += kUnknownText;
      break;
    default: {
      std::string_view piece = v.pieces[id];
      if (at_start_ && v.add_space_prefix && piece.starts_with(kSpace))
        piece.remove_prefix(kSpace.size());
      while (!piece.empty()) {
        const bool space = piece.starts_with(kSpace);
        space ? pending_.push_back(' ') : pending_.push_back(piece[0]);
        piece.remove_prefix(space ? kSpace.size() : 1);
      }
    }
  }
  at_start_ = false;
  std::string ready;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const Utf8 front = utf8_front(rest);
    if (front.kind == Utf8Kind::kIncomplete) break;
    ready += front.kind == Utf8Kind::kMalformed ? kReplacement : rest.substr(0, front.length);
    rest.remove_prefix(front.length);
  }
  pending_ = std::string(rest);
  return ready;
}

std::string StreamDecoder::finish() {
  std::string result;
  for (std::size_t i = 0; i < pending_.size(); ++i) result += kReplacement;
  pending_.clear();
  at_start_ = true;
  return result;
}

}  // namespace tern::io
