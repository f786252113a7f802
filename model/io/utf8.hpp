// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tern::io {

/// What stands at the beginning of a text.
enum class Utf8Kind {
  kCharacter,   ///< a well-formed character of `length` bytes
  kIncomplete,  ///< the text ends inside what may become a character
  kMalformed,   ///< the first byte belongs to no character
};

struct Utf8 {
  Utf8Kind kind;
  std::size_t length;  ///< bytes to consume: 1 to 4; 1 if malformed; all the text if incomplete
};

/// U+FFFD, which stands for a byte that is not UTF-8.
inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Classifies the beginning of `text`, which must not be empty, by Unicode 15, table 3-7: no
/// surrogates, no overlong forms, nothing above U+10FFFF.
constexpr Utf8 utf8_front(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {Utf8Kind::kCharacter, 1};
  if (lead < 0xC2 || lead > 0xF4) return {Utf8Kind::kMalformed, 1};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Utf8Kind::kIncomplete, text.size()};
    const std::uint8_t low = i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const std::uint8_t high = i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < low || byte(i) > high) return {Utf8Kind::kMalformed, 1};
  }
  return {Utf8Kind::kCharacter, length};
}

/// The text with U+FFFD for each byte that is part of no character.
inline std::string valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const bool good = utf8_front(text).kind == Utf8Kind::kCharacter;
    const std::size_t length = good ? utf8_front(text).length : 1;
    result += good ? text.substr(0, length) : kReplacement;
    text.remove_prefix(length);
  }
  return result;
}

static_assert(utf8_front("a").length == 1 && utf8_front("\xC3\xA9").length == 2);
static_assert(utf8_front("\xF0\x9F\x98\x80").length == 4);
static_assert(utf8_front("\xF0\x9F").kind == Utf8Kind::kIncomplete);
static_assert(utf8_front("\xED\xA0\x80").kind == Utf8Kind::kMalformed);  // a surrogate
static_assert(utf8_front("\xC0\x80").kind == Utf8Kind::kMalformed);      // overlong

}  // namespace tern::io
