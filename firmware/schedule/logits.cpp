// SPDX-License-Identifier: Apache-2.0
#include "schedule/norms.hpp"
#include "spec/numerics/softmax.hpp"

/// What the head does before its rows stream.
namespace tern::firmware {

using spec::ScalarOp;

void schedule_head(Scope& s) {
  const Registers& r = s.r;
  Builder& out = s.out;
  NormInput norm = residual_norm(s, s.p.head_norm, r.output_limit);
  norm.of_slot = true;
  out.begin(Block::kHead);
  out.begin(PieceId::kHeadNorm);
  normalise(s, norm);
  out.end();
  out.begin(PieceId::kHeadLogits);
  sum_squares(s, norm);
  out.put(Scalar{.op = ScalarOp::kTopKClear, .a = each(0), .rd = 0, .constant = 1});
  out.follows<fields::scalar::kConstant>(StepValue::kKeep);
  residual_scale(s, norm);
  out.put(Scalar{
      .op = ScalarOp::kScaleMul, .a = each(r.act), .b = each(r.head_scale), .rd = r.logit_scale});
  // For sampling: 2^((value - first) * logit_scale / temperature), as spec::sample() has it.
  const auto put = [&](ScalarOp op, uint32_t a, Operand b, int32_t constant) {
    out.put(Scalar{.op = op, .a = each(a), .b = b, .rd = r.sample_unit, .constant = constant});
  };
  put(ScalarOp::kScaleMul, r.logit_scale, each(r.inverse_temperature), 0);
  put(ScalarOp::kScaleMul, r.sample_unit, each(r.log2e), 0);
  put(ScalarOp::kFactor, r.sample_unit, {}, spec::kScoreFrac);
  out.end();
  out.end(Block::kHead);
}

}  // namespace tern::firmware
