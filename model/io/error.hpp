// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace tern {

/// The one exception of the project for anything a user can cause: files, configurations,
/// arguments. The message is one line that says what is wrong, where, and what to do about it;
/// main() catches it once.
///
///     throw Error("{}: tensor {} has {} rows, expected {}", file, name, rows, expected);
///
/// Text that is not a literal goes through a placeholder: `Error("{}", text)`.
class Error : public std::runtime_error {
 public:
  template <typename... Args>
  explicit Error(fmt::format_string<Args...> format, Args&&... args)
      : std::runtime_error(fmt::format(format, std::forward<Args>(args)...)) {}
};

/// Text that comes from a file, for a message: in quotes, on one line, escaped, cut after 80 bytes.
inline std::string quote(std::string_view text) {
  constexpr std::size_t kLimit = 80;
  return fmt::format("{:?}{}", text.substr(0, kLimit), text.size() > kLimit ? "..." : "");
}

}  // namespace tern
