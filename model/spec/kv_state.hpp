// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace tern {

/// What the KV cache of one layer and KV head holds for positions 0 to n - 1, in the codes and
/// scales of kv_quant.hpp, in no machine's order.
struct KvHead {
  std::vector<uint8_t> keys;          ///< [n][head_dim] codes 0..242 of the values -121..121.
  std::vector<uint8_t> values;        ///< [n][head_dim], likewise.
  std::vector<int32_t> key_scales;    ///< [n] fixed point, kKvScaleFrac fraction bits, at least 0.
  std::vector<int32_t> value_scales;  ///< [n], likewise.
};

/// Gives the keys and values of one layer and KV head; the same at every call.
using KvSource = std::function<KvHead(uint32_t layer, uint32_t kv_head)>;

}  // namespace tern
