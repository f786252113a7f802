# SPDX-License-Identifier: Apache-2.0
# Writes OUT, a C++ header with the texts of FILES (separated by '|').
string(REPLACE "|" ";" files "${FILES}")
set(entries "")
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND entries "    {\"${name}\", R\"~~~(${text})~~~\"},\n")
endforeach()
file(WRITE ${OUT}.tmp "// Written by sim/energy/embed.cmake.
#pragma once

#include <string_view>

namespace tern::energy {
struct EmbeddedFile {
  const char* name;
  std::string_view text;
};
inline constexpr EmbeddedFile kEmbeddedFiles[] = {
${entries}};
}  // namespace tern::energy
")
file(RENAME ${OUT}.tmp ${OUT})
