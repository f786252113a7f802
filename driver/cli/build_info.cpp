// SPDX-License-Identifier: Apache-2.0
#include "build_info.hpp"

#include <array>
#include <ctime>

#include "commit.hpp"

namespace tern::cli {

nlohmann::json build_info() { return {{"version", TERN_VERSION}, {"commit", kCommit}}; }

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 16> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &utc)};
}

}  // namespace tern::cli
