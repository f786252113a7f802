// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "spec/generated/spec.hpp"

namespace tern::driver {

/// The message Generate as it goes into the mailbox. `request` tells how many stop tokens and
/// prompt tokens follow it.
inline std::vector<uint32_t> generate_words(const spec::GenerateRequest& request,
                                            std::span<const int32_t> stops,
                                            std::span<const int32_t> prompt) {
  using Head = std::array<uint32_t, words_after(spec::Request::kGenerate)>;
  const auto head = std::bit_cast<Head>(request);
  std::vector<uint32_t> words{static_cast<uint32_t>(spec::Request::kGenerate)};
  words.insert(words.end(), head.begin(), head.end());
  words.insert(words.end(), stops.begin(), stops.end());
  words.insert(words.end(), prompt.begin(), prompt.end());
  return words;
}

}  // namespace tern::driver
