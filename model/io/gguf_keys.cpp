// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_keys.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include "io/error.hpp"

namespace tern::io {

namespace {

/// Which value of a key changes nothing.
enum class Neutral {
  kAny,        ///< It is read, or only describes.
  kZero,       ///< 0 or false: switched off.
  kTrue,       ///< True.
  kOne,        ///< A factor of 1; 0 is that of a key that is not set.
  kThirtyTwo,  ///< 32.
  kAttention,  ///< The scale of scores that the width of a head gives; 0: not set.
  kWindow,     ///< A window that no context of the model leaves; 0: none.
  kNone,       ///< An array or a string without content.
};

struct Rule {
  std::string_view key;  ///< With "*" at its end: every key that begins so.
  Neutral neutral = Neutral::kAny;
};

/// Under the name of the architecture.
constexpr Rule kOfArchitecture[] = {
    {"attention.causal", Neutral::kTrue},
    {"attention.clamp_kqv", Neutral::kZero},
    {"attention.head_count"},
    {"attention.head_count_kv"},
    {"attention.key_length"},
    {"attention.kv_lora_rank", Neutral::kZero},
    {"attention.layer_norm_epsilon"},  // of norms that these models have not
    {"attention.layer_norm_rms_epsilon"},
    {"attention.max_alibi_bias", Neutral::kZero},
    {"attention.output_scale", Neutral::kOne},
    {"attention.q_lora_rank", Neutral::kZero},
    {"attention.scale", Neutral::kAttention},
    {"attention.shared_kv_layers", Neutral::kZero},
    {"attention.sliding_window*", Neutral::kWindow},
    {"attention.temperature_length", Neutral::kZero},
    {"attention.temperature_scale", Neutral::kZero},
    {"attention.value_length"},
    {"attn_logit_softcapping", Neutral::kZero},
    {"block_count"},
    {"context_length"},
    {"embedding_length"},
    {"embedding_scale", Neutral::kOne},
    {"expert*", Neutral::kZero},
    {"feed_forward_length"},
    {"final_logit_softcapping", Neutral::kZero},
    {"interleave_moe_layer_step", Neutral::kZero},
    {"leading_dense_block_count", Neutral::kZero},
    {"logit_scale", Neutral::kOne},
    {"moe_every_n_layers", Neutral::kZero},
    {"n_deepstack_layers", Neutral::kZero},
    {"nextn_predict_layers", Neutral::kZero},
    {"pooling_type"},  // of embeddings of texts
    {"rescale_every_n_layers", Neutral::kZero},
    {"residual_scale", Neutral::kOne},
    {"rope.dimension_count"},
    {"rope.freq_base"},
    {"rope.scale_linear"},
    {"rope.scaling.attn_factor"},
    {"rope.scaling.factor"},
    {"rope.scaling.finetuned"},  // of where the scaling comes from
    {"rope.scaling.original_context_length"},
    {"rope.scaling.type"},
    {"rope.scaling.yarn_attn_factor", Neutral::kOne},
    {"rope.scaling.yarn_beta_fast", Neutral::kThirtyTwo},
    {"rope.scaling.yarn_beta_slow", Neutral::kOne},
    {"rope.scaling.yarn_log_multiplier", Neutral::kZero},
    {"router_logit_softcapping", Neutral::kZero},
    {"swin_norm", Neutral::kZero},
    {"tensor_data_layout"},
    {"use_parallel_residual", Neutral::kZero},
    {"vocab_size"},
};

/// Under "tokenizer.".
constexpr Rule kOfTokenizer[] = {
    {"chat_template*"},
    {"ggml.add_bos_token"},
    {"ggml.add_eos_token", Neutral::kZero},
    {"ggml.add_sep_token", Neutral::kZero},
    {"ggml.add_space_prefix"},
    {"ggml.merges"},
    {"ggml.model"},
    {"ggml.normalizer*", Neutral::kZero},
    {"ggml.pre"},
    {"ggml.precompiled_charsmap", Neutral::kNone},
    {"ggml.remove_extra_whitespaces"},
    {"ggml.scores"},
    {"ggml.token_type"},
    {"ggml.token_type_count"},
    {"ggml.tokens"},
    {"huggingface.json"},
    {"rwkv.world"},
};

/// Under "split.": which part of a file it is.
constexpr Rule kOfSplit[] = {{"no"}, {"count"}, {"tensors.count"}};

bool matches(const Rule& rule, std::string_view name) {
  if (!rule.key.ends_with('*')) return rule.key == name;
  return name.starts_with(rule.key.substr(0, rule.key.size() - 1));
}

class Keys {
 public:
  Keys(const Gguf& gguf, const ModelConfig& config) : gguf_(gguf), config_(config) {}

  std::vector<std::string> unsupported() {
    const std::string arch = config_.arch + ".";
    for (const std::string_view key : gguf_.keys()) {
      const auto under = [&](std::string_view prefix) { return key.starts_with(prefix); };
      if (under(arch)) {
        look_up(key, key.substr(arch.size()), kOfArchitecture);
      } else if (under("tokenizer.")) {
        const bool of_one_token = key.ends_with("_token_id") || key.ends_with("_token_ids");
        if (!of_one_token) look_up(key, key.substr(10), kOfTokenizer);
      } else if (under("split.")) {
        look_up(key, key.substr(6), kOfSplit);
      } else if (under("prism.hadamard")) {
        refuse(key,
               "weights that need a Hadamard rotation of their inputs are not supported; use a "
               "release of the model without it");
      } else if (under("prism.") || under("xielu.") || under("adapter.")) {
        refuse(key, kUnknown);
      } else if (key.find("scal") != std::string_view::npos) {
        check(key, Neutral::kOne);
      }
    }
    return std::move(found_);
  }

 private:
  static constexpr std::string_view kUnknown =
      "this key is not known, and can change what the model computes";

  void look_up(std::string_view key, std::string_view name, std::span<const Rule> rules) {
    const auto rule = std::ranges::find_if(rules, [&](const Rule& r) { return matches(r, name); });
    if (rule == rules.end())
      refuse(key, kUnknown);
    else
      check(key, rule->neutral);
  }

  void check(std::string_view key, Neutral neutral) {
    const std::optional<double> value = gguf_.number(key);
    const auto is = [&](double wanted) { return value && *value == wanted; };
    switch (neutral) {
      case Neutral::kAny:
        return;
      case Neutral::kZero:
        if (!is(0)) refuse(key, "it changes what the model computes, and only 0 is supported");
        return;
      case Neutral::kTrue:
        if (!is(1)) refuse(key, "it changes what the model computes, and only true is supported");
        return;
      case Neutral::kOne:
        if (!is(0) && !is(1))
          refuse(key, "it changes what the model computes, and only a factor of 1 is supported");
        return;
      case Neutral::kThirtyTwo:
        if (!is(32)) refuse(key, "it changes what the model computes, and only 32 is supported");
        return;
      case Neutral::kAttention: {
        const double usual = 1 / std::sqrt(static_cast<double>(config_.head_dim));
        if (!is(0) && !(value && std::abs(*value - usual) < 1e-6 * usual))
          refuse(key, fmt::format("only the usual {} for heads of {} is supported", usual,
                                  config_.head_dim));
        return;
      }
      case Neutral::kWindow:
        if (!no_window())
          refuse(key, fmt::format("attention over a sliding window is not supported, unless it is "
                                  "as wide as the context of {}",
                                  config_.context));
        return;
      case Neutral::kNone:
        if (gguf_.value_text(key) != "\"\"" && !gguf_.value_text(key).starts_with("an array of 0 "))
          refuse(key, "it changes the ids of texts, and is not supported");
        return;
    }
  }

  bool no_window() const {
    const std::string key = config_.arch + ".attention.sliding_window";
    if (!gguf_.has(key)) return false;
    const std::optional<double> value = gguf_.number(key);
    return value && (*value == 0 || *value >= config_.context);
  }

  void refuse(std::string_view key, std::string_view why) {
    add_obstacle(found_, fmt::format("{}: metadata {} is {}: {}", gguf_.file(), quote(key),
                                     gguf_.value_text(key), why));
  }

  const Gguf& gguf_;
  const ModelConfig& config_;
  std::vector<std::string> found_;
};

}  // namespace

void add_obstacle(std::vector<std::string>& found, std::string line) {
  constexpr std::size_t kMost = 32;
  if (found.size() < kMost)
    found.push_back(std::move(line));
  else if (found.size() == kMost)
    found.emplace_back("there is more of this kind, which is not listed");
}

std::vector<std::string> unsupported_keys(const Gguf& gguf, const ModelConfig& config) {
  return Keys(gguf, config).unsupported();
}

}  // namespace tern::io
