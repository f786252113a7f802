// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tern/device.hpp"

namespace tern::driver {

/// The tokens after which generation stops, in ascending order: those of the settings and, where
/// they ask for them, the model's `ends`. Throws tern::Error on a negative token, and when there
/// are more than spec::kStopTokens.
std::vector<int32_t> stop_tokens(const GenerateSettings& settings, std::span<const int> ends);

}  // namespace tern::driver
