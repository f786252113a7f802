// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spec/kv_state.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::golden {

/// The KV cache of one layer and KV head, in the bytes that the chip would hold: K with tokens as
/// rows, V with head dimensions as rows and tokens as columns, both in the value layout. One scale
/// a token for each, fixed point (kKvScaleFrac).
class KvCache {
 public:
  KvCache(uint32_t context, uint32_t head_dim, uint32_t key_block, uint32_t columns);

  void clear() { tokens_ = 0; }
  int tokens() const { return static_cast<int>(tokens_); }

  /// key, value [head_dim] codes of the next token.
  void append(std::span<const uint8_t> key, int32_t key_scale, std::span<const uint8_t> value,
              int32_t value_scale);

  /// Holds these `tokens` tokens and no others. Throws Error when `head` has another number of
  /// them, illegal codes or negative scales.
  void assign(const KvHead& head, uint32_t tokens);

  /// q [head_dim] -> scores [tokens]: sum of q * k.
  void multiply_keys(std::span<const int8_t> q, std::span<int32_t> scores) const;
  /// p [tokens] -> out [head_dim]: sum of p * v.
  void multiply_values(std::span<const int8_t> p, std::span<int32_t> out) const;

  std::span<const int32_t> key_scales() const { return {key_scales_.data(), tokens_}; }
  std::span<const int32_t> value_scales() const { return {value_scales_.data(), tokens_}; }

 private:
  uint32_t head_dim_;
  spec::MatrixShape key_shape_;  ///< Of the whole context; the address of a token does not depend
                                 ///< on how many there are.
  spec::MatrixShape value_shape_;
  uint32_t tokens_ = 0;
  std::vector<uint8_t> keys_;
  std::vector<uint8_t> values_;
  std::vector<int32_t> key_scales_;
  std::vector<int32_t> value_scales_;
};

}  // namespace tern::golden
