// SPDX-License-Identifier: Apache-2.0
#include "tern/backend_options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "io/error.hpp"

namespace tern {
namespace {

template <typename Range>
std::string describe_as(const char* kind, const Range& range) {
  return fmt::format("{} from {} to {}{}{}", kind, range.low, range.high,
                     range.unit.empty() ? "" : " ", range.unit);
}

std::string printed(const OptionValue& value) {
  return std::visit([](const auto& v) { return fmt::format("{}", v); }, value);
}

/// What is wrong with a value, behind it; empty if nothing is.
std::string problem_of(const WholeRange& range, const OptionValue& given) {
  const auto* number = std::get_if<uint64_t>(&given);
  return number && contains(range, *number) ? "" : fmt::format("is not {}", describe(range));
}
std::string problem_of(const RealRange& range, const OptionValue& given) {
  const auto* whole = std::get_if<uint64_t>(&given);
  const auto* real = std::get_if<double>(&given);
  const bool good =
      (whole && contains(range, static_cast<double>(*whole))) || (real && contains(range, *real));
  return good ? "" : fmt::format("is not {}", describe(range));
}
std::string problem_of(const TextRange& range, const OptionValue& given) {
  const auto* text = std::get_if<std::string>(&given);
  if (!text) return "is not a text";
  if (!range.choices.empty() && std::ranges::find(range.choices, *text) == range.choices.end())
    return fmt::format("is none of {}", fmt::join(range.choices, ", "));
  const std::string problem = range.problem ? range.problem(*text) : std::string();
  return problem.empty() ? problem : "cannot be taken: " + problem;
}

}  // namespace

std::string describe(const WholeRange& range) { return describe_as("a whole number", range); }
std::string describe(const RealRange& range) { return describe_as("a number", range); }

bool BackendOption::has_default() const {
  const auto* text = std::get_if<std::string>(&value);
  return !(text && text->empty()) && problem(value).empty();
}

std::string BackendOption::problem(const OptionValue& given) const {
  const std::string what = std::visit([&](const auto& r) { return problem_of(r, given); }, range);
  return what.empty() ? what : fmt::format("{} {} {}", name, printed(given), what);
}

void BackendOptions::set(std::string_view name, OptionValue value) {
  for (auto& [known, old] : given_) {
    if (known != name) continue;
    old = std::move(value);
    return;
  }
  given_.emplace_back(name, std::move(value));
}

void BackendOptions::erase(const BackendOption& option) {
  std::erase_if(given_, [&](const auto& entry) { return entry.first == option.name; });
}

const OptionValue& BackendOptions::value(const BackendOption& option) const {
  for (const auto& [name, value] : given_) {
    if (name == option.name) return value;
  }
  return option.value;
}

uint64_t BackendOptions::whole(const BackendOption& option) const {
  return std::get<uint64_t>(value(option));
}

double BackendOptions::real(const BackendOption& option) const {
  const OptionValue& v = value(option);
  const auto* whole = std::get_if<uint64_t>(&v);
  return whole ? static_cast<double>(*whole) : std::get<double>(v);
}

std::string BackendOptions::text(const BackendOption& option) const {
  return std::get<std::string>(value(option));
}

bool BackendOptions::differs(const BackendOption& option) const {
  const OptionValue& v = value(option);
  if (const auto* whole = std::get_if<uint64_t>(&v);
      whole && std::holds_alternative<double>(option.value))
    return static_cast<double>(*whole) != std::get<double>(option.value);
  return v != option.value;
}

}  // namespace tern
