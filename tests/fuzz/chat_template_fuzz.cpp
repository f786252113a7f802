// SPDX-License-Identifier: Apache-2.0
#include <string_view>
#include <vector>

#include "io/chat_format.hpp"
#include "io/error.hpp"
#include "io/jinja_outline.hpp"
#include "target.hpp"

namespace tern {
namespace {

/// Every byte, and the control tokens of all formats.
const io::Tokenizer& tokenizer() {
  static const io::Tokenizer made = [] {
    io::Vocabulary v;
    const auto add = [&](std::string piece, io::TokenType type) {
      v.pieces.push_back(std::move(piece));
      v.scores.push_back(-static_cast<float>(v.pieces.size()));
      v.types.push_back(type);
    };
    add("<unk>", io::TokenType::kUnknown);
    for (const char* name :
         {"<s>", "</s>", "<|eot_id|>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>",
          "<|end_header_id|>", "<|system|>", "<|user|>", "<|assistant|>"})
      add(name, io::TokenType::kControl);
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (std::size_t byte = 0; byte < 256; ++byte)
      add(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">", io::TokenType::kByte);
    for (const char* piece : {"\u2581", "u", "s", "e", "r"}) add(piece, io::TokenType::kNormal);
    v.bos = 1;
    v.eos = 2;
    return io::Tokenizer(std::move(v));
  }();
  return made;
}

}  // namespace
}  // namespace tern

/// A chat template as a model file carries it, and a conversation in the format that it is taken
/// for; then the same text as what is said in each format.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const io::Tokenizer& tokenizer = tern::tokenizer();
  const fuzz::TimeBound time;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto converse = [&](const io::ChatFormat& format) {
    const std::vector<io::ChatMessage> messages = {{io::ChatRole::kSystem, text},
                                                   {io::ChatRole::kUser, "user"},
                                                   {io::ChatRole::kAssistant, text},
                                                   {io::ChatRole::kUser, text}};
    const std::vector<int> ids = format.encode(tokenizer, messages);
    tokenizer.decode(ids);
    format.ends(tokenizer);
  };
  try {
    io::jinja_outline(text);
    converse(io::ChatFormat::of_template(text));
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  for (const std::string& name : io::ChatFormat::names()) converse(io::ChatFormat::named(name));
  return 0;
}
