#pragma once

#include "tern/device.hpp"

namespace tern::sim {

/// Device::generate() of a device that gives logits: the host draws the tokens. `end` is the
/// model's end token.
Generated generate_on_host(Device& device, std::span<const int32_t> prompt,
                           const GenerateSettings& settings, const TokenSink& token, int32_t end);

}  // namespace tern::sim
