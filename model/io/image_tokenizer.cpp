// SPDX-License-Identifier: Apache-2.0
// The tokenizer block of an image: a vocabulary as one CBOR value.
#include <nlohmann/json.hpp>

#include "io/error.hpp"
#include "io/image.hpp"
#include "io/image_parts.hpp"
#include "io/json_values.hpp"

namespace tern::io {
namespace {

/// Images without "space_prefix" say whether there is one in "add_space_prefix".
SpacePrefix space_prefix_of(const nlohmann::json& block, const std::string& origin) {
  if (!block.contains("space_prefix"))
    return block.at("add_space_prefix").get<bool>() ? SpacePrefix::kAlways : SpacePrefix::kNone;
  const auto prefix = json_integer<unsigned>(block.at("space_prefix"), origin);
  if (prefix > static_cast<unsigned>(SpacePrefix::kFirst))
    throw Error("{}: space prefix {} is not known; convert the model again", origin, prefix);
  return static_cast<SpacePrefix>(prefix);
}

}  // namespace

std::vector<uint8_t> pack_tokenizer(const Vocabulary& v) {
  std::vector<int> types;
  for (TokenType t : v.types) types.push_back(static_cast<int>(t));
  nlohmann::json block = {{"pieces", v.pieces},  {"scores", v.scores},
                          {"types", types},      {"bos", v.bos},
                          {"eos", v.eos},        {"space_prefix", static_cast<int>(v.space_prefix)},
                          {"add_bos", v.add_bos}};
  if (!v.ends.empty()) block["ends"] = v.ends;
  if (v.tokens_first) block["tokens_first"] = true;
  if (!v.late_tokens.empty()) block["late_tokens"] = v.late_tokens;
  if (!v.merges.empty()) block["merges"] = v.merges;
  if (!v.chat_template.empty()) block["chat_template"] = v.chat_template;
  if (v.kind == TokenizerKind::kByteLevel) {
    block["pre"] = v.pre;
    block["ignore_merges"] = v.ignore_merges;
    block["nfc"] = v.nfc;
  }
  return nlohmann::json::to_cbor(block);
}

void Image::parse_tokenizer(std::span<const uint8_t> block) {
  Vocabulary v;
  try {
    check_json_depth(block.begin(), block.end(), nlohmann::json::input_format_t::cbor, origin_);
    const auto json = nlohmann::json::from_cbor(block.begin(), block.end());
    if (json.at("pieces").size() != model_.vocab) {
      throw Error("{}: the tokenizer has {} tokens, the model {}; convert the model again", origin_,
                  json.at("pieces").size(), model_.vocab);
    }
    json.at("pieces").get_to(v.pieces);
    json.at("scores").get_to(v.scores);
    for (const nlohmann::json& type : json.at("types"))
      v.types.push_back(static_cast<TokenType>(json_integer<int>(type, origin_)));
    v.bos = json_integer<int>(json.at("bos"), origin_);
    v.eos = json_integer<int>(json.at("eos"), origin_);
    v.space_prefix = space_prefix_of(json, origin_);
    v.tokens_first = json.value("tokens_first", false);
    const auto tokens = [&](const char* name, std::vector<int>& ids) {
      for (const nlohmann::json& id : json.value(name, nlohmann::json::array()))
        ids.push_back(json_integer<int>(id, origin_));
    };
    tokens("ends", v.ends);
    tokens("late_tokens", v.late_tokens);
    if (model_.eos < model_.vocab) v.ends.push_back(static_cast<int>(model_.eos));
    json.at("add_bos").get_to(v.add_bos);
    v.merges = json.value("merges", v.merges);
    v.chat_template = json.value("chat_template", v.chat_template);
    if (json.contains("pre")) {
      v.kind = TokenizerKind::kByteLevel;
      json.at("pre").get_to(v.pre);
      json.at("ignore_merges").get_to(v.ignore_merges);
      json.at("nfc").get_to(v.nfc);
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error("{}: the tokenizer cannot be read ({}); convert the model again", origin_,
                json_problem(e));
  }
  tokenizer_ = std::make_unique<Tokenizer>(std::move(v));
}

}  // namespace tern::io
