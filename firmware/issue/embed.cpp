// SPDX-License-Identifier: Apache-2.0
#include "issue/steps.hpp"
#include "schedule/builder.hpp"
#include "spec/numerics/embedding.hpp"

/// What comes before the layers.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::TracePoint;
using spec::VectorOp;

/// Of the first norm.
void Steps::load_gain() {
  spec::LoadCommand c;
  c.format = id(spec::Format::kHalf);
  c.read_addr = m_.layer[0].gain[Norm::kAttnNorm];
  c.beats = m_.chip.beats(2 * m_.hidden);
  c.count = m_.hidden;
  c.dst = p_.norm_gain;
  units_.issue(c, units_.after(units_.last_vector()));
}

/// tokens -> residual, and the positions' rows of the rope table.
void Steps::embed(const uint32_t* tokens) {
  const Waits free = units_.after(units_.last_vector());
  load_rope(free);
  for (uint32_t t = 0; t < count_; ++t) {
    if (m_.embedding_group != 0)
      embed_trits(tokens[t], t, free);
    else
      embed_halves(tokens[t], t, free);
  }
  trace_rows(TracePoint::kEmbed, ~0u, p_.residual, p_.hidden_stride, m_.hidden);
}

void Steps::load_rope(Waits free) {
  const uint32_t rope_bytes = 2 * m_.head_dim;
  const uint32_t rope_at = position_ * rope_bytes;
  spec::LoadCommand load;
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.rope_table + rope_at / spec::kAddrUnit;
  load.count = rope_skip(m_, position_) + count_ * m_.head_dim;
  load.beats = m_.chip.beats(2 * load.count);
  load.dst = p_.rope;
  units_.issue(load, free);
}

/// A row of int16.
void Steps::embed_halves(uint32_t token, uint32_t t, Waits free) {
  const uint64_t at = uint64_t{token} * (2 * m_.hidden);
  const uint32_t skip = static_cast<uint32_t>(at) % spec::kAddrUnit / 2;
  spec::LoadCommand load;
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.embedding + static_cast<uint32_t>(at / spec::kAddrUnit);
  load.count = skip + m_.hidden;
  load.beats = m_.chip.beats(2 * load.count);
  load.dst = p_.work + t * (p_.hidden_stride + spec::kAddrUnit / 2);
  const LoadTicket loaded = units_.issue(load, free);
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.scalar = r_.embed;
  c.a = load.dst + skip;
  c.dest = id(Dest::kScratch);
  c.dst = p_.residual + t * p_.hidden_stride;
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.residual_max + t;
  c.n = m_.hidden;
  c.rows = 1;
  units_.issue(c, units_.after(loaded));
}

/// Trits times the scales of their groups: spec::embedding_element().
void Steps::embed_trits(uint32_t token, uint32_t t, Waits free) {
  const uint32_t trits = p_.trits + t * p_.trit_stride;
  const uint32_t residual = p_.residual + t * p_.hidden_stride;
  const uint32_t groups = fit::trit_groups(m_);
  spec::VectorCommand c;
  // The scales become scalars through a sum of one element each, so that the controller need not
  // wait for them.
  c.op = id(VectorOp::kCopy);
  c.a = trits + p_.hidden_stride;
  c.stride_a = 1;
  c.n = 1;
  c.rows = groups;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.trit_scale;
  c.dest = id(Dest::kNone);
  units_.issue(c, units_.after(load_trits(token, trits, free)));
  const Scalar factor{.op = ScalarOp::kFactor,
                      .a = each(r_.trit_scale),
                      .rd = r_.trit_scale,
                      .constant = m_.embedding_exponent + static_cast<int32_t>(m_.residual_frac),
                      .rows = groups};
  units_.issue(factor.command(), units_.after());
  scale_trits(trits, residual);
  c = {};
  c.op = id(VectorOp::kCopy);
  c.a = residual;
  c.dest = id(Dest::kNone);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.residual_max + t;
  c.n = m_.hidden;
  c.rows = 1;
  units_.issue(c, units_.after());
}

/// A token's trits to `at`, their scales behind them.
LoadTicket Steps::load_trits(uint32_t token, uint32_t at, Waits free) {
  const uint32_t groups = fit::trit_groups(m_);
  const uint32_t row_units =
      static_cast<uint32_t>(spec::embedding_row_bytes(m_.hidden)) / spec::kAddrUnit;
  const uint32_t scale_units = (2 * groups + spec::kAddrUnit - 1) / spec::kAddrUnit;
  spec::LoadCommand load;
  load.format = id(spec::Format::kTrit);
  load.read_addr = m_.embedding + token * row_units;
  load.count = m_.hidden;
  load.beats = m_.chip.beats((m_.hidden + spec::kTritsPerByte - 1) / spec::kTritsPerByte);
  load.dst = at;
  units_.issue(load, free);
  load.format = id(spec::Format::kHalf);
  load.read_addr = m_.embedding + m_.vocab * row_units + token * scale_units;
  load.count = groups;
  load.beats = m_.chip.beats(2 * groups);
  load.dst += p_.hidden_stride;
  return units_.issue(load, free);
}

/// Rows of a group's width; the last group may be narrower.
void Steps::scale_trits(uint32_t trits, uint32_t residual) {
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.scalar = r_.trit_scale;
  c.scalar_step = 1;
  c.dest = id(Dest::kScratch);
  c.a = trits;
  c.dst = residual;
  c.n = m_.embedding_group;
  c.stride_a = c.stride_dst = c.n;
  c.rows = m_.hidden / m_.embedding_group;
  if (c.rows != 0) units_.issue(c, units_.after());
  c.scalar += c.rows;
  c.a += c.rows * c.n;
  c.dst += c.rows * c.n;
  c.n = m_.hidden - c.rows * c.n;
  c.rows = 1;
  if (c.n != 0) units_.issue(c, units_.after());
}

}  // namespace tern::firmware
