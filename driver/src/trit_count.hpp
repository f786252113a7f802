// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/image.hpp"

namespace tern::driver {

/// Trits that a token is multiplied with when it sees `length` positions, its own included: the
/// linear layers, K once and V twice, for its two limbs, for each query head, and with `head` the
/// output head. Padding is not counted.
uint64_t token_trits(const io::Image& image, uint64_t length, bool head);

}  // namespace tern::driver
