// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include <string_view>
#include <utility>

extern "C" {
extern const char tern_page_html_begin[], tern_page_html_end[];
extern const char tern_page_css_begin[], tern_page_css_end[];
extern const char tern_page_js_begin[], tern_page_js_end[];
extern const char tern_page_library_begin[], tern_page_library_end[];
}

namespace tern::report {

namespace {

std::string_view text(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// A script element ends at the first "</", wherever it stands.
std::string escaped(std::string_view json) {
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '<')
      out += "\\u003c";
    else
      out += json[i];
  }
  return out;
}

}  // namespace

std::string make_page(const nlohmann::json& data) {
  const std::string json =
      escaped(data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"@STYLE@", text(tern_page_css_begin, tern_page_css_end)},
      {"@DATA@", json},
      {"@LIBRARY@", text(tern_page_library_begin, tern_page_library_end)},
      {"@SCRIPT@", text(tern_page_js_begin, tern_page_js_end)}};
  // In the order of the file, so that nothing is looked for in what was put in.
  std::string_view rest = text(tern_page_html_begin, tern_page_html_end);
  std::string page;
  for (const auto& [mark, part] : parts) {
    const std::size_t at = rest.find(mark);
    page += rest.substr(0, at);
    page += part;
    rest.remove_prefix(at + mark.size());
  }
  return page += rest;
}

}  // namespace tern::report
