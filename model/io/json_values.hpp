#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>

#include "io/error.hpp"

namespace tern::io {

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
  throw Error("{}: {} is no whole number from {} to {}", origin, quote(value.dump()), Limits::min(),
              Limits::max());
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
