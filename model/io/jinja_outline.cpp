// SPDX-License-Identifier: Apache-2.0
#include "io/jinja_outline.hpp"

#include <algorithm>

namespace tern::io {

namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kWhite = " \t\n\r\f\v";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Outliner {
 public:
  explicit Outliner(std::string_view text) : rest_(text) {}
  JinjaOutline run();

 private:
  void text(std::string_view raw);
  void tag();
  void string_literal();
  void written(std::string_view text);

  std::string_view rest_;
  JinjaOutline outline_;
  char before_ = '%';   ///< kind of the tag in front of the text: '{', '%' or '#'
  bool strips_ = true;  ///< and whether it takes the white space behind it
};

/// Cuts around "<|...|>".
void Outliner::written(std::string_view text) {
  while (!text.empty()) {
    const std::size_t begin = text.find("<|");
    const std::size_t end = begin == text.npos ? text.npos : text.find("|>", begin);
    if (end == text.npos) break;
    if (begin > 0) outline_.written.emplace(text.substr(0, begin));
    outline_.written.emplace(text.substr(begin, end + 2 - begin));
    text.remove_prefix(end + 2);
  }
  if (!text.empty()) outline_.written.emplace(text);
}

/// The text in front of the next tag, which `rest_` begins with.
void Outliner::text(std::string_view raw) {
  const bool last = rest_.empty();
  if (strips_) {
    raw.remove_prefix(std::min(raw.find_first_not_of(kWhite), raw.size()));
  } else if (before_ != '{' && raw.starts_with('\n')) {
    raw.remove_prefix(1);
  }
  if (last) {
    if (raw.ends_with('\n')) raw.remove_suffix(1);
  } else if (rest_.size() > 2 && rest_[2] == '-') {
    raw = raw.substr(0, raw.find_last_not_of(kWhite) + 1);
  } else if (rest_[1] != '{') {
    const std::size_t end = raw.find_last_not_of(kBlanks) + 1;
    if (end == 0 || raw[end - 1] == '\n') raw = raw.substr(0, end);
  }
  written(raw);
}

/// `rest_` begins with a quote.
void Outliner::string_literal() {
  const char quote = rest_[0];
  std::string value;
  std::size_t i = 1;
  for (; i < rest_.size() && rest_[i] != quote; ++i) {
    if (rest_[i] != '\\' || i + 1 == rest_.size()) {
      value += rest_[i];
      continue;
    }
    const char c = rest_[++i];
    value += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
  }
  rest_.remove_prefix(std::min(i + 1, rest_.size()));
  written(value);
  std::string& code = outline_.code;
  if (code.ends_with("'+")) {
    code.resize(code.size() - 2);
  } else {
    code += '\'';
  }
  code += value + '\'';
}

/// `rest_` begins with a tag; a comment is dropped.
void Outliner::tag() {
  before_ = rest_[1];
  rest_.remove_prefix(2);
  const std::string closing = before_ == '{' ? "}}" : before_ == '%' ? "%}" : "#}";
  if (rest_.starts_with('-')) rest_.remove_prefix(1);
  std::string& code = outline_.code;
  strips_ = false;
  while (!rest_.empty() && !rest_.starts_with(closing)) {
    const char c = rest_[0];
    strips_ = c == '-';
    if (before_ != '#' && (c == '\'' || c == '"')) {
      string_literal();
      continue;
    }
    rest_.remove_prefix(1);
    if (before_ == '#' || kWhite.find(c) != kWhite.npos) continue;
    if (c != '.') {
      code += c;
      continue;
    }
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    code += "['" + std::string(rest_.substr(0, length)) + "']";
    rest_.remove_prefix(length);
  }
  rest_.remove_prefix(std::min<std::size_t>(2, rest_.size()));
  code += '\n';
}

JinjaOutline Outliner::run() {
  strips_ = false;
  before_ = '{';
  while (!rest_.empty()) {
    std::size_t at = 0;
    while ((at = rest_.find('{', at)) != rest_.npos) {
      if (at + 1 < rest_.size() && std::string_view("{%#").find(rest_[at + 1]) != std::string::npos)
        break;
      ++at;
    }
    const std::string_view raw = rest_.substr(0, at);
    rest_.remove_prefix(raw.size());
    text(raw);
    if (!rest_.empty()) tag();
  }
  return std::move(outline_);
}

}  // namespace

JinjaOutline jinja_outline(std::string_view text) { return Outliner(text).run(); }

}  // namespace tern::io
