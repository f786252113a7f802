// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/numerics/layout.hpp"

/// Where a model's parts lie in the buffers of a chip, as the firmware places them.
namespace tern::fit {

/// Most activation columns that a chip has.
constexpr uint32_t most_act_columns() {
  for (const spec::Parameter& p : spec::kParameters)
    if (p.member == &spec::ChipConfig::act_columns) return p.high;
  return 0;
}
inline constexpr uint32_t kMaxGroup = most_act_columns();  ///< Slots of a step.

/// Norms of whole vectors, which come first; the others are of heads.
inline constexpr uint32_t kVectorNorms = spec::index_of(spec::Norm::kAttnQNorm);

/// What a chip's registers say of it, as far as it decides what the chip can run.
struct Chip {
  uint32_t columns;      ///< C
  uint32_t act_columns;  ///< M
  uint32_t acc_depth;
  uint32_t act_depth;
  uint32_t scratch_words;
  uint32_t key_block;
  bool group_scales, sign_weights;

  constexpr uint32_t tiles(uint32_t n) const { return spec::ceil_div(n, columns); }
};

constexpr Chip chip_of(const spec::ChipConfig& c) {
  return {c.columns,   c.act_columns,  c.acc_depth,   c.act_depth, c.scratch_words / 64 * 64,
          c.key_block, c.group_scales, c.sign_weights};
}

/// The sizes of a model that decide how it is placed.
struct Sizes {
  uint32_t hidden, layers, heads, kv_heads, head_dim, ffn, vocab, context;
  uint32_t q_size, kv_size;
  uint32_t embedding_group;  ///< Columns that share a scale; 0: int16.
  spec::ByNorm<bool> has;    ///< In all layers; those of queries and of keys come together.
  spec::MatrixDescriptor head_matrix;

  /// Query heads of a bundle, which one MATMUL serves, 1 to M / 2 (1 if M is 1); divides heads /
  /// kv_heads.
  uint32_t bundle_heads;
  uint32_t bundles;  ///< heads / bundle_heads
  uint32_t bundles_of_kv_head;
};

/// All of `out` but for `has`.
constexpr void set_sizes(Sizes& out, const spec::ModelDescriptor& d, const Chip& chip) {
  out.hidden = d.hidden;
  out.layers = d.layers;
  out.heads = d.heads;
  out.kv_heads = d.kv_heads;
  out.head_dim = d.head_dim;
  out.ffn = d.ffn;
  out.vocab = d.vocab;
  out.context = d.context;
  out.q_size = spec::rows_of(spec::Part::kAttnQ, d);
  out.kv_size = spec::rows_of(spec::Part::kAttnK, d);
  out.embedding_group = spec::group_columns(static_cast<spec::Group>(d.embedding_group));
  out.head_matrix = d.head;
  const uint32_t group = d.heads / d.kv_heads;
  out.bundle_heads = chip.act_columns > 1 ? chip.act_columns / 2 : 1;
  while (group % out.bundle_heads != 0) --out.bundle_heads;
  out.bundles = d.heads / out.bundle_heads;
  out.bundles_of_kv_head = group / out.bundle_heads;
}

/// Words of the scratchpad, tiles of the activation buffer and scalar registers. `work` is used by
/// one block of the layer at a time: what follows it shares its place.
struct Plan {
  uint32_t group;  ///< T: tokens that go through the layers together.

  uint32_t residual;    ///< [T][hidden]
  uint32_t rope;        ///< [T][head_dim], from a word that depends on the position on.
  uint32_t norm_gain;   ///< [hidden]
  uint32_t sub_gain;    ///< [max(heads * head_dim, ffn)], of those that have a norm.
  uint32_t head_gain;   ///< [2][mix_stride], if heads have norms: of queries, keys.
  uint32_t new_scales;  ///< [2][kv_heads][T]: keys', then values'.
  uint32_t record;      ///< Head of a trace record.
  uint32_t one;         ///< A word that holds 1: a scale applied to it becomes fixed point.
  uint32_t work;

  uint32_t q;         ///< [T][heads * head_dim]; later the mixed heads.
  uint32_t k;         ///< [T][kv_heads * head_dim]
  uint32_t v;         ///< [T][kv_heads * head_dim]
  uint32_t out;       ///< [T][max(hidden, heads * head_dim)]: norms, then the output projection.
  uint32_t turned_q;  ///< [T][heads * head_dim] after rope: q; behind norms of heads: out.
  uint32_t turned_k;  ///< [T][kv_heads * head_dim] after rope: k; behind norms of heads its own.
  uint32_t score;     ///< [2][bundle_heads][context]
  uint32_t kv_scale;  ///< [2][2][context]: keys' and values' scales of a KV head.
  uint32_t mix;       ///< [heads][2][head_dim]

  uint32_t gate;  ///< [T][ffn]
  uint32_t up;    ///< [T][max(ffn, hidden)]: also norms, and the results of down.

  uint32_t trits;  ///< [T]: of an embedding of trits a token's trits, then its scales.
  uint32_t trit_stride;

  uint32_t head_norm;                       ///< [hidden]
  uint32_t head_acc;                        ///< [2][head_rows]
  uint32_t head_scales;                     ///< [2][head_rows]
  uint32_t head_rows;                       ///< Rows of a chunk of the head.
  uint32_t head_stripes[2], head_beats[2];  ///< Of a chunk, and of the last.

  uint32_t free;  ///< From here on nothing is placed.

  // Distances of rows.
  uint32_t hidden_stride, q_stride, kv_stride, ffn_stride, score_stride, mix_stride;

  // Activation tiles. The inputs of linear layers and the probabilities begin at 0.
  uint32_t query_tiles;  ///< First tile of the queries; two tokens' in turn.
  uint32_t dim_tiles;    ///< Of the queries of a bundle.
  uint32_t query_size;   ///< Of one token's queries.
  uint32_t value_tiles;  ///< Of the probabilities of a bundle, of one limb if M is 1.
};

/// Scalar registers. What only the vector unit writes and reads is kept once, for its commands run
/// one after the other; many results take the place of their operands.
struct Registers {
  // Constants.
  uint32_t zero, one, embed, eps, score_scale, head_scale, log2e;
  uint32_t hidden, q_size, ffn;                        ///< The lengths of norms.
  uint32_t act_limit, value_limit, probability_limit;  ///< kActMax, kValueMax, kProbabilityMax.
  uint32_t inverse_temperature;                        ///< Of the request.
  uint32_t output_limit;                               ///< As norm_limit, before the head.
  uint32_t head_eps;                                   ///< If heads have norms: head_dim * eps.
  uint32_t head_floor;  ///< [2]: head_norm_floor() of a token's queries, keys.
  // Of the layer that is worked on.
  uint32_t norm_limit;  ///< [kVectorNorms]: kActMax in units of the gain.
  uint32_t rope_shift;  ///< [2]: of queries, keys, of which the bits that rope() cannot take go.
  uint32_t head_limit;  ///< [2]: what head_norm_unit() divides, of queries, keys, after Rope.
  uint32_t matrix;      ///< [kPartCount]

  uint32_t logit_scale, sample_unit, weight_sum;
  uint32_t joined;     ///< Largest of a token's joined heads, then the shift that it gives.
  uint32_t exponent;   ///< Common exponent of a token's heads.
  uint32_t unit;       ///< [3]: of a token's queries, keys, values.
  uint32_t scale_max;  ///< [2]: largest scale of a KV head's keys, values.

  // One a token of the group.
  uint32_t residual_max, sub_max, sub_unit;
  uint32_t norm_max, squares, norm_shift, square_shift, multiplier;  ///< Of the last norm.
  uint32_t act;                                                      ///< Scale of the activations.
  uint32_t unused;
  uint32_t gate_max, up_max, gate_shift, gate_width, up_shift, gate_unit;
  uint32_t trit_scale;  ///< Of each group of an embedding of trits.
  // One a KV head or head.
  uint32_t kv_max;         ///< [2][kv_heads]: keys, values.
  uint32_t kv_multiplier;  ///< Soon used up, as query_multiplier, whose place it shares.
  uint32_t query_max, query_multiplier, score_unit, mix_scale;
  // One a head of a bundle; of score_max two bundles in turn.
  uint32_t score_max, score_shift, score_factor, score_top, exp_sum, weight_max;
  uint32_t value_shift;  ///< Bits of the largest scale of the values, for each head.
  uint32_t count;
};

}  // namespace tern::fit
