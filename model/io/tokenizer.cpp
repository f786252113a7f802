#include "io/tokenizer.hpp"

#include <utility>

#include "io/encoder.hpp"
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
  control_ = std::make_unique<TokenFinder>();
  for (int id = 0; id < size(); ++id) {
    const auto type = static_cast<std::int32_t>(v.types[id]);
    if (type < 1 || type > 6) throw Error("tokenizer: token {} has unknown type {}", id, type);
    if (v.types[id] == TokenType::kControl) control_->add(v.pieces[id], id);
  }
  encoder_ = v.kind == TokenizerKind::kByteLevel ? make_byte_level(v) : make_sentencepiece(v);
}

std::vector<int> Tokenizer::encode(std::string_view text, bool add_bos,
                                   ControlTokens control) const {
  if (text.size() >= kMaxText)
    throw Error("tokenizer: a text of {} bytes is too long", text.size());
  std::vector<int> ids;
  if (add_bos && bos() >= 0) ids.push_back(bos());
  if (control == ControlTokens::kAreText) {
    encoder_->encode(text, ids);
    return ids;
  }
  control_->split(text, [&](std::string_view stretch, int id) {
    id >= 0 ? ids.push_back(id) : encoder_->encode(stretch, ids);
  });
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
  if (v.types[id] == TokenType::kControl) return {};
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
