// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/fixed.hpp"
#include "spec/numerics/layout.hpp"

/// An embedding of trits with a scale for each group of columns (models whose embedding is
/// quantised like their other matrices). Row of a token: its trits, five neighbouring columns a T5
/// byte, padded to AddrUnit bytes; rows follow one another. The scales of all tokens follow the
/// trits of all: int16 [vocab][groups], 0 to 32767, each row padded to AddrUnit bytes. Real value
/// of an element: trit * scale * 2^exponent. Illegal codes are zeros, as in a matrix.
namespace tern::spec {

/// Bytes of a token's trits.
constexpr uint64_t embedding_row_bytes(uint32_t hidden) {
  return align_up(ceil_div(hidden, kTritsPerByte), kAddrUnit);
}

/// Bytes of a token's scales.
constexpr uint64_t embedding_scale_bytes(uint32_t hidden, Group group) {
  return align_up(uint64_t{2} * ceil_div(hidden, group_columns(group)), kAddrUnit);
}

/// Bytes of the whole embedding.
constexpr uint64_t embedding_bytes(uint32_t vocab, uint32_t hidden, Group group) {
  return vocab * (embedding_row_bytes(hidden) + embedding_scale_bytes(hidden, group));
}

/// An element in the residual stream, whose unit is 2^-frac: the product rounded once, ties towards
/// plus infinity, and saturated.
constexpr int32_t embedding_element(int32_t trit, int32_t scale, int32_t exponent, uint32_t frac) {
  return rshift_round_sat(int64_t{trit} * scale, -(exponent + static_cast<int32_t>(frac)));
}

static_assert(embedding_element(-1, 20000, -20, 16) == -1250);
static_assert(embedding_element(1, 24, -20, 16) == 2 && embedding_element(-1, 24, -20, 16) == -1);
static_assert(embedding_element(1, 32767, 0, 16) == 32767 << 16 &&
              embedding_element(-1, 32767, 4, 16) == INT32_MIN);
static_assert(embedding_row_bytes(4096) == 832 && embedding_row_bytes(320) == 64);
static_assert(embedding_scale_bytes(4096, Group::kColumns128) == 64);

}  // namespace tern::spec
