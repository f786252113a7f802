#pragma once

#include <string>
#include <string_view>

#include "io/gguf.hpp"

namespace tern::io {

enum class Activation {
  kSquaredRelu,  ///< relu(gate)^2 * up
};

/// The shape of a decoder-only transformer, as its file states it. All sizes are positive.
struct ModelConfig {
  std::string arch;  ///< "bitnet-b1.58" or "bitnet-25"
  std::string name;  ///< general.name, may be empty
  int hidden = 0;
  int layers = 0;
  int heads = 0;  ///< query heads, a multiple of kv_heads
  int kv_heads = 0;
  int head_dim = 0;  ///< even; heads * head_dim = hidden
  int ffn = 0;
  int vocab = 0;
  int context = 0;  ///< positions
  float rope_theta = 0;
  float rms_eps = 0;
  Activation activation = Activation::kSquaredRelu;
  bool tied = true;  ///< the output head is the embedding
  int bos = -1;      ///< -1: none
  int eos = -1;      ///< -1: none

  int queries() const { return heads * head_dim; }
  int keys() const { return kv_heads * head_dim; }
};

/// Reads the configuration and checks it against itself and against the shape of every tensor that
/// the model needs; tensors the model does not know are an error too, because ignoring one would
/// compute something else. Throws Error with one line naming file, tensor and shapes.
ModelConfig read_model_config(const Gguf& gguf);

/// "blk.<layer>.<part>.weight", part as in "attn_q".
std::string layer_tensor(int layer, std::string_view part);

}  // namespace tern::io
