// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>

#include "io/error.hpp"

namespace tern::io {

/// A value for a message: as quote(), whatever bytes its strings have.
inline std::string json_quote(const nlohmann::json& value) {
  return quote(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// The value of a whole number that fits into T. The library itself converts any number to any
/// other, which is undefined where it does not fit. Throws Error that begins with `origin`.
template <typename T>
T json_integer(const nlohmann::json& value, std::string_view origin) {
  using Limits = std::numeric_limits<T>;
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(Limits::max())) return static_cast<T>(number);
  } else if (std::is_signed_v<T> && value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (number >= static_cast<std::int64_t>(Limits::min())) return static_cast<T>(number);
  }
  throw Error("{}: {} is no whole number from {} to {}", origin, json_quote(value), Limits::min(),
              Limits::max());
}

/// Refuses text or CBOR whose lists and maps lie deeper in each other than any file has reason to:
/// what reads, copies and prints values calls itself once for each level, and a stack has an end.
/// Whatever else is wrong is left to the reader. Throws Error that begins with `origin`.
template <typename Iterator>
void check_json_depth(Iterator first, Iterator last, nlohmann::json::input_format_t format,
                      std::string_view origin) {
  constexpr int kDeepest = 64;
  struct Depth {
    int depth = 0;
    bool too_deep = false;
    bool open(std::size_t) {
      too_deep = ++depth > kDeepest;
      return !too_deep;
    }
    bool close() { return --depth, true; }

    bool null() { return true; }
    bool boolean(bool) { return true; }
    bool number_integer(std::int64_t) { return true; }
    bool number_unsigned(std::uint64_t) { return true; }
    bool number_float(double, const std::string&) { return true; }
    bool string(std::string&) { return true; }
    bool binary(nlohmann::json::binary_t&) { return true; }
    bool key(std::string&) { return true; }
    bool start_object(std::size_t elements) { return open(elements); }
    bool end_object() { return close(); }
    bool start_array(std::size_t elements) { return open(elements); }
    bool end_array() { return close(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) {
      return false;
    }
  } check;
  nlohmann::json::sax_parse(first, last, &check, format);
  if (check.too_deep)
    throw Error("{}: lists and maps lie more than {} deep in each other; the file is damaged",
                origin, kDeepest);
}

/// The value that JSON text says. Throws Error as check_json_depth(), and nlohmann::json::exception
/// for text that is no JSON.
inline nlohmann::json parse_json(std::string_view text, std::string_view origin) {
  check_json_depth(text.begin(), text.end(), nlohmann::json::input_format_t::json, origin);
  return nlohmann::json::parse(text);
}

/// What an exception of the library says, on one line and cut: it repeats the text that it could
/// not read, however long.
inline std::string json_problem(const nlohmann::json::exception& e) {
  constexpr std::size_t kLimit = 160;
  const std::string_view what = e.what();
  const std::string escaped = fmt::format("{:?}", what.substr(0, kLimit));
  return escaped.substr(1, escaped.size() - 2) + (what.size() > kLimit ? "..." : "");
}

}  // namespace tern::io
