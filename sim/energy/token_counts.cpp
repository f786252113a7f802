// SPDX-License-Identifier: Apache-2.0
#include "token_counts.hpp"

#include <algorithm>
#include <cmath>

#include "model.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::energy {
namespace {

// Of the controller, of a token of the 2B-4T shape on edge, by the performance model
// (docs/energy.md): cycles of work for a layer, and for what comes before and after the layers;
// work for an access of its data memory; which part of the other cycles it polls, and does not wait
// for a device.
constexpr uint64_t kLayerCycles = 1199;
constexpr uint64_t kEndCycles = 56'080;
constexpr uint64_t kCyclesPerDataAccess = 3;
constexpr double kPolledPart = 0.189;

/// Sums up one token.
class Token {
 public:
  Token(const io::SynthPreset& s, const spec::ChipConfig& chip, uint32_t context)
      : shape_(s), chip_(chip), context_(context) {
    hidden_ = u(s.hidden), queries_ = u(s.heads) * u(s.head_dim);
    keys_ = u(s.kv_heads) * u(s.head_dim), ffn_ = u(s.ffn), vocab_ = u(s.vocab);
    heads_ = u(s.heads), kv_heads_ = u(s.kv_heads), dim_ = u(s.head_dim);
    counts.tag = Tag::kDerived;
    for (uint32_t layer = 0; layer < u(s.layers); ++layer) {
      for (const spec::Part part : spec::kEveryPart)
        matrix(spec::rows_of(part, s), spec::columns_of(part, s), s.weights);
      attention();
      feed_forward();
      uint64_t gains = 0;
      for (const spec::Norm norm : spec::kEveryNorm)
        if (spec::has_norm(s, norm)) gains += spec::count_of(norm, s);
      load(2 * gains, gains);  // int16
      counts.controller_cycles += kLayerCycles;
    }
    norm(hidden_);
    matrix(vocab_, hidden_, s.tables.value_or(io::kValues));
    multiply(vocab_);
    const uint64_t embedding =
        s.tables ? spec::embedding_bytes(1, hidden_, s.tables->group) : 2 * hidden_;
    load(4 * vocab_, vocab_);                                      // row scales
    load(2 * hidden_ + embedding + 2 * dim_, 2 * hidden_ + dim_);  // gain, embedding, rope
    counts.controller_cycles += kEndCycles;
    counts.controller_accesses = counts.controller_cycles / kCyclesPerDataAccess;
    counts.scratch_writes += counts.results;
  }

  Counts counts;
  uint64_t matrix_beats = 0;  ///< Read from memory for matrices, scales of groups among them.

 private:
  static constexpr uint32_t u(int v) { return static_cast<uint32_t>(v); }

  void stream(BeatCounts& to, uint64_t beats, uint64_t columns) {
    to.beats += beats;
    to.column_beats += beats * columns;
  }

  void matrix(uint32_t rows, uint32_t cols, const io::MatrixFormat& format) {
    const spec::MatrixDescriptor d =
        io::describe_matrix(rows, cols, format, chip_, shape_.name, "of the shape");
    const spec::MatrixShape shape = spec::shape_of(d, chip_.columns);
    uint64_t scales = 0;
    for (uint32_t first = 0; first < shape.stripes; first += shape.block)
      scales += uint64_t{shape.groups()} * shape.scale_beats(shape.block_length(first));
    const uint64_t weights = shape.beats() - scales;
    counts.scale_beats += scales;
    matrix_beats += shape.beats();
    counts.results += rows;
    switch (format.layout) {
      case spec::Layout::kPlane:
        return stream(counts.plane, weights, 1);
      case spec::Layout::kValue:
        return stream(counts.value, weights, 1);
      case spec::Layout::kSign:  // a beat is eight rows, of which the array takes one for each tree
        return stream(counts.sign, weights * 8 / chip_.trees, 1);
    }
  }

  // Operands of a vector operation come from the scratchpad, results go there.
  void operate(uint64_t& kind, uint64_t elements, uint64_t operands) {
    kind += elements;
    counts.scratch_reads += operands * elements;
    counts.scratch_writes += elements;
  }
  void scale(uint64_t n) { operate(counts.vector.scale, n, 1); }
  void multiply(uint64_t n) { operate(counts.vector.multiply, n, 2); }
  void accumulate(uint64_t n) { operate(counts.vector.accumulate, n, 2); }

  void norm(uint32_t n) {
    multiply(n);   // by the gain
    scale(2 * n);  // sum of squares, quantise
    counts.activation_bytes += n;
  }

  void quantise(uint32_t n, bool normed) {
    if (normed) return norm(n);
    scale(n);
    counts.activation_bytes += n;
  }

  /// Each element becomes a word of the scratchpad.
  void load(uint64_t bytes, uint64_t elements) {
    counts.load_beats += (bytes + chip_.columns - 1) / chip_.columns;
    counts.scratch_writes += elements;
  }

  // The blocks of a layer, but for the matrices.
  void attention() {
    norm(hidden_);
    if (shape_.qk_norms) {
      multiply(queries_ + keys_);  // by the gain
      scale(queries_ + keys_);     // sum of squares
    }
    multiply(queries_ + keys_);   // rope
    scale(queries_ + 2 * keys_);  // quantised
    counts.activation_bytes += queries_;
    // A token's V codes lie in head_dim beats, its K codes and scales side by side.
    counts.store_beats += kv_heads_ * (dim_ + spec::ceil_div(dim_, chip_.columns) + 2);
    counts.scratch_reads += 2 * keys_;

    const uint32_t group = heads_ / kv_heads_;
    uint32_t slot = std::min(group, std::max(1u, chip_.act_columns / 2));
    while (group % slot) --slot;
    const uint64_t passes = uint64_t{kv_heads_} * (group / slot);
    const uint64_t limbs = std::min(2u, chip_.act_columns);
    const auto k = spec::key_cache_shape(context_, dim_, chip_.key_block, chip_.columns);
    const auto v = spec::value_cache_shape(context_, dim_, chip_.columns);
    stream(counts.value, passes * k.beats(), slot);
    stream(counts.value, passes * (2 / limbs) * v.beats(), slot * limbs);
    matrix_beats += passes * (k.beats() + (2 / limbs) * v.beats());
    counts.results += heads_ * (uint64_t{context_} + 2 * dim_);
    load(8ull * context_ * kv_heads_, 2ull * context_ * kv_heads_);

    const uint64_t scores = uint64_t{heads_} * context_;
    multiply(2 * scores);  // scales of keys and of values
    scale(7 * scores);     // maximum, four steps of Exp2, two limbs
    counts.activation_bytes += 2 * scores;
    multiply(queries_);  // limbs joined
    scale(queries_);     // to a common exponent
    quantise(queries_, shape_.sub_norms);
    accumulate(hidden_);
  }

  void feed_forward() {
    norm(hidden_);
    // Shifts of gate and up, square; or the gate in Q18 and four steps of Silu.
    scale((shape_.activation == io::Activation::kSilu ? 5 : 3) * ffn_);
    multiply(ffn_);
    quantise(ffn_, shape_.sub_norms);
    accumulate(hidden_);
  }

  const io::SynthPreset& shape_;
  const spec::ChipConfig& chip_;
  uint32_t context_, hidden_, queries_, keys_, ffn_, vocab_, heads_, kv_heads_, dim_;
};

}  // namespace

Counts token_counts(const io::SynthPreset& shape, const spec::ChipConfig& chip, uint32_t context,
                    const Dram& dram, double clock_hz) {
  const Token token(shape, chip, context);
  Counts c = token.counts;
  const uint64_t read_beats = token.matrix_beats + c.load_beats;
  // Signs on five trees take more cycles than beats.
  const uint64_t steps =
      c.plane.beats + c.value.beats + c.sign.beats + c.scale_beats + c.load_beats;
  const uint64_t read_bytes = read_beats * chip.columns;
  const uint64_t written_bytes = c.store_beats * chip.columns;
  const double busy = dram.refresh_seconds > 0 ? dram.refresh_busy : 0;
  c.seconds = std::max(static_cast<double>(steps) / clock_hz,
                       static_cast<double>(read_bytes + written_bytes) /
                           (dram.channel_bytes_per_second * (1 - busy)));
  c.cycles = static_cast<uint64_t>(std::llround(c.seconds * clock_hz));
  const uint64_t waiting = c.cycles - std::min(c.cycles, c.controller_cycles);
  c.controller_polls = static_cast<uint64_t>(static_cast<double>(waiting) * kPolledPart);
  c.controller_stalls = waiting - c.controller_polls;
  c.dram = stream_counts(read_bytes, written_bytes, c.seconds, dram);
  return c;
}

}  // namespace tern::energy
