// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "issue/player.hpp"
#include "issue/scratch.hpp"
#include "issue/tracer.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::firmware {

/// Which slots of a step get logits.
enum class Head : uint8_t { kNone, kLast, kAll };

/// Takes steps of slots through the model: tokens at positions that follow each other. Elements and
/// real scales are computed by the units alone: a layer is a program that is played ahead, without
/// waiting for any of its commands.
class Steps {
 public:
  Steps(Units& units, const Model& model, Tracer& tracer)
      : units_(units),
        m_(model),
        p_(model.plan),
        r_(model.reg),
        tracer_(tracer),
        program_(model),
        player_(units, program_) {}

  /// After a model was taken: compiles its program and writes what stays in the scalar registers.
  /// False if there is no room for the program.
  bool prepare();
  /// The next token is at this position.
  void seek(uint32_t position) { position_ = position; }
  uint32_t position() const { return position_; }
  /// The request's; for sample().
  void set_temperature(Scale inverse) { write_scalar(r_.inverse_temperature, inverse); }

  /// tokens [count] at the next positions, count at most the plan's group. `keep` candidates of the
  /// last slot that has logits are in the top-k list afterwards.
  void run(const uint32_t* tokens, uint32_t count, Head head, uint32_t keep);
  /// Draws one of them, by the weights that the vector unit gives them.
  uint32_t sample(uint32_t top_p_q16, spec::Random& random);

 private:
  // embed.cpp
  void embed(const uint32_t* tokens);
  void load_gain();
  void load_rope(Waits free);
  void embed_halves(uint32_t token, uint32_t t, Waits free);
  void embed_trits(uint32_t token, uint32_t t, Waits free);
  LoadTicket load_trits(uint32_t token, uint32_t at, Waits free);
  void scale_trits(uint32_t trits, uint32_t residual);

  // layers.cpp
  /// Whether nothing is to be moved or traced within the attention block.
  bool in_one_go() const {
    return count_ == 1 && position_ != 0 && !tracer_.on() && !program_.loops();
  }
  void run_layer(uint32_t layer);
  void attention(uint32_t layer);
  void attend(uint32_t layer, uint32_t slot);
  void bundle(PieceId id, uint32_t layer, uint32_t slot, uint32_t bundle, uint32_t lag);
  void trace_scores(uint32_t layer, uint32_t slot, uint32_t bundle);
  void trace_mixed(uint32_t layer, uint32_t slot, uint32_t bundle);
  void feed_forward(uint32_t layer);
  void write_attention_scales(const Layer& layer);
  void write_feed_forward_scales(const Layer& layer);
  void write_limit(Norm norm, int32_t exponent);
  void write_head_limits(const Layer& layer);
  void trace_rows(spec::TracePoint point, uint32_t layer, uint32_t word, uint32_t stride,
                  uint32_t n);

  // head.cpp
  void head(uint32_t slot);
  void stream_head(VectorTicket input, const uint32_t (&records)[2]);

  Units& units_;
  const Model& m_;
  const Plan& p_;
  const Registers& r_;
  Tracer& tracer_;
  Program program_;
  Player player_;

  uint32_t position_ = 0;
  uint32_t count_ = 0;
  VectorTicket attention_issued_, feed_forward_issued_;  ///< The last commands of the two blocks.
};

}  // namespace tern::firmware
