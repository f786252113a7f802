// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/image.hpp"
#include "spec/kv_state.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// Writes the keys and values of positions 0 to `positions` - 1, all layers and KV heads, into the
/// caches in the chip's memory: codes in the value layout, scales behind them. Positions from there
/// on hold zeros. Throws tern::Error when the source gives another number of them.
void write_kv_caches(const io::Image& image, uint32_t positions, const KvSource& source,
                     Transport& transport);

}  // namespace tern::driver
