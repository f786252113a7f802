// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model.hpp"
#include "scalar_run.hpp"
#include "scratch.hpp"
#include "spec/numerics/sample.hpp"
#include "tracer.hpp"
#include "units.hpp"

namespace tern::firmware {

/// Which tokens of a group get logits.
enum class Head : uint8_t { kNone, kLast, kAll };

/// Takes groups of tokens through the model. Elements and real scales are computed by the units: a
/// layer is a chain of commands that the controller issues ahead, without waiting for any of them.
class TokenLoop {
 public:
  TokenLoop(Units& units, const Model& model, Tracer& tracer)
      : units_(units), m_(model), p_(model.plan), r_(model.reg), tracer_(tracer) {}

  /// After a model was taken: writes what stays in the scalar registers.
  void prepare();
  /// The next token is at this position.
  void seek(uint32_t position) { position_ = position; }
  uint32_t position() const { return position_; }
  /// The request's; for sample().
  void set_temperature(Scale inverse) { write_scalar(r_.inverse_temperature, inverse); }

  /// tokens [count] at the next positions, count at most the plan's group. `keep` candidates of the
  /// last token that has logits are in the top-k list afterwards.
  void run(const uint32_t* tokens, uint32_t count, Head head, uint32_t keep);
  /// Draws one of them, by the weights that the vector unit gives them.
  uint32_t sample(uint32_t top_p_q16, spec::Random& random);

 private:
  /// A norm: x [count][n] times a gain, quantised into the activation columns.
  struct NormInput {
    uint32_t x, x_stride, n;
    uint32_t z, z_stride;
    uint32_t gain;
    uint32_t x_max, size;  ///< Scalar registers: largest magnitude of each row; n.
    LoadTicket gain_loaded;
    uint32_t rows;
    uint32_t limit;  ///< Scalar register: kActMax in units of the gain.
  };
  struct NormTickets {
    VectorTicket gain_read;
    VectorTicket quantised;
  };
  /// One slot of one token. Steps take their registers and buffers in turn.
  struct Step {
    uint32_t token, slot, odd;
    MatmulTicket scores;
  };
  /// What depends on a token's position alone.
  struct TokenPlace {
    uint32_t tokens;  ///< That it sees, itself included.
    uint32_t key_stripes, value_tiles;
    uint32_t key_byte, value_byte;  ///< Of its first dimension in a head's caches.
  };

  void embed(const uint32_t* tokens);
  void embed_halves(uint32_t token, uint32_t t, Waits free);
  void embed_trits(uint32_t token, uint32_t t, Waits free);
  void attention(uint32_t layer);
  void feed_forward(uint32_t layer);
  void head(uint32_t token, uint32_t keep);

  NormTickets normalise(const NormInput& in);
  VectorTicket quantise(const NormInput& in, uint32_t x, uint32_t stride, uint32_t max);
  VectorTicket quantise_plain(const NormInput& in);
  void plain_scale(const NormInput& in, ScalarRun& run);
  /// Quantised, behind the norm if the model has it.
  [[gnu::always_inline]] VectorTicket quantise_inner(const NormInput& in, Norm norm) {
    if (!m_.has[norm]) [[unlikely]]
      return quantise_plain(in);
    const NormTickets out = normalise(in);
    sub_gain_read_ = out.gain_read;
    return out.quantised;
  }
  /// Scale of what quantise_inner() made. The units, registers from sub_unit on, are too small by
  /// 2^constant and by the shifts in the registers from `shift` on, if any.
  static constexpr uint32_t kNoRegister = ~0u;
  [[gnu::always_inline]] void inner_scale(const NormInput& in, Norm norm, uint32_t shift,
                                          int32_t constant) {
    const bool normed = m_.has[norm];
    ScalarRun run = normed ? sum_squares(in) : scalars(in.rows);
    if (shift != kNoRegister)
      run.with(spec::ScalarOp::kScaleShift, r_.sub_unit, shift, r_.sub_unit, constant);
    if (normed)
      scale_of(in, r_.sub_unit, run);
    else
      plain_scale(in, run);
  }
  ScalarRun sum_squares(const NormInput& in);
  void residual_scale(const NormInput& in, ScalarRun& run);
  void scale_of(const NormInput& in, uint32_t unit, ScalarRun& run);
  NormInput residual_norm(uint32_t z, uint32_t limit) const;
  MatmulTicket multiply(uint32_t layer, Part part, uint32_t dst, uint32_t stride, uint32_t max_reg,
                        VectorTicket inputs);
  LoadTicket load_gain(uint32_t address, uint32_t n, uint32_t dst, VectorTicket read);
  /// The gain of an inner norm, if the model has it.
  [[gnu::always_inline]] void load_sub_gain(const Layer& l, Norm norm, uint32_t n) {
    if (!m_.has[norm]) [[unlikely]]
      return;
    units_.relative_to(Layer::offset_of(norm));
    sub_gain_loaded_ = load_gain(l.gain[norm], n, p_.sub_gain, sub_gain_read_);
  }
  void add_to_residual(Part part, uint32_t from, MatmulTicket results);
  void write_attention_scales(const Layer& layer);
  void write_feed_forward_scales(const Layer& layer);
  void write_limit(Norm norm, int32_t exponent);
  void run_layer(uint32_t layer);
  void tapes_played();
  TokenPlace place_of(uint32_t position) const;
  /// Elements of the rope table between the start of a 64-byte unit and the position's row.
  uint32_t rope_skip(uint32_t position) const {
    return position * (2 * m_.head_dim) % spec::kAddrUnit / 2;
  }
  void place_values(uint32_t position, uint32_t (&values)[kPlaceValues]) const;
  void move_on();
  /// Register of a matrix scale of the layer that is worked on.
  uint32_t matrix_scale(Part part) const { return r_.matrix + index_of(part); }
  ScalarRun scalars(uint32_t rows) { return {units_, rows, units_.after()}; }

  /// KV heads take two buffers for their scales in turn.
  uint32_t kv_buffer(uint32_t token, uint32_t kv_head) const {
    return (token * m_.kv_heads + kv_head) & 1;
  }
  /// Where the scales of a KV head's keys, then values, are while a token uses them.
  uint32_t kv_scales(uint32_t token, uint32_t kv_head) const {
    return p_.kv_scale + 2 * kv_buffer(token, kv_head) * p_.score_stride;
  }

  // feed_forward.cpp
  void square(ScalarRun& run, MatmulTicket gated);
  void silu(ScalarRun& run, MatmulTicket gated);
  void multiply_by_up(MatmulTicket upped);

  // head_norm.cpp
  void load_head_gains(const Layer& layer);
  void write_head_limits(const Layer& layer);
  void norm_heads(uint32_t heads, uint32_t to, uint32_t rows, uint32_t which, MatmulTicket results);
  void head_floors();
  void head_units(uint32_t heads, uint32_t rows, uint32_t which, uint32_t reg);

  // attention.cpp
  void quantise_heads(uint32_t layer, uint32_t token);
  void scale_heads(uint32_t layer, uint32_t token);
  void shorten(uint32_t heads, uint32_t n, uint32_t which, MatmulTicket results);
  VectorTicket rotate(uint32_t heads, uint32_t cosines, uint32_t rows, uint32_t reg,
                      MatmulTicket results);
  VectorTicket scale_rows(uint32_t heads, uint32_t rows, uint32_t reg);
  void store_keys(uint32_t layer, uint32_t token, VectorTicket ready);
  void store_values(uint32_t layer, uint32_t token, VectorTicket ready);
  void store_scales(uint32_t layer, VectorTicket ready);
  void load_kv_scales(uint32_t layer, uint32_t token, uint32_t kv_head);

  // softmax.cpp
  void issue_scores(uint32_t layer, Step& step);
  void take_kv_scales(const Step& step, uint32_t kv_head);
  VectorTicket softmax(uint32_t layer, const Step& step);
  MatmulTicket mix(uint32_t layer, const Step& step, VectorTicket ready);
  void mix_scales(const Step& step);
  void join(const Step& last, MatmulTicket mixed);

  /// A vector of each token of the group, if there is a trace.
  void trace_rows(spec::TracePoint point, uint32_t layer, uint32_t word, uint32_t stride,
                  uint32_t n) {
    if (tracer_.on()) [[unlikely]]
      save_rows(point, layer, word, stride, n);
  }
  void save_rows(spec::TracePoint point, uint32_t layer, uint32_t word, uint32_t stride,
                 uint32_t n);

  Units& units_;
  const Model& m_;
  const Plan& p_;
  const Registers& r_;
  Tracer& tracer_;

  uint32_t position_ = 0;
  uint32_t count_ = 0;

  TokenPlace place_[kMaxGroup];
  uint32_t rope_skip_ = 0;
  LoadTicket rope_loaded_, norm_gain_loaded_, sub_gain_loaded_, head_gains_loaded_;
  VectorTicket norm_gain_read_, sub_gain_read_, head_gains_read_;

  // Of the layer that is worked on.
  VectorTicket attention_issued_, feed_forward_issued_;  ///< The last commands of the two blocks.
  MatmulTicket query_done_, key_done_, value_done_;
  VectorTicket query_ready_;
  StoreTicket keys_stored_[2], values_stored_[2], stored_before_, scales_stored_;
  LoadTicket kv_loaded_[2];
  VectorTicket kv_read_[2];

  TapeOf<232, 160, 56> attention_tape_;
  TapeOf<56, 1, 8> feed_forward_tape_;
};

}  // namespace tern::firmware
