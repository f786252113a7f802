// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

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
  ModelConfig model;  ///< eos is the first of the end tokens
  HfWeights weights = HfWeights::kFloat;
  std::vector<int> ends;  ///< all tokens that the folder says to end generation
};

/// Reads config.json of a folder: model_type "bitnet", "llama" (also 1bitLLM's BitnetForCausalLM)
/// or "qwen3"; and the end tokens of generation_config.json if there is one. A key that is missing
/// has the value that the class of transformers gives it. Throws Error naming the file and the key,
/// also on keys whose meaning is not computed (check_hf_keys).
HfConfig read_hf_config(const std::filesystem::path& folder);

/// The chat template of a folder: chat_template.jinja, or what tokenizer_config.json has under
/// "chat_template" (of several, the one called "default"); empty if there is none. Throws Error
/// naming the file.
std::string read_hf_chat_template(const std::filesystem::path& folder);

}  // namespace tern::io
