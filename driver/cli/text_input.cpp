// SPDX-License-Identifier: Apache-2.0
#include "text_input.hpp"

#include <boost/algorithm/string/replace.hpp>

#include "io/mapped_file.hpp"
#include "io/utf8.hpp"

namespace tern::cli {
namespace {

void drop_byte_order_mark(std::string& text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.erase(0, kMark.size());
}

}  // namespace

std::string read_text_file(const std::filesystem::path& path) {
  const io::MappedFile file(path);
  std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  drop_byte_order_mark(text);
  boost::replace_all(text, "\r\n", "\n");
  return text;
}

bool read_line(std::istream& in, std::string& line) {
  if (!std::getline(in, line)) return false;
  if (line.ends_with('\r')) line.pop_back();
  drop_byte_order_mark(line);
  line = io::valid_utf8(line);
  return true;
}

}  // namespace tern::cli
