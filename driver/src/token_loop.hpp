#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "command_stream.hpp"
#include "io/image.hpp"
#include "kv_memory.hpp"
#include "spec/numerics/scale.hpp"
#include "spec/trace.hpp"

namespace tern::driver {

/// The token's computation on a chip: walks the model's descriptors, lets the chip do every product
/// with a matrix, and does the vector operators between them by the contract headers. A group of up
/// to M neighbouring tokens goes through the layers together, one activation column each.
///
/// All vectors are plain buffers made once; nothing is allocated while tokens run.
class TokenLoop {
 public:
  /// Which tokens of a group the output head runs for.
  enum class Head { kNone, kLast, kAll };

  /// The image must be in the chip's memory, and outlive the loop.
  TokenLoop(const io::Image& image, Transport& transport, CommandStream& chip);

  /// Runs 1 to M valid tokens at positions from `position`, which have room in the context.
  void run(std::span<const int32_t> tokens, uint32_t position, Head head);

  /// Of the last token for which the head ran.
  std::span<const int32_t> logits() const { return logits_; }
  spec::Scale logit_scale() const { return logit_scale_; }

  void set_trace(TraceSink sink) { trace_ = std::move(sink); }

 private:
  /// One product of the shared activations: [tokens][m->rows].
  struct Product {
    const spec::MatrixDescriptor* m;
    std::vector<int32_t>* out;
    spec::TracePoint point;
  };
  /// Per layer and KV head: fixed-point scales of the cached tokens [context].
  struct KvScales {
    std::vector<int32_t> key, value;
  };

  void embed(std::span<const int32_t> tokens);
  void attention(int layer);
  void write_kv(int layer);
  void quantise_queries(int layer);
  void scores(int layer);
  void softmax(int layer);
  void mix(int layer);
  void join_heads(uint32_t token, int layer);
  void feed_forward(int layer);
  void head(uint32_t first);

  void normalise(uint32_t token, const int32_t* x, spec::Scale unit,
                 const spec::VectorDescriptor& gain, spec::TracePoint point, int layer);
  void multiply(uint32_t cols, int layer, std::initializer_list<Product> products,
                uint32_t first = 0);
  void add_to_residual(const spec::MatrixDescriptor& m, spec::TracePoint point, int layer);
  void trace(uint32_t token, spec::TracePoint point, int layer, std::span<const int32_t> values,
             std::span<const int8_t> inputs = {}, int head = -1);
  void trace_codes(uint32_t token, spec::TracePoint point, int layer,
                   const std::vector<uint8_t>& codes);

  KvScales& kv_scales(int layer, uint32_t kv_head) {
    return kv_scales_[static_cast<std::size_t>(layer) * m_.kv_heads + kv_head];
  }
  /// Tokens that the group's token sees, itself included.
  uint32_t length(uint32_t token) const { return position_ + token + 1; }
  std::size_t head_at(uint32_t token, uint32_t head) const {
    return static_cast<std::size_t>(token) * m_.heads + head;
  }

  const io::Image& image_;
  const spec::ModelDescriptor& m_;
  const spec::ChipConfig& config_;
  CommandStream& chip_;
  KvMemory memory_;
  TraceSink trace_;

  uint32_t position_ = 0;  ///< Of the group's first token.
  uint32_t count_ = 0;     ///< Tokens of the group.

  std::vector<int32_t> residual_;           ///< [M][hidden], 2^-F each
  std::vector<int8_t> act_;                 ///< [M][widest]: quantised input of the next product
  std::vector<spec::Scale> act_scale_;      ///< [M]
  std::vector<int32_t> q_, k_, v_;          ///< [M][heads or kv_heads * head_dim]
  std::vector<int32_t> gate_, up_, out_;    ///< [M][ffn], [M][ffn], [M][hidden]
  std::vector<uint8_t> key_, value_;        ///< [M][kv_heads * head_dim] codes
  std::vector<int8_t> query_;               ///< [M][heads][head_dim]
  std::vector<spec::Scale> query_scale_;    ///< [M][heads]
  std::vector<int32_t> score_;              ///< [M][heads][context]: sums, then probabilities
  std::vector<int8_t> limbs_;               ///< [M][heads][2][context]
  std::vector<spec::Scale> mix_scale_;      ///< [M][heads]
  std::vector<int32_t> limb_sums_;          ///< [M][heads][2][head_dim]
  std::vector<int64_t> joined_;             ///< [heads * head_dim]
  std::vector<int32_t> scratch_;            ///< [widest or context]
  std::vector<int32_t> head_acc_, logits_;  ///< [M][vocab], [vocab]
  spec::Scale logit_scale_{};
  std::vector<KvScales> kv_scales_;
};

}  // namespace tern::driver
