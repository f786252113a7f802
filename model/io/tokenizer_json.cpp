// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/json_values.hpp"
#include "io/mapped_file.hpp"
#include "io/pre_tokenizer.hpp"
#include "io/vocabulary.hpp"

namespace tern::io {

namespace {

using nlohmann::json;

constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581
constexpr std::size_t kGap = 1024;                   // ids without a token that any file may have

json parse_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto* text = reinterpret_cast<const char*>(file.bytes().data());
  return parse_json({text, file.bytes().size()}, path.string());
}

/// The member, or null.
const json& member(const json& object, const char* name) {
  static const json null;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : null;
}

bool is_empty(const json& value) { return value.is_null() || value == "" || value == 0.0; }

/// A processor as a list: the members of a Sequence, or itself, or nothing.
std::vector<json> steps(const json& value, const char* list) {
  if (value.is_null()) return {};
  if (member(value, "type") == "Sequence") return value.at(list).get<std::vector<json>>();
  return {value};
}

class Reader {
 public:
  explicit Reader(std::filesystem::path path)
      : path_(std::move(path)), root_(parse_file(path_)), model_(root_.at("model")) {}

  Vocabulary read();

 private:
  [[noreturn]] void refuse(std::string_view what, const json& found) const {
    throw Error("{}: {} {} is not supported", path_.string(), what, json_quote(found));
  }
  void check_model() const;
  void read_pieces();
  void read_merges();
  void read_byte_level(const std::vector<json>& pre);
  void read_sentencepiece(const std::vector<json>& pre);
  void read_ends();
  int id_of(const json& token) const;
  int token_in_front(const json& template_processing) const;

  std::filesystem::path path_;
  json root_;
  const json& model_;
  Vocabulary v_;
  std::map<std::string, int, std::less<>> ids_;
};

void Reader::check_model() const {
  const json& type = member(model_, "type");
  if (!type.is_null() && type != "BPE") refuse("model type", type);
  for (const char* name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!is_empty(member(model_, name))) refuse(fmt::format("model.{}", name), model_.at(name));
  }
}

void Reader::read_pieces() {
  const std::size_t tokens = model_.at("vocab").size() + member(root_, "added_tokens").size();
  const auto place = [&](const std::string& piece, const json& number, TokenType type) {
    const auto id = json_integer<std::uint64_t>(number, path_.string());
    if (id >= 2 * tokens + kGap)
      throw Error("{}: token id {} is too large for {} tokens", path_.string(), id, tokens);
    if (id >= v_.pieces.size()) {
      v_.pieces.resize(id + 1);
      v_.types.resize(id + 1, TokenType::kUnused);
    }
    v_.pieces[id] = piece;
    v_.types[id] = type;
    ids_[piece] = static_cast<int>(id);
  };
  const bool bytes = v_.kind == TokenizerKind::kSentencePiece;
  for (const auto& [piece, id] : model_.at("vocab").items()) {
    const bool byte = bytes && piece.size() == 6 && piece.starts_with("<0x") && piece[5] == '>';
    place(piece, id, byte ? TokenType::kByte : TokenType::kNormal);
  }
  for (const json& token : member(root_, "added_tokens")) {
    for (const char* name : {"single_word", "lstrip", "rstrip"}) {
      if (member(token, name) == true) refuse(fmt::format("an added token with {}", name), token);
    }
    const bool special = token.at("special") == true;
    place(token.at("content"), token.at("id"),
          special ? TokenType::kControl : TokenType::kUserDefined);
    if (!special && token.value("normalized", true)) v_.late_tokens.push_back(id_of(token));
  }
  if (const json& unknown = member(model_, "unk_token"); unknown.is_string()) {
    const int id = id_of(unknown);
    if (id >= 0) v_.types[id] = TokenType::kUnknown;
  }
  // Ids without a token: nothing encodes to them.
  for (std::size_t id = 0; id < v_.pieces.size(); ++id) {
    if (v_.pieces[id].empty()) v_.pieces[id] = fmt::format("[unused {}]", id);
  }
}

void Reader::read_merges() {
  for (const json& merge : model_.at("merges")) {
    v_.merges.push_back(merge.is_string() ? merge.get<std::string>()
                                          : fmt::format("{} {}", merge.at(0).get<std::string>(),
                                                        merge.at(1).get<std::string>()));
    const std::string& text = v_.merges.back();
    std::string both = text;
    if (const std::size_t space = text.find(' ', 1); space != std::string::npos)
      both.erase(space, 1);
    if (v_.kind == TokenizerKind::kByteLevel && !ids_.contains(both))
      refuse("a merge whose union is no token", merge);
  }
}

void Reader::read_byte_level(const std::vector<json>& pre) {
  v_.ignore_merges = member(model_, "ignore_merges") == true;
  for (const json& step : steps(member(root_, "normalizer"), "normalizers")) {
    if (member(step, "type") != "NFC") refuse("normalizer", step);
    v_.nfc = true;
  }
  const json& bytes = pre.back();
  if (member(bytes, "add_prefix_space") == true) refuse("pre_tokenizer", bytes);
  const bool gpt2 = member(bytes, "use_regex") != false;
  if (pre.size() == 1 && gpt2) {
    v_.pre = PreTokenizer::kGpt2;
    return;
  }
  const json& split = pre.front();
  const json& expression = member(member(split, "pattern"), "Regex");
  if (pre.size() == 2 && !gpt2 && member(split, "type") == "Split" && expression.is_string() &&
      member(split, "behavior") == "Isolated" && member(split, "invert") != true) {
    v_.pre = PreTokenizer::name_of(expression.get<std::string>());
  }
  if (!v_.pre.empty()) return;
  if (!expression.is_string()) refuse("pre_tokenizer", root_.at("pre_tokenizer"));
  throw Error("{}: pre_tokenizer with the expression {} is not supported; supported: those of {}",
              path_.string(), quote(expression.get<std::string>()), PreTokenizer::names());
}

void Reader::read_sentencepiece(const std::vector<json>& pre) {
  if (member(model_, "ignore_merges") == true) refuse("model.ignore_merges", true);
  if (std::ranges::count(v_.types, TokenType::kByte) == 0)
    refuse("model.byte_fallback without byte tokens", true);
  v_.scores.assign(v_.pieces.size(), 0);
  v_.space_prefix = SpacePrefix::kNone;
  v_.tokens_first = true;
  bool replaces = false;
  for (const json& step : steps(member(root_, "normalizer"), "normalizers")) {
    if (member(step, "type") == "Prepend" && member(step, "prepend") == kSpace && !replaces &&
        v_.space_prefix == SpacePrefix::kNone) {
      v_.space_prefix = SpacePrefix::kAlways;
    } else if (member(step, "type") == "Replace" &&
               member(member(step, "pattern"), "String") == " " &&
               member(step, "content") == kSpace) {
      replaces = true;
    } else {
      refuse("normalizer", step);
    }
  }
  for (const json& step : pre) {
    const std::string scheme = step.value("prepend_scheme", "always");
    const json& prefixes = member(step, "add_prefix_space");  // the scheme's older form
    if (replaces || (scheme != "first" && scheme != "always" && scheme != "never") ||
        (prefixes.is_boolean() && prefixes != (scheme != "never")) ||
        member(step, "type") != "Metaspace" || member(step, "replacement") != kSpace ||
        member(step, "split") != false) {
      refuse("pre_tokenizer", step);
    }
    replaces = true;
    // Behind a Prepend it would find the space there, but for what is spelt as a token.
    if (v_.space_prefix != SpacePrefix::kNone) refuse("normalizer", root_.at("normalizer"));
    if (scheme != "never")
      v_.space_prefix = scheme == "first" ? SpacePrefix::kFirst : SpacePrefix::kUnlessThere;
  }
  if (!replaces)
    refuse("a SentencePiece tokenizer whose normalizer is", member(root_, "normalizer"));
}

int Reader::id_of(const json& token) const {
  const json& content = token.is_object() ? member(token, "content") : token;
  const auto found = content.is_string() ? ids_.find(content.get<std::string>()) : ids_.end();
  return found == ids_.end() ? -1 : found->second;
}

/// The token that a template puts in front of a text; -1: none. Refuses a template that adds
/// anything else.
int Reader::token_in_front(const json& template_processing) const {
  const json& single = template_processing.at("single");
  const std::size_t size = single.size();
  if (size < 1 || size > 2 || member(single.at(size - 1), "Sequence").is_null())
    refuse("post_processor", template_processing);
  if (size == 1) return -1;
  const json& name = member(member(single.at(0), "SpecialToken"), "id");
  const int id = id_of(name);
  const json& ids = name.is_string() ? member(member(member(template_processing, "special_tokens"),
                                                     name.get<std::string>().c_str()),
                                              "ids")
                                     : name;
  if (id < 0 || ids != json::array({id})) refuse("post_processor", template_processing);
  return id;
}

void Reader::read_ends() {
  const std::filesystem::path beside = path_.parent_path() / "tokenizer_config.json";
  const json config = path_exists(beside) ? parse_file(beside) : json::object();
  v_.bos = id_of(member(config, "bos_token"));
  v_.eos = id_of(member(config, "eos_token"));
  v_.add_bos = false;
  for (const json& step : steps(member(root_, "post_processor"), "processors")) {
    const json& type = member(step, "type");
    if (type == "ByteLevel") continue;  // moves offsets alone
    if (type != "TemplateProcessing") refuse("post_processor", step);
    const int front = token_in_front(step);
    if (front < 0) continue;
    if (v_.bos < 0) v_.bos = front;
    if (front != v_.bos || v_.add_bos) refuse("post_processor", step);
    v_.add_bos = true;
  }
  const json& add_bos = member(config, "add_bos_token");
  if (add_bos.is_boolean()) v_.add_bos = add_bos.get<bool>();
  if (member(config, "add_eos_token") == true)
    throw Error("{}: add_eos_token is not supported: an end token behind a prompt ends it",
                beside.string());
}

Vocabulary Reader::read() {
  check_model();
  const std::vector<json> pre = steps(member(root_, "pre_tokenizer"), "pretokenizers");
  const bool byte_level = !pre.empty() && member(pre.back(), "type") == "ByteLevel";
  if (!byte_level && member(model_, "byte_fallback") != true)
    refuse("a tokenizer without byte fallback whose pre_tokenizer is",
           member(root_, "pre_tokenizer"));
  v_.kind = byte_level ? TokenizerKind::kByteLevel : TokenizerKind::kSentencePiece;
  read_pieces();
  read_merges();
  byte_level ? read_byte_level(pre) : read_sentencepiece(pre);
  read_ends();
  return std::move(v_);
}

}  // namespace

Vocabulary read_tokenizer_json(const std::filesystem::path& path) {
  try {
    return Reader(path).read();
  } catch (const json::exception& e) {
    throw Error("{}: is not a tokenizer.json, or is damaged: {}", path.string(), json_problem(e));
  }
}

}  // namespace tern::io
