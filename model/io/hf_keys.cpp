// SPDX-License-Identifier: Apache-2.0
#include "io/hf_keys.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/error.hpp"
#include "io/json_values.hpp"

namespace tern::io {

namespace {

using nlohmann::json;

/// Computed or checked by the reader of config.json.
constexpr std::string_view kRead[] = {
    "architectures",
    "head_dim",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_types",
    "max_position_embeddings",
    "max_window_layers",
    "model_type",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "quantization_config",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "sliding_window",
    "tie_word_embeddings",
    "use_sliding_window",
    "vocab_size",
};

/// How a program computes, what it returns, and what only training uses.
constexpr std::string_view kWithoutEffect[] = {
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_experts_implementation",
    "attention_dropout",
    "attention_probs_dropout_prob",
    "attn_implementation",
    "attn_pdrop",
    "num_logits_to_keep",
    "layer_norm_eps",
    "output_attentions",
    "position_embedding_type",
    "use_flash_attention",
    "use_flash_attention_2",
};

/// Parts of names that speak of the model's arithmetic.
constexpr std::string_view kArithmetic[] = {
    "act_",   "adapter",    "alibi",  "atten",       "attn",    "bias",     "bits",     "chunk",
    "clip",   "expert",     "factor", "layer_types", "logit",   "lora",     "mamba",    "mlp",
    "moe",    "multiplier", "norm",   "parallel",    "quant",   "recurren", "residual", "rope",
    "rotary", "router",     "scal",   "sink",        "softcap", "sparse",   "ssm",      "window",
};

template <typename List>
bool contains(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != std::end(list);
}

template <typename List>
bool speaks_of(std::string_view name, const List& parts) {
  return std::ranges::any_of(parts,
                             [&](std::string_view part) { return name.find(part) != name.npos; });
}

/// What a model without the key does too.
bool is_neutral(std::string_view name, const json& value) {
  if (value.is_null() || value == false || value == "" || (value.is_structured() && value.empty()))
    return true;
  if (name == "weight_bits") return value == 1;  // of the trits of BitnetForCausalLM
  if (name == "input_bits") return value == 8;
  // Scales of the scores are given in place of 1 / sqrt(head_dim).
  constexpr std::string_view kScores[] = {"atten", "attn"};
  constexpr std::string_view kFactors[] = {"factor", "multiplier", "scal"};
  if (speaks_of(name, kFactors)) return !speaks_of(name, kScores) && value == 1;
  return value == 0;
}

[[noreturn]] void refuse(std::string_view file, std::string_view name, const json& value) {
  throw Error("{}: {} is {}, which is not supported", file, name, json_quote(value));
}

}  // namespace

void check_hf_keys(const json& config, std::string_view file) {
  for (const auto& [name, value] : config.items()) {
    if (contains(kRead, name) || contains(kWithoutEffect, name)) continue;
    if (speaks_of(name, kArithmetic) && !is_neutral(name, value)) refuse(file, name, value);
  }
}

void check_hf_windows(const json& config, std::string_view model_type, int layers, int context,
                      std::string_view file) {
  const bool qwen3 = model_type == "qwen3";
  const json uses = config.value("use_sliding_window", json());
  // In the class of Qwen3 windows are off, and 4096 wide, unless the file says otherwise.
  const bool on = qwen3 ? uses == true : uses != false;
  const json width = config.value("sliding_window", qwen3 && on ? json(4096) : json());
  // A window that holds the whole context hides nothing.
  const bool hides = !width.is_number() || width.get<double>() < context;
  if (const json types = config.value("layer_types", json()); !types.is_null()) {
    for (const json& type : types) {
      if (type == "full_attention" || (type == "sliding_attention" && width.is_number() && !hides))
        continue;
      throw Error("{}: layer_types has {}, only \"full_attention\" is supported", file,
                  json_quote(type));
    }
    return;
  }
  if (!on || width.is_null() || !hides) return;
  const json first = config.value("max_window_layers", qwen3 ? json(28) : json(0));
  if (first.is_number() && first.get<double>() >= layers) return;
  throw Error(
      "{}: sliding_window is {}, narrower than the context of {}: windows of attention are not "
      "supported",
      file, json_quote(width), context);
}

void check_hf_quantization(const json& quantization, std::string_view file) {
  constexpr std::string_view kKnown[] = {"linear_class", "modules_to_not_convert", "quant_method",
                                         "quantization_mode", "rms_norm_eps"};
  for (const auto& [name, value] : quantization.items()) {
    if (!contains(kKnown, name) && !is_neutral(name, value))
      refuse(file, "quantization_config." + name, value);
  }
  const auto one_of = [&](const char* name, std::string_view usual, std::string_view other) {
    const json value = quantization.value(name, json(usual));
    if (value != usual && value != other)
      refuse(file, fmt::format("quantization_config.{}", name), value);
  };
  one_of("linear_class", "bitlinear", "autobitlinear");
  one_of("quantization_mode", "offline", "online");
}

}  // namespace tern::io
