// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "spec/numerics/layout.hpp"

namespace tern::io {

/// One stripe of the plane layout: weights [5][cols], each of at most `planes` trits, to T5 codes
/// [planes][cols].
void pack_planes(std::span<const std::int8_t> weights, std::uint32_t planes,
                 std::span<std::uint8_t> codes);

/// Forty rows of the layout Sign: weights [40][cols] to bits [5][cols]; a weight above 0 is +1.
void pack_signs(std::span<const std::int8_t> weights, std::span<std::uint8_t> bits);

}  // namespace tern::io
