// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/plan.hpp"

/// Gives every part of a model its place in the scratchpad, the activation buffer and the scalar
/// registers of a chip.
namespace tern::fit {

/// Rows of matrix results lie at multiples of this.
inline constexpr uint32_t kRow = spec::kStrideUnit;
/// Elements in front of a row of a table whose rows do not begin at multiples of 64 bytes.
inline constexpr uint32_t kMostSkipped = spec::kAddrUnit / 2;
inline constexpr uint32_t kHeadChunk = 512;  ///< Rows: enough to hide the commands of a chunk.

constexpr uint32_t row(uint32_t n) { return (n + kRow - 1) / kRow * kRow; }
constexpr uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
constexpr uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

constexpr uint32_t common_multiple(uint32_t a, uint32_t b) {
  uint32_t m = a;
  while (m % b != 0) m += a;
  return m;
}

/// Hands out places one after another.
struct Space {
  uint32_t at;
  uint32_t end = at;
  constexpr uint32_t take(uint32_t words) {
    const uint32_t place = at;
    at += row(words);
    end = larger(end, at);
    return place;
  }
};

/// Groups of an embedding of trits.
constexpr uint32_t trit_groups(const Sizes& m) {
  return m.embedding_group == 0 ? 0 : spec::ceil_div(m.hidden, m.embedding_group);
}

/// The rows of a chunk of the head, and what a MATMUL of one streams.
constexpr uint32_t place_head_chunks(const Sizes& m, const Chip& chip, Plan& p) {
  spec::MatrixShape shape = spec::shape_of(m.head_matrix, chip.columns);
  const uint32_t block = shape.block * shape.rows_per_stripe();
  const auto bytes = static_cast<uint32_t>(shape.block_beats(shape.block)) * chip.columns;
  // Chunks begin at whole row blocks, they and their scales at multiples of 64 bytes.
  uint32_t unit = common_multiple(block, spec::kAddrUnit / 4);
  while (unit / block * bytes % spec::kAddrUnit != 0)
    unit += common_multiple(block, spec::kAddrUnit / 4);
  p.head_rows = larger(unit, smaller(kHeadChunk, row(m.vocab)) / unit * unit);
  const uint32_t rest = m.vocab % p.head_rows;
  for (uint32_t last = 0; last < 2; ++last) {
    shape.rows = last != 0 && rest != 0 ? rest : p.head_rows;
    shape.stripes = spec::stripes_for(shape.rows, shape.layout);
    p.head_stripes[last] = shape.stripes;
    p.head_beats[last] = static_cast<uint32_t>(shape.beats());
  }
  return p.head_rows;
}

/// The plan for groups of T tokens; returns the words that it takes.
constexpr uint32_t place_words(const Sizes& m, const Chip& chip, uint32_t group, Plan& p) {
  p.group = group;
  p.hidden_stride = row(m.hidden);
  p.q_stride = row(m.q_size);
  p.kv_stride = row(m.kv_size);
  p.ffn_stride = row(m.ffn);
  p.score_stride = row(m.context);
  p.mix_stride = row(m.head_dim);

  Space fixed{0};
  p.residual = fixed.take(group * p.hidden_stride);
  p.rope = fixed.take(group * m.head_dim + kMostSkipped);
  p.norm_gain = fixed.take(m.hidden);
  p.sub_gain = fixed.take(larger(m.has[spec::Norm::kAttnSubNorm] ? m.q_size : 0,
                                 m.has[spec::Norm::kFfnSubNorm] ? m.ffn : 0));
  const bool head_norms = m.has[spec::Norm::kAttnQNorm];
  p.head_gain = fixed.take(head_norms ? 2 * p.mix_stride : 0);
  p.new_scales = fixed.take(2 * m.kv_heads * group);
  p.record = fixed.take(kRow);
  p.one = fixed.take(1);
  p.work = fixed.at;

  Space attention{p.work};
  p.q = attention.take(group * p.q_stride);
  p.k = attention.take(group * p.kv_stride);
  p.v = attention.take(group * p.kv_stride);
  p.out = attention.take(group * larger(p.hidden_stride, p.q_stride));
  p.turned_q = head_norms ? p.out : p.q;
  p.turned_k = head_norms ? attention.take(group * p.kv_stride) : p.k;
  p.score = attention.take(2 * m.bundle_heads * p.score_stride);
  p.kv_scale = attention.take(4 * p.score_stride);
  p.mix = attention.take(2 * m.heads * p.mix_stride);

  Space feed_forward{p.work};
  p.gate = feed_forward.take(group * p.ffn_stride);
  p.up = feed_forward.take(group * larger(p.ffn_stride, p.hidden_stride));

  Space embedding{p.work};
  p.trit_stride = p.hidden_stride + row(trit_groups(m));
  p.trits = embedding.take(group * p.trit_stride);

  Space head{p.work};
  p.head_norm = head.take(m.hidden + kMostSkipped);
  const uint32_t rows = place_head_chunks(m, chip, p);
  p.head_acc = head.take(2 * rows);
  p.head_scales = head.take(2 * rows);
  p.free = larger(larger(attention.end, embedding.end), larger(feed_forward.end, head.end));
  return p.free;
}

/// Returns the activation tiles that the plan takes. The queries of two tokens lie beside each
/// other.
constexpr uint32_t place_tiles(const Sizes& m, const Chip& chip, uint32_t group, Plan& p) {
  p.dim_tiles = chip.tiles(m.head_dim);
  p.query_size = p.dim_tiles * m.bundles;
  p.value_tiles = chip.tiles(m.context);
  const uint32_t limbs = chip.act_columns == 1 ? 2 : 1;
  const uint32_t inputs = chip.tiles(larger(m.hidden, larger(m.q_size, m.ffn)));
  p.query_tiles = larger(inputs, 2 * limbs * p.value_tiles);
  return p.query_tiles + smaller(group, 2) * p.query_size;
}

constexpr void place_registers(const Sizes& m, const Chip& chip, uint32_t group, Registers& r) {
  uint32_t next = 0;
  const auto take = [&](uint32_t count, auto&... first) { ((first = next, next += count), ...); };
  take(1, r.zero, r.one, r.embed, r.eps, r.score_scale, r.head_scale, r.log2e, r.hidden, r.q_size,
       r.ffn, r.act_limit, r.value_limit, r.probability_limit, r.inverse_temperature,
       r.output_limit);
  take(kVectorNorms, r.norm_limit);
  take(spec::kPartCount, r.matrix);
  take(1, r.logit_scale, r.sample_unit, r.weight_sum, r.joined, r.exponent);
  take(3, r.unit);
  take(2, r.scale_max);
  take(2, r.rope_shift);
  if (m.has[spec::Norm::kAttnQNorm]) {
    take(1, r.head_eps);
    take(2, r.head_floor, r.head_limit);
  }
  take(group, r.residual_max, r.sub_max, r.sub_unit, r.norm_max, r.squares, r.norm_shift,
       r.square_shift, r.multiplier, r.act);
  take(chip.act_columns, r.unused);
  const uint32_t shared = next;
  take(group, r.gate_max, r.up_max, r.gate_shift, r.gate_width, r.up_shift, r.gate_unit);
  const uint32_t feed_forward = next;
  next = shared;
  take(trit_groups(m), r.trit_scale);
  const uint32_t embedding = next;
  next = shared;
  take(2 * m.kv_heads, r.kv_max);
  take(m.heads, r.query_max, r.query_multiplier, r.score_unit, r.mix_scale);
  r.kv_multiplier = r.query_multiplier;
  take(2 * m.bundle_heads, r.score_max);
  take(m.bundle_heads, r.score_shift, r.score_factor, r.score_top, r.exp_sum, r.weight_max,
       r.value_shift);
  r.count = larger(larger(next, embedding), feed_forward);
}

/// Why a chip cannot run a model, or that it can: no error. `detail` as FirmwareError says.
struct Fit {
  spec::FirmwareError error{};
  uint32_t detail = 0;
  constexpr bool ok() const { return error == spec::FirmwareError{}; }
};

/// Places everything for the largest group of tokens that fits, M at most.
constexpr Fit place(const Sizes& m, const Chip& chip, Plan& plan, Registers& reg) {
  using spec::FirmwareError;
  const uint32_t most = smaller(chip.act_columns, kMaxGroup);
  for (uint32_t group = most; group >= 1; --group) {
    const uint32_t words = place_words(m, chip, group, plan);
    const uint32_t tiles = place_tiles(m, chip, group, plan);
    place_registers(m, chip, group, reg);
    const bool registers = reg.count <= spec::kScalarRegs;
    if (words <= chip.scratch_words && tiles <= chip.act_depth && registers) return {};
    if (group > 1) continue;
    if (words > chip.scratch_words) return {FirmwareError::kScratchpad, words};
    if (!registers) return {FirmwareError::kModelShape, offsetof(spec::ModelDescriptor, heads)};
    return {FirmwareError::kActivations, tiles};
  }
  return {};
}

}  // namespace tern::fit
