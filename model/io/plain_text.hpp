// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tern::io {

/// `text` as it may go to a terminal: control characters (C0, DEL, C1), characters that turn the
/// direction of writing, and bytes that are not UTF-8 become \xNN, all else stays. Line feeds and
/// tabs stay too.
std::string plain_text(std::string_view text);

/// The same for what must stay on one line, such as names: line feeds, tabs and the line separators
/// of Unicode are escaped as well.
std::string plain_line(std::string_view text);

}  // namespace tern::io
