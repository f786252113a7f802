// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "golden/kv_cache.hpp"
#include "golden/matrix.hpp"
#include "io/image.hpp"
#include "spec/kv_state.hpp"
#include "spec/numerics/result_bits.hpp"
#include "spec/numerics/scale.hpp"
#include "spec/trace.hpp"

namespace tern::golden {

/// The golden model: the whole token in integers, by the contract in model/spec/numerics, from a
/// .tern image. It has no clock and no tiles, and never sees what a device computed; it defines
/// what every device must compute.
class Model {
 public:
  /// The image must outlive the model. threads: that compute a token together, the caller's
  /// included; results do not depend on them.
  explicit Model(const io::Image& image, uint32_t threads = 1);

  /// Runs one token at the next position; logits() holds the result. Throws Error when the context
  /// is full.
  void forward(int32_t token);

  std::span<const int32_t> logits() const {
    return logits_;
  }  ///< [vocab], worth logit_scale() each
  spec::Scale logit_scale() const { return logit_scale_; }
  int position() const { return position_; }
  void reset();
  /// Takes the KV cache of `positions` tokens as given: the next token has that position. Throws
  /// Error when the context is shorter or the source gives another number of them.
  void seek(uint32_t positions, const KvSource& source);
  void set_trace(TraceSink sink) { trace_ = std::move(sink); }

  /// Elements of the residual stream that saturated so far.
  uint64_t saturations() const { return saturations_; }
  /// The matrix behind a traced product, for messages; nullptr where there is none.
  const Matrix* matrix(spec::TracePoint point, int layer) const;

 private:
  struct Layer {
    spec::ByPart<Matrix> matrix;
    std::vector<KvCache> cache;  ///< [kv_heads]
  };
  /// An int8 vector and what one unit of it is worth.
  struct Activations {
    std::vector<int8_t> q;
    spec::Scale scale;
  };
  /// An int32 vector and what one unit of it is worth.
  struct Wide {
    std::vector<int32_t> x;
    spec::Scale unit;
  };
  /// Heads [][head_dim] and what one unit of each is worth.
  struct Heads {
    std::vector<int32_t> x;
    std::vector<spec::Scale> unit;
  };

  Matrix load(const spec::MatrixDescriptor& m) const;
  /// The residual stream of a token, before any layer.
  void embed(uint32_t token);
  /// Quantised, behind the norm if there is one.
  Activations normalise(const Wide& x, const spec::VectorDescriptor& gain, spec::TracePoint point,
                        int layer);
  Wide multiply(const Matrix& w, const spec::MatrixDescriptor& m, const Activations& a,
                spec::TracePoint point, int layer);
  /// Of a layer.
  Wide multiply(spec::Part part, const Activations& a, spec::TracePoint point, int layer);
  void attention(int layer);
  /// Norm, if there is one, and rope of heads [][head_dim].
  Heads turn(Wide x, const spec::VectorDescriptor& gain, spec::ResultBits bits) const;
  Wide attend_heads(int layer, const Heads& q);
  Wide attend(const KvCache& cache, std::span<const int32_t> q, spec::Scale q_unit, int layer,
              int head, std::span<int64_t> mix);
  void feed_forward(int layer);
  Wide gated(const Wide& gate, const Wide& up) const;
  void add_to_residual(const Wide& x, spec::TracePoint point, int layer);
  void head();
  void trace(spec::TracePoint point, int layer, std::span<const int32_t> values,
             std::span<const int8_t> inputs = {}, int head = -1);

  Workers workers_;
  const io::Image& image_;
  const spec::ModelDescriptor& m_;
  std::vector<Layer> layers_;
  Matrix head_;
  Wide residual_;
  std::vector<int32_t> logits_;
  spec::Scale logit_scale_{};
  int position_ = 0;
  uint64_t saturations_ = 0;
  TraceSink trace_;
};

}  // namespace tern::golden
