// SPDX-License-Identifier: Apache-2.0
#include "io/pre_tokenizer.hpp"

#include <unicode/utext.h>

#include <algorithm>

#include "io/error.hpp"

namespace tern::io {

namespace {

struct Row {
  std::string_view name;
  std::string_view expression;
};

constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr Row kKnown[] = {
    {"llama-bpe", kLlama3},    {"llama3", kLlama3},        {"llama-v3", kLlama3},
    {"falcon3", kLlama3},      {"falcon-h1", kLlama3},     {"falcon_e", kLlama3},
    {"qwen2", kQwen2},         {"gpt-2", kGpt2Expression}, {"gpt-neox", kGpt2Expression},
    {"olmo", kGpt2Expression},
};

/// The expression for ICU, which repeats a set in constant memory but a class by its name, like \s,
/// with a stack frame for every character.
std::string with_sets(std::string expression) {
  for (const std::string_view repeated : {R"(\s*)", R"(\s+)"}) {
    for (std::size_t at = 0; (at = expression.find(repeated, at)) != std::string::npos; at += 5)
      expression.replace(at, 2, R"([\s])");
  }
  return expression;
}

[[noreturn]] void fail(UErrorCode status) {
  throw Error("tokenizer: the text cannot be split into words: {}", u_errorName(status));
}

}  // namespace

PreTokenizer::PreTokenizer(std::string_view name) {
  const auto found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                  [&](const Row& row) { return row.name == name; });
  if (found == std::end(kKnown)) {
    throw Error("tokenizer: pre-tokenizer {} is not supported; supported: {}", quote(name),
                names());
  }
  UErrorCode status = U_ZERO_ERROR;
  pattern_.reset(icu::RegexPattern::compile(
      icu::UnicodeString::fromUTF8(with_sets(std::string(found->expression))), 0, status));
  if (U_FAILURE(status)) fail(status);
}

void PreTokenizer::split(std::string_view text,
                         const std::function<void(std::string_view)>& word) const {
  UErrorCode status = U_ZERO_ERROR;
  UText input = UTEXT_INITIALIZER;
  utext_openUTF8(&input, text.data(), static_cast<std::int64_t>(text.size()), &status);
  const std::unique_ptr<UText, UText* (*)(UText*)> closes(&input, utext_close);
  const std::unique_ptr<icu::RegexMatcher> matcher(pattern_->matcher(status));
  if (U_FAILURE(status)) fail(status);
  matcher->reset(&input);
  std::size_t done = 0;
  const auto take = [&](std::size_t end) {
    if (end > done) word(text.substr(done, end - done));
    done = end;
  };
  while (matcher->find(status) && U_SUCCESS(status)) {
    take(static_cast<std::size_t>(matcher->start64(status)));
    take(static_cast<std::size_t>(matcher->end64(status)));
  }
  if (U_FAILURE(status)) fail(status);
  take(text.size());
}

std::vector<std::string> PreTokenizer::name_list() {
  std::vector<std::string> result;
  for (const Row& row : kKnown) result.emplace_back(row.name);
  return result;
}

std::string PreTokenizer::names() { return fmt::format("{}", fmt::join(name_list(), ", ")); }

bool PreTokenizer::knows(std::string_view name) {
  return std::ranges::any_of(kKnown, [&](const Row& row) { return row.name == name; });
}

std::string PreTokenizer::name_of(std::string_view expression) {
  for (const Row& row : kKnown) {
    if (row.expression == expression) return std::string(row.name);
  }
  return {};
}

}  // namespace tern::io
