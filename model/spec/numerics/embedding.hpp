#pragma once

#include "spec/numerics/fixed.hpp"
#include "spec/numerics/layout.hpp"

/// An embedding of trits with a scale for each group of columns (models whose embedding is
/// quantised like their other matrices). Row of a token: its trits, five neighbouring columns a T5
/// byte, padded to AddrUnit bytes; rows follow one another. The scales of all tokens follow the
/// trits of all: int16 [vocab][groups], 0 to 32767, each row padded to AddrUnit bytes. Real value of an element: trit * scale *
/// 2^exponent.
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

static_assert(embedding_row_bytes(4096) == 832 && embedding_row_bytes(320) == 64);
static_assert(embedding_scale_bytes(4096, Group::kColumns128) == 64);

}  // namespace tern::spec
