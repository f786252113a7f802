// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "io/error.hpp"
#include "io/tokenizer.hpp"

/// tokenize FILE text|control: texts from stdin, each with its length as uint32 in front; for each
/// the number of ids and the ids, then the length and the bytes of the decoded text, to stdout.
/// FILE is a tokenizer.json, a SentencePiece model or a GGUF file; "control" finds control tokens
/// in the text. The text is decoded a token at a time, and a part that is not whole characters ends
/// the program.
namespace tern {
namespace {

std::unique_ptr<io::Tokenizer> open(const std::filesystem::path& path) {
  if (path.extension() == ".gguf") return std::make_unique<io::Tokenizer>(io::Gguf(path));
  return std::make_unique<io::Tokenizer>(path.extension() == ".json"
                                             ? io::read_tokenizer_json(path)
                                             : io::read_sentencepiece_model(path));
}

void put(std::uint32_t value) {
  std::cout.write(reinterpret_cast<const char*>(&value), sizeof value);
}

bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xC0) == 0x80; }

int run(const std::filesystem::path& path, io::ControlTokens control) {
  const auto tokenizer = open(path);
  std::uint32_t size = 0;
  while (std::cin.read(reinterpret_cast<char*>(&size), sizeof size)) {
    std::string text(size, '\0');
    std::cin.read(text.data(), size);
    const std::vector<int> ids = tokenizer->encode(text, false, control);
    put(static_cast<std::uint32_t>(ids.size()));
    std::string decoded;
    io::StreamDecoder decoder(*tokenizer);
    for (const int id : ids) {
      put(static_cast<std::uint32_t>(id));
      const std::string part = decoder.push(id);
      if (!part.empty() && is_continuation(part[0])) throw Error("a character was split");
      decoded += part;
    }
    decoded += decoder.finish();
    put(static_cast<std::uint32_t>(decoded.size()));
    std::cout.write(decoded.data(), static_cast<std::streamsize>(decoded.size()));
  }
  return 0;
}

}  // namespace
}  // namespace tern

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::ios::sync_with_stdio(false);
  try {
    return tern::run(argv[1], std::string_view(argv[2]) == "control"
                                  ? tern::io::ControlTokens::kAreFound
                                  : tern::io::ControlTokens::kAreText);
  } catch (const std::exception& e) {
    fmt::print(stderr, "tokenize: {}\n", e.what());
    return 1;
  }
}
