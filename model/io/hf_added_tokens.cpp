// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/json_values.hpp"
#include "io/mapped_file.hpp"
#include "io/vocabulary.hpp"

namespace tern::io {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t kMostTokens = std::size_t{1} << 24;

json parse_if_there(const fs::path& path) {
  if (!path_exists(path)) return json::object();
  const MappedFile file(path);
  json root = parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                         path.string());
  return root.is_object() ? root : json::object();
}

class AddedTokens {
 public:
  AddedTokens(const fs::path& folder, Vocabulary& v) : folder_(folder), v_(v) {
    for (std::size_t id = 0; id < v.pieces.size(); ++id) ids_.emplace(v.pieces[id], id);
  }
  void read();
  const fs::path& file() const { return file_; }  ///< that is being read

 private:
  const fs::path& open(const char* name) { return file_ = folder_ / name; }
  void read_config(const json& config);
  void add(const std::string& content, std::size_t id, bool special);

  fs::path folder_, file_;
  Vocabulary& v_;
  std::unordered_map<std::string, std::size_t> ids_;
};

/// Puts a token where it is not yet, or makes the piece of that spelling a control token.
void AddedTokens::add(const std::string& content, std::size_t id, bool special) {
  if (const auto found = ids_.find(content); found != ids_.end()) {
    TokenType& type = v_.types[found->second];
    if (special && type == TokenType::kNormal) type = TokenType::kControl;
    if (special || type != TokenType::kNormal) return;
  }
  if (!special)
    throw Error(
        "{}: token {} is added to those of tokenizer.model, which is not supported; give the "
        "model's tokenizer.json too",
        file_.string(), quote(content));
  if (id >= kMostTokens) throw Error("{}: token id {} is too large", file_.string(), id);
  while (v_.pieces.size() <= id) {
    v_.pieces.push_back(fmt::format("[unused {}]", v_.pieces.size()));
    v_.types.push_back(TokenType::kUnused);
    v_.scores.push_back(0);
  }
  if (v_.types[id] != TokenType::kUnused)
    throw Error("{}: token {} has the id {}, which is that of {}", file_.string(), quote(content),
                id, quote(v_.pieces[id]));
  v_.pieces[id] = content;
  v_.types[id] = TokenType::kControl;
  ids_.emplace(content, id);
}

/// Spellings of the tokens with a role: "pad_token" and the like.
std::set<std::string> roles(const json& root) {
  std::set<std::string> result;
  const auto take = [&](const json& token) {
    const json& content = token.is_object() ? token.value("content", json()) : token;
    if (content.is_string()) result.insert(content.get<std::string>());
  };
  for (const auto& [key, value] : root.items()) {
    if (key.ends_with("_token")) take(value);
    if (key == "additional_special_tokens" && value.is_array())
      for (const json& token : value) take(token);
  }
  return result;
}

void AddedTokens::read_config(const json& config) {
  if (const json adds = config.value("add_bos_token", json()); adds.is_boolean())
    v_.add_bos = adds.get<bool>();
  if (config.value("add_eos_token", json()) == true)
    throw Error("{}: add_eos_token is not supported: an end token behind a prompt ends it",
                file_.string());
  const json tokens = config.value("added_tokens_decoder", json::object());
  for (const auto& [name, token] : tokens.items()) {
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
      if (token.value(flag, false))
        throw Error("{}: an added token with {}, {}, is not supported", file_.string(), flag,
                    json_quote(token));
    }
    std::size_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error != std::errc() || end != name.data() + name.size())
      throw Error("{}: {} is no token id", file_.string(), quote(name));
    add(token.at("content"), id, token.value("special", false));
  }
}

void AddedTokens::read() {
  std::set<std::string> special = roles(parse_if_there(open("special_tokens_map.json")));
  const json config = parse_if_there(open("tokenizer_config.json"));
  special.merge(roles(config));
  read_config(config);
  const json added = parse_if_there(open("added_tokens.json"));
  for (const auto& [content, id] : added.items()) {
    if (!ids_.contains(content))
      add(content, json_integer<std::uint32_t>(id, file_.string()), special.contains(content));
  }
}

}  // namespace

void read_added_tokens(const fs::path& folder, Vocabulary& vocabulary) {
  AddedTokens added(folder, vocabulary);
  try {
    added.read();
  } catch (const json::exception& e) {
    throw Error("{}: the added tokens cannot be read: {}", added.file().string(), json_problem(e));
  }
}

}  // namespace tern::io
