#pragma once

#include <filesystem>

#include "io/model_config.hpp"

namespace tern::io {

/// How the linear layers of a Hugging Face folder are stored.
enum class HfWeights {
  kFloat,           ///< plain floats
  kMaster,          ///< floats that are made ternary when they are used
  kPackedMultiply,  ///< two bits each; results are multiplied by weight_scale
  kPackedDivide,    ///< two bits each; results are divided by weight_scale
};

struct HfConfig {
  ModelConfig model;
  HfWeights weights = HfWeights::kFloat;
};

/// Reads config.json: model_type "bitnet", "llama" (also 1bitLLM's BitnetForCausalLM) or "qwen3".
/// Throws Error naming the file and the key.
HfConfig read_hf_config(const std::filesystem::path& path);

}  // namespace tern::io
