// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tern/device.hpp"

namespace tern::sim {

/// Device::generate() of a device that gives logits: the host draws the tokens. `ends` are the
/// model's end tokens.
Generated generate_on_host(Device& device, std::span<const int32_t> prompt,
                           const GenerateSettings& settings, const TokenSink& token,
                           std::span<const int> ends);

}  // namespace tern::sim
