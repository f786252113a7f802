// SPDX-License-Identifier: Apache-2.0
#include "schedule/attention.hpp"
#include "spec/numerics/kv_quant.hpp"
#include "spec/numerics/rope.hpp"

/// A slot's q, k and v from the accumulators to the activation buffer and the caches.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

/// A STORE of a code for each element of [kv_heads][head_dim].
spec::StoreCommand store_codes(const Model& m, uint32_t address, uint32_t src) {
  spec::StoreCommand c;
  c.format = id(spec::StoreFormat::kCode);
  const uint64_t byte = uint64_t{address} * spec::kAddrUnit;
  c.addr_low = static_cast<uint32_t>(byte);
  c.addr_high = static_cast<uint32_t>(byte >> 32);
  c.count = m.head_dim;
  c.src = src;
  c.rows = m.kv_heads;
  c.src_stride = m.head_dim;
  return c;
}

}  // namespace

void Attention::quantise_heads() {
  quantise_keys();
  quantise_queries();
  quantise_values();
}

void Attention::quantise_keys() {
  if (m_.has[Norm::kAttnQNorm])
    norm_heads(p_.k, p_.turned_k, m_.kv_heads, 1, SlotValue::kKeyRow, key_done_);
  else
    shorten(p_.turned_k, m_.kv_size, 1, SlotValue::kKeyRow, key_done_);
  rotate(p_.turned_k, m_.kv_heads, r_.kv_max, SlotValue::kKeyRow, key_done_);
  out_.put(Scalar{.op = ScalarOp::kMultiplier,
                  .a = each(r_.kv_max),
                  .rd = r_.kv_multiplier,
                  .constant = spec::kValueMax,
                  .rows = m_.kv_heads});
  keys_stored_ =
      store_keys(scale_rows(p_.turned_k, m_.kv_heads, r_.kv_multiplier, SlotValue::kKeyRow));
}

void Attention::quantise_queries() {
  if (m_.has[Norm::kAttnQNorm])
    norm_heads(p_.q, p_.turned_q, m_.heads, 0, SlotValue::kQueryRow, query_done_);
  else
    shorten(p_.turned_q, m_.q_size, 0, SlotValue::kQueryRow, query_done_);
  rotate(p_.turned_q, m_.heads, r_.query_max, SlotValue::kQueryRow, query_done_);
  out_.put(Scalar{.op = ScalarOp::kMultiplier,
                  .a = each(r_.query_max),
                  .rd = r_.query_multiplier,
                  .constant = spec::kActMax,
                  .rows = m_.heads});
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kAct);
  c.scalar_step = 1;
  c.a = p_.turned_q;
  c.scalar = r_.query_multiplier;
  c.act_step = 1;
  c.act_tile = p_.query_tiles;
  c.n = m_.head_dim;
  c.rows = m_.heads;
  c.stride_a = m_.head_dim;
  c.act_group = m_.bundle_heads;
  c.act_tile_stride = p_.dim_tiles;
  query_ready_ = out_.put(c);
  out_.follows<fields::vector::kA>(SlotValue::kQueryRow);
  out_.follows<fields::vector::kActTile>(SlotValue::kQueryTile);
}

void Attention::quantise_values() {
  const uint32_t max = r_.kv_max + m_.kv_heads;
  spec::VectorCommand c;
  c.op = id(VectorOp::kCopy);
  c.reduce = id(Reduce::kMaxAbs);
  c.a = p_.v;
  c.reduce_reg = max;
  c.n = m_.head_dim;
  c.rows = m_.kv_heads;
  c.stride_a = m_.head_dim;
  out_.put(c, out_.after(value_done_));
  out_.follows<fields::vector::kA>(SlotValue::kKeyRow);
  out_.put(Scalar{.op = ScalarOp::kMultiplier,
                  .a = each(max),
                  .rd = r_.kv_multiplier,
                  .constant = spec::kValueMax,
                  .rows = m_.kv_heads});
  values_stored_ =
      store_values(scale_rows(p_.v, m_.kv_heads, r_.kv_multiplier, SlotValue::kKeyRow));
}

/// Queries (0) or keys (1) of a slot in place, by what rope() cannot take: spec::rope_shift().
void Attention::shorten(uint32_t heads, uint32_t n, uint32_t which, SlotValue row,
                        MatmulTicket results) {
  if (spec::rope_shift(m_.head_bits[which]) == 0) return;
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar = r_.rope_shift + which;
  c.a = c.dst = heads;
  c.n = n;
  c.rows = 1;
  out_.put(c, out_.after(results));
  out_.follows<fields::vector::kA>(row);
  out_.follows<fields::vector::kDst>(row);
}

/// Heads [rows][head_dim] in place; the largest magnitude of each to reg.
VectorTicket Attention::rotate(uint32_t heads, uint32_t rows, uint32_t reg, SlotValue row,
                               MatmulTicket results) {
  const LoadTicket rope_loaded;
  spec::VectorCommand c;
  c.op = id(VectorOp::kRope);
  c.reduce = id(Reduce::kMaxAbs);
  c.dest = id(Dest::kScratch);
  c.a = heads;
  c.b = p_.rope;
  c.reduce_reg = reg;
  c.dst = heads;
  c.n = m_.head_dim / 2;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  c.stride_dst = m_.head_dim;
  const VectorTicket rotated = out_.put(c, out_.after(results, rope_loaded));
  out_.follows<fields::vector::kA>(row);
  out_.follows<fields::vector::kB>(SlotValue::kRope);
  out_.follows<fields::vector::kDst>(row);
  return rotated;
}

/// Heads [rows][head_dim] in place, each by its register from `reg` on.
VectorTicket Attention::scale_rows(uint32_t heads, uint32_t rows, uint32_t reg, SlotValue row) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = heads;
  c.scalar = reg;
  c.dst = heads;
  c.n = m_.head_dim;
  c.rows = rows;
  c.stride_a = m_.head_dim;
  c.stride_dst = m_.head_dim;
  const VectorTicket scaled = out_.put(c);
  out_.follows<fields::vector::kA>(row);
  out_.follows<fields::vector::kDst>(row);
  return scaled;
}

StoreTicket Attention::store_keys(VectorTicket ready) {
  spec::StoreCommand c = store_codes(m_, s_.l.k_cache, p_.turned_k);
  c.beat_stride = m_.chip.key_block;
  c.row_stride = m_.key_units;
  const StoreTicket stored = out_.put(c, out_.after(ready));
  out_.follows<fields::store::kAddrLow>(s_.l.k_cache);
  out_.follows<fields::store::kAddrLow>(SlotValue::kKeyBytes);
  out_.follows<fields::store::kSrc>(SlotValue::kKeyRow);
  return stored;
}

StoreTicket Attention::store_values(VectorTicket ready) {
  spec::StoreCommand c = store_codes(m_, s_.l.v_cache, p_.v);
  c.scatter = 1;
  c.beat_stride = 1;
  c.row_stride = m_.value_units;
  const StoreTicket stored = out_.put(c, out_.after(ready));
  out_.follows<fields::store::kAddrLow>(s_.l.v_cache);
  out_.follows<fields::store::kAddrLow>(SlotValue::kValueBytes);
  out_.follows<fields::store::kSrc>(SlotValue::kKeyRow);
  return stored;
}

/// The real scales of a slot's queries, keys and values; the last two as spec::kv_quant() has
/// them, to the scratchpad and to memory.
void Attention::scale_heads() {
  out_.put(Scalar{.op = ScalarOp::kScaleMul,
                  .a = same(r_.act),
                  .b = each(s_.matrix_scale(Part::kAttnQ)),
                  .rd = r_.unit,
                  .rows = 3});
  out_.follows<fields::scalar::kRa>(SlotValue::kSlot);
  if (m_.has[Norm::kAttnQNorm]) {
    head_floors();
    head_units(p_.k, m_.kv_heads, 1, r_.kv_multiplier, SlotValue::kKeyRow);
  }
  scale_keys_and_values();
  scale_queries();
}

void Attention::scale_keys_and_values() {
  const StoreTicket scales_stored;  // those of the layer before
  const uint32_t values = r_.kv_max + m_.kv_heads;
  const uint32_t heads = m_.kv_heads;
  const Operand key_unit =
      m_.has[Norm::kAttnQNorm] ? each(r_.kv_multiplier) : same(r_.unit + index_of(Part::kAttnK));
  const auto put = [&](ScalarOp op, uint32_t a, Operand b, uint32_t rows, int32_t constant) {
    out_.put(Scalar{.op = op, .a = each(a), .b = b, .rd = a, .constant = constant, .rows = rows});
  };
  put(ScalarOp::kMakeScale, r_.kv_max, {}, 2 * heads, 0);
  put(ScalarOp::kScaleMul, r_.kv_max, key_unit, heads, 0);
  put(ScalarOp::kScaleMul, values, same(r_.unit + index_of(Part::kAttnV)), heads, 0);
  put(ScalarOp::kScaleDiv, r_.kv_max, same(r_.value_limit), 2 * heads, 0);
  put(ScalarOp::kFactor, r_.kv_max, {}, 2 * heads, spec::kKvScaleFrac);
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kScratch);
  c.scalar_step = 1;
  c.a = p_.one;
  c.scalar = r_.kv_max;
  c.dst = p_.new_scales;
  c.n = 1;
  c.rows = 2 * heads;
  c.stride_dst = p_.group;
  const VectorTicket made = out_.put(c, out_.after(scales_stored));
  out_.follows<fields::vector::kDst>(SlotValue::kSlot);
  store_scales(made);
}

void Attention::store_scales(VectorTicket ready) {
  const auto store = [&](const uint32_t& address, uint32_t src) {
    spec::StoreCommand c;
    const uint64_t byte = uint64_t{address} * spec::kAddrUnit;
    c.addr_low = static_cast<uint32_t>(byte);
    c.addr_high = static_cast<uint32_t>(byte >> 32);
    c.count = 1;
    c.src = src;
    c.rows = m_.kv_heads;
    c.src_stride = p_.group;
    c.beat_stride = 1;
    c.row_stride = m_.scale_units;
    out_.put(c, out_.after(ready));
    out_.follows<fields::store::kAddrLow>(address);
    out_.follows<fields::store::kAddrLow>(SlotValue::kScaleBytes);
    out_.follows<fields::store::kSrc>(SlotValue::kSlot);
  };
  store(s_.l.k_scales, p_.new_scales);
  store(s_.l.v_scales, p_.new_scales + m_.kv_heads * p_.group);
}

void Attention::scale_queries() {
  Operand unit = same(r_.unit + index_of(Part::kAttnQ));
  uint32_t scale = r_.score_unit;
  if (m_.has[Norm::kAttnQNorm]) {
    head_units(p_.q, m_.heads, 0, r_.score_unit, SlotValue::kQueryRow);
    unit = each(r_.score_unit);
    scale = r_.query_max;
  }
  const auto put = [&](ScalarOp op, uint32_t a, Operand b, uint32_t rd, int32_t constant) {
    out_.put(
        Scalar{.op = op, .a = each(a), .b = b, .rd = rd, .constant = constant, .rows = m_.heads});
  };
  put(ScalarOp::kMakeScale, r_.query_max, {}, scale, 0);
  put(ScalarOp::kScaleMul, scale, unit, r_.score_unit, 0);
  put(ScalarOp::kScaleDiv, r_.score_unit, same(r_.act_limit), r_.score_unit, 0);
  put(ScalarOp::kScaleMul, r_.score_unit, same(r_.score_scale), r_.score_unit, -spec::kKvScaleFrac);
}

}  // namespace tern::firmware
