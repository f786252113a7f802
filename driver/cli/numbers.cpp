// SPDX-License-Identifier: Apache-2.0
#include "numbers.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace tern::cli {
namespace {

/// The whole of `text`, by the rules of std::from_chars.
template <typename T>
std::optional<T> parse_all(std::string_view text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

/// For the help: what every number of the type is goes without saying.
std::string brief(const WholeRange& range) {
  if (range.high != std::numeric_limits<uint64_t>::max())
    return fmt::format("{} to {}", range.low, range.high);
  return range.low == 0 ? std::string() : fmt::format("{} or more", range.low);
}
std::string brief(const RealRange& range) { return fmt::format("{} to {}", range.low, range.high); }

template <typename Range, typename Parse>
CLI::Validator validator(const Range& range, Parse parse) {
  return {[range, parse](std::string& text) {
            const auto value = parse(text);
            if (value && contains(range, *value)) return std::string();
            return fmt::format("{:?} is not {}", text, describe(range));
          },
          brief(range)};
}

/// Rewrites a number as CLI11 understands it, for which a leading 0 means octal.
template <typename T>
CLI::Validator decimal(const char* kind) {
  return {[kind](std::string& text) {
            const std::optional<T> value = parse_all<T>(text);
            if (!value) return fmt::format("{:?} is not {}", text, kind);
            text = fmt::format("{}", *value);
            return std::string();
          },
          ""};
}

void check_option(CLI::Option& option) {
  const std::string type = option.get_type_name();
  if (type.starts_with("UINT")) {
    option.transform(decimal<uint64_t>("a whole number, 0 or more"));
  } else if (type.starts_with("INT")) {
    option.transform(decimal<int64_t>("a whole number"));
  } else if (type.starts_with("FLOAT")) {
    option.transform(CLI::Validator(
        [](std::string& text) {
          return parse_real(text) ? std::string() : fmt::format("{:?} is not a number", text);
        },
        ""));
  }
}

}  // namespace

std::optional<uint64_t> parse_whole(std::string_view text) { return parse_all<uint64_t>(text); }

std::optional<double> parse_real(std::string_view text) {
  const std::optional<double> value = parse_all<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

CLI::Validator within(const WholeRange& range) { return validator(range, parse_whole); }
CLI::Validator within(const RealRange& range) { return validator(range, parse_real); }

void check_numbers(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) check_option(*option);
  for (CLI::App* command : app.get_subcommands({})) check_numbers(*command);
}

}  // namespace tern::cli
