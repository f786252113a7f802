// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace tern::io {

/// What of a Jinja template tells whether it is a known one.
struct JinjaOutline {
  /// The code of all tags, one after the other and each with a line end: without white space,
  /// x.role spelt x['role'], strings in single quotes with their escapes resolved, and 'a' + 'b'
  /// joined.
  std::string code;
  /// What the template can write by itself: its strings and the text between its tags, cut so that
  /// "<|...|>" stands alone.
  std::set<std::string, std::less<>> written;
};

/// Reads a template as transformers renders it: the line end after a block and the blanks before
/// one are not written. Takes time in proportion to the text. A tag that does not end ends there.
JinjaOutline jinja_outline(std::string_view text);

}  // namespace tern::io
