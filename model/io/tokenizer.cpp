// SPDX-License-Identifier: Apache-2.0
#include "io/tokenizer.hpp"

#include <utility>

#include "io/encoder.hpp"
#include "io/end_tokens.hpp"
#include "io/error.hpp"
#include "io/utf8.hpp"

namespace tern::io {

namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 30;

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) { index(); }

Tokenizer::Tokenizer(const Gguf& gguf) : vocabulary_(read_gguf_vocabulary(gguf)) {
  try {
    index();
  } catch (const Error& e) {
    throw Error("{}: {}", gguf.file(), e.what());
  }
}

Tokenizer::~Tokenizer() = default;

void Tokenizer::index() {
  const Vocabulary& v = vocabulary_;
  if (v.pieces.empty()) throw Error("tokenizer: the vocabulary is empty");
  if (v.types.size() != v.pieces.size()) {
    throw Error("tokenizer: {} pieces, {} types; the numbers must agree", v.pieces.size(),
                v.types.size());
  }
  for (const auto& [name, id] : {std::pair("bos", v.bos), std::pair("eos", v.eos)}) {
    if (id < -1 || id >= size())
      throw Error("tokenizer: {} is {}, there are {} tokens", name, id, size());
  }
  for (const auto& [name, ids] : {std::pair("end", &v.ends), std::pair("late", &v.late_tokens)}) {
    for (const int id : *ids) {
      if (id < 0 || id >= size())
        throw Error("tokenizer: {} token {} is outside of the {} tokens", name, id, size());
    }
  }
  std::ranges::sort(vocabulary_.late_tokens);
  SpecialTokens special = find_special_tokens(v);
  ends_ = std::move(special.ends);
  is_control_.assign(v.pieces.size(), false);
  for (const int id : special.control) {
    is_control_[id] = true;
    TokenType& type = vocabulary_.types[id];
    if (type == TokenType::kUserDefined || type == TokenType::kUnused) type = TokenType::kControl;
  }
  control_ = std::make_unique<TokenFinder>();
  for (int id = 0; id < size(); ++id) {
    const auto type = static_cast<std::int32_t>(v.types[id]);
    if (type < 1 || type > 6) throw Error("tokenizer: token {} has unknown type {}", id, type);
    if (v.types[id] == TokenType::kControl) is_control_[id] = true;
    if (is_control_[id]) control_->add(v.pieces[id], id);
  }
  encoder_ = v.kind == TokenizerKind::kByteLevel ? make_byte_level(v) : make_sentencepiece(v);
}

std::vector<int> Tokenizer::encode(std::string_view text, bool add_bos,
                                   ControlTokens control) const {
  const TextPart part{std::string(text), control};
  return encode({&part, 1}, add_bos);
}

std::vector<int> Tokenizer::encode(std::span<const TextPart> parts, bool add_bos) const {
  std::vector<int> ids;
  if (add_bos && bos() >= 0) ids.push_back(bos());
  std::string waiting;   // text since the last control token
  bool at_start = true;  // of the whole text
  const auto flush = [&] {
    if (waiting.size() >= kMaxText)
      throw Error("tokenizer: a text of {} bytes is too long", waiting.size());
    if (!waiting.empty()) encoder_->encode(waiting, at_start, ids);
    at_start = false;
    waiting.clear();
  };
  for (const TextPart& part : parts) {
    if (part.control == ControlTokens::kAreText) {
      waiting += part.text;
      continue;
    }
    control_->split(part.text, [&](std::string_view stretch, int id) {
      if (id < 0) {
        waiting += stretch;
        return;
      }
      flush();
      ids.push_back(id);
    });
  }
  flush();
  return ids;
}

int Tokenizer::control_token(std::string_view spelling) const { return control_->find(spelling); }

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
  if (tokenizer_->is_control_[id]) return {};
  tokenizer_->encoder_->decode(id, at_start_, pending_);
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
