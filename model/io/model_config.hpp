// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"

namespace tern::io {

enum class Activation {
  kSquaredRelu,  ///< relu(gate)^2 * up
  kSilu,         ///< gate / (1 + exp(-gate)) * up
};

/// Which elements of a head rope rotates together.
enum class RopePairs {
  kHalves,      ///< i and i + head_dim / 2 (called NEOX)
  kNeighbours,  ///< 2i and 2i + 1: rows of q and k as llama.cpp's converter permutes them
};

/// How a model's rope was stretched after its first training. The defaults are rope as it was.
struct RopeScaling {
  float factor = 1;  ///< positions are divided by it
  /// Every pair's angle is divided by its own, [head_dim / 2]; empty: none. Llama 3.1 has such.
  std::vector<float> frequency_factors;
  /// YaRN (arXiv 2309.00071): pairs that turn often within the first context keep their angles.
  /// What YaRN does to the size of queries and keys is in `magnitude`.
  bool yarn = false;
  int original_context = 0;  ///< yarn: positions of the first training
  float beta_fast = 32;      ///< yarn: pairs of more turns than that keep their angles
  float beta_slow = 1;       ///< yarn: pairs of fewer turns are divided by the factor
  float magnitude = 1;       ///< queries and keys are multiplied by it, so scores by its square
};

/// The shape of a decoder-only transformer, as its file states it. All sizes are positive.
struct ModelConfig {
  std::string arch;  ///< "bitnet-b1.58", "bitnet-25", "bitnet", "llama" or "qwen3"
  std::string name;  ///< general.name, may be empty
  int hidden = 0;
  int layers = 0;
  int heads = 0;  ///< query heads, a multiple of kv_heads
  int kv_heads = 0;
  int head_dim = 0;  ///< even
  int ffn = 0;
  int vocab = 0;
  int context = 0;  ///< positions
  float rope_theta = 0;
  RopeScaling rope_scaling;
  float rms_eps = 0;
  Activation activation = Activation::kSquaredRelu;
  RopePairs rope_pairs = RopePairs::kHalves;
  bool sub_norms = true;  ///< norms before attn_output and ffn_down
  bool qk_norms = false;  ///< a norm of every head of q and k, before rope
  bool tied = true;       ///< the output head is the embedding
  int bos = -1;           ///< -1: none
  int eos = -1;           ///< -1: none

  int queries() const { return heads * head_dim; }
  int keys() const { return kv_heads * head_dim; }
  /// What rope turns a pair of a head by from one position to the next, in radians, [head_dim / 2].
  std::vector<double> rope_rates() const;
  /// What the product of a query and a key that are rotated by rope_rates() is multiplied by,
  /// besides 1 / sqrt(head_dim).
  double score_factor() const;
};

/// Reads the configuration and checks it against itself and against the shape of every tensor that
/// the model needs; tensors the model does not know are an error too, because ignoring one would
/// compute something else, and so are metadata that are not computed (unsupported_keys()). A linear
/// layer may have a factor for its result, "blk.0.attn_q.scale" [1]. Throws Error with one line
/// naming file, tensor and shapes.
ModelConfig read_model_config(const Gguf& gguf);

/// The configuration alone, as far as the metadata of the file and the shape of its embedding tell.
/// Throws Error on what is missing or out of range.
ModelConfig read_model_shape(const Gguf& gguf);
/// Everything else that read_model_config() refuses, a line for each. Tensors of one type that
/// cannot be decoded are one line.
std::vector<std::string> model_obstacles(const Gguf& gguf, const ModelConfig& config);

/// A tensor that a model of some configuration has, by GGUF's name and shape (columns first).
struct ExpectedTensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  bool optional = false;
};
/// All of them, whatever the format they are stored in.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

/// Throws Error that begins with `origin` if the heads do not fit together or the model is wider
/// than anything here takes.
void check_consistent(const ModelConfig& config, std::string_view origin);

/// "blk.<layer>.<part>.weight", part as in "attn_q".
std::string layer_tensor(int layer, std::string_view part);
/// "blk.<layer>.<part>.scale".
std::string layer_scale(int layer, std::string_view part);

}  // namespace tern::io
