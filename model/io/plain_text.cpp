// SPDX-License-Identifier: Apache-2.0
#include "io/plain_text.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "io/utf8.hpp"

namespace tern::io {
namespace {

bool is_harmless_ascii(char c, bool one_line) {
  if (c == '\n' || c == '\t') return !one_line;
  return c >= 0x20 && c < 0x7f;
}

/// Whether a character of more than one byte neither controls a terminal nor turns the direction of
/// the text that follows it: U+0080 to U+009F, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069.
bool is_harmless(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(character[i]); };
  if (character.size() == 2) return !(byte(0) == 0xC2 && byte(1) < 0xA0);
  if (character.size() != 3 || byte(0) != 0xE2) return true;
  if (byte(1) == 0x80)
    return byte(2) != 0x8E && byte(2) != 0x8F && !(byte(2) >= 0xA8 && byte(2) <= 0xAE);
  return !(byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
}

std::string plain(std::string_view text, bool one_line) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8 front = utf8_front(text);
    const std::string_view character = text.substr(0, front.length);
    text.remove_prefix(front.length);
    const bool stays =
        front.kind == Utf8Kind::kCharacter &&
        (front.length == 1 ? is_harmless_ascii(character[0], one_line) : is_harmless(character));
    if (stays) {
      out += character;
    } else {
      for (const char c : character) out += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(c));
    }
  }
  return out;
}

}  // namespace

std::string plain_text(std::string_view text) { return plain(text, false); }
std::string plain_line(std::string_view text) { return plain(text, true); }

}  // namespace tern::io
