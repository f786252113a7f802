// SPDX-License-Identifier: Apache-2.0
#include "stop_tokens.hpp"

#include <algorithm>

#include "io/error.hpp"

namespace tern::driver {

std::vector<int32_t> stop_tokens(const GenerateSettings& settings, std::span<const int> ends) {
  std::vector<int32_t> all = settings.stop_tokens;
  if (settings.stop_at_end) all.insert(all.end(), ends.begin(), ends.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (!all.empty() && all.front() < 0) throw Error("stop token {} is no token", all.front());
  if (all.size() > spec::kStopTokens)
    throw Error("{} stop tokens, the model's end tokens included; at most {} are supported",
                all.size(), spec::kStopTokens);
  return all;
}

}  // namespace tern::driver
