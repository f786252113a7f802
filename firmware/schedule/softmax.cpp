// SPDX-License-Identifier: Apache-2.0
#include "spec/numerics/softmax.hpp"

#include "schedule/attention.hpp"
#include "spec/numerics/attention.hpp"
#include "spec/numerics/kv_quant.hpp"

/// A bundle of a slot: q.K, softmax and p.V; and what joins the bundles.
namespace tern::firmware {

using spec::Dest;
using spec::Reduce;
using spec::ScalarOp;
using spec::VectorOp;

namespace {

constexpr uint32_t kValueLayout = id(spec::Layout::kValue);

}  // namespace

/// Those of the positions before the step. At position 0, for which this is put together, there are
/// none, and the commands are left out.
void Attention::load_kv_scales(uint32_t bundle) {
  const uint32_t kv_head = bundle / m_.bundles_of_kv_head;
  const uint32_t odd = scales_odd(bundle);
  const StoreTicket stored_before;
  const Waits waits = out_.after(kv_read_[odd], stored_before);
  const auto load = [&](const uint32_t& address, uint32_t dst) {
    spec::LoadCommand c;
    c.read_addr = address + kv_head * m_.scale_units;
    c.dst = dst;
    kv_loaded_[odd] = out_.put(c, waits);
    out_.follows<fields::load::kReadAddr>(address);
    out_.follows<fields::load::kReadAddr>(BundleValue::kNextScales);
    out_.follows<fields::load::kBeats>(SlotValue::kBaseBeats);
    out_.follows<fields::load::kCount>(SlotValue::kBase);
    out_.follows<fields::load::kDst>(scales_value(bundle));
  };
  out_.mark_scales();
  load(s_.l.k_scales, kv_scales(bundle));
  load(s_.l.v_scales, kv_scales(bundle) + p_.score_stride);
}

/// q.K of a bundle.
void Attention::issue_scores(uint32_t bundle) {
  const uint32_t kv_head = bundle / m_.bundles_of_kv_head;
  if (loads_scales(bundle)) load_kv_scales(bundle);
  spec::MatmulCommand c;
  c.layout = kValueLayout;
  c.planes = 1;
  c.act_columns = m_.bundle_heads;
  c.max_reg = r_.score_max + (bundle & 1) * m_.bundle_heads;
  c.read_addr = s_.l.k_cache + kv_head * m_.key_units;
  c.beats = m_.chip.key_block * p_.dim_tiles;
  c.rows = 1;
  c.block = m_.chip.key_block;
  c.cols = m_.head_dim;
  c.act_tile = p_.query_tiles + bundle * p_.dim_tiles;
  c.stripes = m_.chip.key_block;
  c.dst = scores(bundle);
  c.dst_stride = p_.score_stride / spec::kStrideUnit;
  scores_[bundle & 1] = out_.put(c, out_.after(query_ready_, keys_stored_));
  using namespace fields::matmul;
  out_.follows<kMaxReg>(turn(bundle, SlotValue::kScoreMaxEven, SlotValue::kScoreMaxOdd));
  out_.follows<kReadAddr>(s_.l.k_cache);
  out_.follows<kReadAddr>(BundleValue::kNextKeys);
  out_.follows<kBeats>(SlotValue::kKeyBeats);
  out_.follows<kRows>(SlotValue::kTokens);
  out_.follows<kActTile>(SlotValue::kQueryTile);
  out_.follows<kActTile>(BundleValue::kNextTile);
  out_.follows<kStripes>(SlotValue::kKeyStripes);
  out_.follows<kDst>(turn(bundle, SlotValue::kScoreEven, SlotValue::kScoreOdd));
}

/// The scales of the step's own slots behind those that were loaded; the largest of all keys and of
/// all values.
void Attention::take_kv_scales(uint32_t bundle) {
  const uint32_t kv_head = bundle / m_.bundles_of_kv_head;
  spec::VectorCommand c;
  c.op = id(VectorOp::kCopy);
  c.dest = id(Dest::kScratch);
  c.a = p_.new_scales + kv_head * p_.group;
  c.dst = kv_scales(bundle);
  c.n = 1;
  c.rows = 2;
  c.stride_a = m_.kv_heads * p_.group;
  c.stride_dst = p_.score_stride;
  out_.put(c);
  using namespace fields::vector;
  out_.follows<kA>(BundleValue::kOwnScales);
  out_.follows<kDst>(SlotValue::kBase);
  out_.follows<kDst>(scales_value(bundle));
  out_.follows<kN>(SlotValue::kOwn);
  c.dest = id(Dest::kNone);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.scale_max;
  c.a = kv_scales(bundle);
  c.dst = 0;
  c.stride_a = p_.score_stride;
  c.stride_dst = 0;
  out_.put(c, out_.after(kv_loaded_[scales_odd(bundle)]));
  out_.follows<kA>(scales_value(bundle));
  out_.follows<kN>(SlotValue::kTokens);
  out_.put(Scalar{.op = ScalarOp::kBits,
                  .a = same(r_.scale_max + 1),
                  .rd = r_.value_shift,
                  .rows = m_.bundle_heads});
}

/// The accumulators of a bundle to probabilities in the activation buffer; spec::softmax_scores()
/// and softmax_probabilities().
VectorTicket Attention::softmax(uint32_t bundle) {
  const uint32_t heads = m_.bundle_heads;
  if (loads_scales(bundle)) take_kv_scales(bundle);
  out_.put(Scalar{.op = ScalarOp::kBits,
                  .a = each(r_.score_max + (bundle & 1) * heads),
                  .b = same(r_.scale_max),
                  .rd = r_.score_shift,
                  .constant = 31,
                  .rows = heads},
           out_.after(scores_[bundle & 1]));
  out_.follows<fields::scalar::kRa>(
      turn(bundle, SlotValue::kScoreMaxEven, SlotValue::kScoreMaxOdd));
  out_.put(Scalar{.op = ScalarOp::kFactor,
                  .a = each(r_.score_unit + bundle * heads),
                  .b = each(r_.score_shift),
                  .rd = r_.score_factor,
                  .constant = spec::kScoreFrac,
                  .rows = heads});
  out_.follows<fields::scalar::kRa>(BundleValue::kHead);

  const SlotValue score = turn(bundle, SlotValue::kScoreEven, SlotValue::kScoreOdd);
  spec::VectorCommand c;
  const auto put = [&] {
    const VectorTicket ticket = out_.put(c);
    out_.follows<fields::vector::kA>(score);
    out_.follows<fields::vector::kDst>(score);
    out_.follows<fields::vector::kN>(SlotValue::kTokens);
    return ticket;
  };
  c.op = id(VectorOp::kMul);
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar_step = 1;
  c.a = scores(bundle);
  c.scalar = r_.score_shift;
  c.b = kv_scales(bundle);
  c.dst = scores(bundle);
  c.n = 1;
  c.rows = heads;
  c.stride_a = p_.score_stride;
  c.stride_dst = p_.score_stride;
  put();
  out_.follows<fields::vector::kB>(scales_value(bundle));

  c.op = id(VectorOp::kScale);
  c.use_scalar = 0;
  c.b = 0;
  c.scalar = r_.score_factor;
  c.reduce = id(Reduce::kMax);
  c.reduce_reg = r_.score_top;
  put();

  c.op = id(VectorOp::kExp2);
  c.scalar = r_.score_top;
  c.reduce = id(Reduce::kSum);
  c.reduce_reg = r_.exp_sum;
  put();

  c.op = id(VectorOp::kMul);
  c.use_scalar = 1;
  c.scalar_step = 0;
  c.scalar = r_.value_shift;
  c.b = kv_scales(bundle) + p_.score_stride;
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_reg = r_.weight_max;
  kv_read_[scales_odd(bundle)] = put();
  out_.follows<fields::vector::kB>(scales_value(bundle));
  return to_limbs(bundle);
}

/// The weights of a bundle as probabilities, high and low limb.
VectorTicket Attention::to_limbs(uint32_t bundle) {
  const uint32_t heads = m_.bundle_heads;
  out_.put(Scalar{.op = ScalarOp::kMultiplier,
                  .a = each(r_.weight_max),
                  .rd = r_.score_top,
                  .constant = spec::kProbabilityMax,
                  .rows = heads});
  const bool one_column = m_.chip.act_columns == 1;
  const SlotValue score = turn(bundle, SlotValue::kScoreEven, SlotValue::kScoreOdd);
  const SlotValue tile = turn(bundle, SlotValue::kProbabilityEven, SlotValue::kProbabilityOdd);
  using namespace fields::vector;
  spec::VectorCommand c;
  c.op = id(VectorOp::kScale);
  c.dest = id(Dest::kActHigh);
  c.keep = 1;
  c.scalar_step = 1;
  c.a = scores(bundle);
  c.scalar = r_.score_top;
  c.act_step = one_column ? 0 : 2;
  c.dst = scores(bundle);
  c.act_tile = probabilities(bundle);
  c.n = 1;
  c.rows = heads;
  c.stride_a = p_.score_stride;
  c.stride_dst = p_.score_stride;
  c.act_group = heads;
  out_.put(c);
  out_.follows<kA>(score);
  out_.follows<kDst>(score);
  out_.follows<kActTile>(tile);
  out_.follows<kN>(SlotValue::kTokens);

  c.op = id(VectorOp::kCopy);
  c.dest = id(Dest::kActLow);
  c.keep = 0;
  c.scalar_step = 0;
  c.scalar = 0;
  c.dst = 0;
  c.stride_dst = 0;
  c.act_column = one_column ? 0 : 1;
  if (one_column) c.act_tile += p_.value_tiles;
  const VectorTicket ready = out_.put(c);
  out_.follows<kA>(score);
  out_.follows<kActTile>(tile);
  out_.follows<kN>(SlotValue::kTokens);
  return ready;
}

/// p.V of a bundle.
MatmulTicket Attention::mix(uint32_t bundle, VectorTicket ready) {
  const uint32_t kv_head = bundle / m_.bundles_of_kv_head;
  const bool one_column = m_.chip.act_columns == 1;
  const uint32_t heads = m_.bundle_heads;
  const Waits waits = out_.after(ready, values_stored_);
  spec::MatmulCommand c;
  c.layout = kValueLayout;
  c.planes = 1;
  c.act_columns = one_column ? 1 : 2 * heads;
  c.max_reg = r_.unused;
  c.read_addr = s_.l.v_cache + kv_head * m_.value_units;
  c.beats = m_.head_dim;
  c.rows = m_.head_dim;
  c.block = m_.head_dim;
  c.cols = 1;
  c.act_tile = probabilities(bundle);
  c.stripes = m_.head_dim;
  c.dst = p_.mix + 2 * bundle * heads * p_.mix_stride;
  c.dst_stride = p_.mix_stride / spec::kStrideUnit;
  const auto put = [&] {
    const MatmulTicket ticket = out_.put(c, waits);
    using namespace fields::matmul;
    out_.follows<kReadAddr>(s_.l.v_cache);
    out_.follows<kReadAddr>(BundleValue::kValues);
    out_.follows<kBeats>(SlotValue::kValueBeats);
    out_.follows<kCols>(SlotValue::kTokens);
    out_.follows<kActTile>(turn(bundle, SlotValue::kProbabilityEven, SlotValue::kProbabilityOdd));
    out_.follows<kDst>(BundleValue::kMix);
    return ticket;
  };
  if (!one_column) return put();
  put();
  c.act_tile += p_.value_tiles;
  c.dst += p_.mix_stride;
  return put();
}

/// What one unit of a bundle's mixed values is worth: the scale that softmax_probabilities()
/// returns.
void Attention::mix_scales(uint32_t bundle) {
  const uint32_t heads = m_.bundle_heads;
  const auto put = [&](ScalarOp op, uint32_t a, Operand b, uint32_t rd, int32_t constant) {
    out_.put(Scalar{.op = op, .a = each(a), .b = b, .rd = rd, .constant = constant, .rows = heads});
  };
  put(ScalarOp::kMakeScale, r_.weight_max, same(r_.value_shift), r_.weight_max, 0);
  put(ScalarOp::kMakeScale, r_.exp_sum, {}, r_.exp_sum, 0);
  put(ScalarOp::kScaleMul, r_.exp_sum, same(r_.probability_limit), r_.exp_sum, 0);
  put(ScalarOp::kScaleDiv, r_.weight_max, each(r_.exp_sum), r_.mix_scale + bundle * heads,
      -spec::kKvScaleFrac);
  out_.follows<fields::scalar::kRd>(BundleValue::kHead);
}

/// All heads of a slot to one unit, at q; spec::head_align().
void Attention::join(MatmulTicket mixed) {
  // Heads of scale 0 have a mantissa of 0, whatever their shift.
  out_.put(Scalar{.op = ScalarOp::kCommonExponent,
                  .a = each(r_.mix_scale),
                  .rd = r_.exponent,
                  .rows = m_.heads});
  out_.put(Scalar{.op = ScalarOp::kFactor,
                  .a = each(r_.mix_scale),
                  .b = same(r_.exponent),
                  .rd = r_.query_multiplier,
                  .times = Times::kMinusOne,
                  .rows = m_.heads});
  spec::VectorCommand c;
  c.op = id(VectorOp::kJoin);
  c.reduce = id(Reduce::kMaxAbs);
  c.reduce_all = 1;
  c.a = p_.mix;
  c.b = p_.mix + p_.mix_stride;
  c.reduce_reg = r_.joined;
  c.n = m_.head_dim;
  c.rows = m_.heads;
  c.stride_a = 2 * p_.mix_stride;
  c.stride_b = 2 * p_.mix_stride;
  out_.put(c, out_.after(mixed));
  out_.put(Scalar{.op = ScalarOp::kBits64, .a = each(r_.joined), .rd = r_.joined, .constant = 30});
  const auto shift = [&](uint32_t a, uint32_t by) {
    out_.put(Scalar{.op = ScalarOp::kScaleShift, .a = each(a), .b = each(by), .rd = r_.sub_unit});
    out_.follows<fields::scalar::kRd>(SlotValue::kSlot);
  };
  shift(r_.one, r_.exponent);
  shift(r_.sub_unit, r_.joined);
  out_.follows<fields::scalar::kRa>(SlotValue::kSlot);

  c.reduce = 0;
  c.reduce_all = 0;
  c.reduce_reg = 0;
  c.dest = id(Dest::kScratch);
  c.use_scalar = 1;
  c.scalar = r_.joined;
  c.dst = p_.q;
  c.stride_dst = m_.head_dim;
  out_.put(c);
  out_.follows<fields::vector::kDst>(SlotValue::kQueryRow);

  spec::VectorCommand align;
  align.op = id(VectorOp::kScale);
  align.reduce = id(Reduce::kMaxAbs);
  align.reduce_all = 1;
  align.dest = id(Dest::kScratch);
  align.scalar_step = 1;
  align.a = p_.q;
  align.scalar = r_.query_multiplier;
  align.reduce_reg = r_.sub_max;
  align.dst = p_.q;
  align.n = m_.head_dim;
  align.rows = m_.heads;
  align.stride_a = m_.head_dim;
  align.stride_dst = m_.head_dim;
  out_.put(align);
  out_.follows<fields::vector::kA>(SlotValue::kQueryRow);
  out_.follows<fields::vector::kReduceReg>(SlotValue::kSlot);
  out_.follows<fields::vector::kDst>(SlotValue::kQueryRow);
}

}  // namespace tern::firmware
