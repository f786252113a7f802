// SPDX-License-Identifier: Apache-2.0
#include "io/encoder.hpp"

#include <algorithm>

namespace tern::io {

void TokenFinder::add(std::string_view spelling, int id) {
  if (spelling.empty()) return;
  auto& list = tokens_[static_cast<std::uint8_t>(spelling[0])];
  const auto at = std::find_if(list.begin(), list.end(), [&](const auto& entry) {
    return entry.first.size() < spelling.size();
  });
  list.insert(at, {spelling, id});
}

TokenFinder::Found TokenFinder::at_front(std::string_view text) const {
  if (text.empty()) return {};
  for (const auto& [spelling, id] : tokens_[static_cast<std::uint8_t>(text[0])]) {
    if (text.starts_with(spelling)) return {id, spelling.size()};
  }
  return {};
}

int TokenFinder::find(std::string_view spelling) const {
  const Found found = at_front(spelling);
  return found.size == spelling.size() ? found.id : -1;
}

}  // namespace tern::io
