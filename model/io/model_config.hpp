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
};

/// Reads the configuration and checks it against itself and against the shape of every tensor that
/// the model needs; tensors the model does not know are an error too, because ignoring one would
/// compute something else. A linear layer may have a factor for its result, "blk.0.attn_q.scale"
/// [1]. Throws Error with one line naming file, tensor and shapes.
ModelConfig read_model_config(const Gguf& gguf);

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
