// SPDX-License-Identifier: Apache-2.0
#include "io/hf_config.hpp"

#include <nlohmann/json.hpp>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/hf_keys.hpp"
#include "io/json_values.hpp"
#include "io/mapped_file.hpp"

namespace tern::io {

namespace {

using nlohmann::json;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

/// What a class of transformers takes for keys that a config.json has not.
struct Defaults {
  int hidden, ffn, layers, heads;
  int kv_heads;  ///< 0: as many as heads
  int head_dim;  ///< 0: hidden / heads
  int vocab, context;
  double rms_eps, rope_theta;
  int bos, eos;  ///< -1: none
};
constexpr Defaults kLlama{4096, 11008, 32, 32, 0, 0, 32000, 2048, 1e-6, 10000, 1, 2};
constexpr Defaults kBitNet{2560, 6912, 30, 20, 5, 0, 128256, 2048, 1e-5, 500000, 128000, 128001};
constexpr Defaults kQwen3{4096, 22016, 32, 32, 32, 128, 151936, 32768, 1e-6, 10000, -1, -1};

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(path.string()), root_(parse_json(text_of(MappedFile(path)), file_)) {}

  HfConfig read() const;
  /// One token or a list of them; a missing key is `fallback`, none if that is beyond `vocab`.
  std::vector<int> tokens(const char* key, int fallback, int vocab) const;

 private:
  const json& at(const char* key) const {
    static const json null;
    const auto found = root_.find(key);
    return found == root_.end() ? null : *found;
  }
  std::string text(const json& value) const { return value.is_string() ? value : ""; }

  int size(const char* key, int fallback, int limit) const {
    const json& value = at(key);
    if (value.is_null()) return fallback;
    if (!value.is_number_integer() || value < 1 || value > limit) {
      throw Error("{}: {} is {}, 1 to {} is expected", file_, key, json_quote(value), limit);
    }
    return value;
  }
  float positive(const char* key, const json& value, double fallback) const {
    if (value.is_null()) return static_cast<float>(fallback);
    if (!value.is_number() || !(value.get<double>() > 0)) {
      throw Error("{}: {} is {}, a positive number is expected", file_, key, json_quote(value));
    }
    return value;
  }
  Defaults read_family(HfConfig& config) const;
  void read_rope(ModelConfig& m, double fallback) const;
  float rope_factor(const char* name) const;
  HfWeights read_weights(bool one_bit_llm) const;

  std::string file_;
  json root_;
};

HfWeights Reader::read_weights(bool one_bit_llm) const {
  const json& q = at("quantization_config");
  if (q.is_null()) return one_bit_llm ? HfWeights::kMaster : HfWeights::kFloat;
  const std::string method = text(q.value("quant_method", json()));
  if (method != "bitnet") {
    throw Error("{}: quantization_config has quant_method {}, only \"bitnet\" is supported", file_,
                quote(method));
  }
  check_hf_quantization(q, file_);
  if (text(q.value("quantization_mode", json())) == "online") return HfWeights::kMaster;
  return text(q.value("linear_class", json())) == "autobitlinear" ? HfWeights::kPackedMultiply
                                                                  : HfWeights::kPackedDivide;
}

std::vector<int> Reader::tokens(const char* key, int fallback, int vocab) const {
  if (!root_.contains(key))
    return fallback >= 0 && fallback < vocab ? std::vector<int>{fallback} : std::vector<int>{};
  const json& value = at(key);
  std::vector<int> result;
  for (const json& id : value.is_array() ? value : json::array({value})) {
    if (id.is_null()) continue;
    if (!id.is_number_integer() || id < 0 || id >= vocab) {
      throw Error("{}: {} is {}, the vocabulary has {} tokens", file_, key, json_quote(id), vocab);
    }
    result.push_back(id);
  }
  return result;
}

Defaults Reader::read_family(HfConfig& config) const {
  const std::string type = text(at("model_type"));
  const json& names = at("architectures");
  const bool one_bit_llm = names.is_array() && !names.empty() && names[0] == "BitnetForCausalLM";
  ModelConfig& m = config.model;
  if (type == "bitnet" && !one_bit_llm) {
    m.arch = "bitnet-b1.58";
  } else if (one_bit_llm) {
    m.arch = "bitnet";
  } else if (type == "llama" || type == "qwen3") {
    m.arch = type;
  } else {
    throw Error("{}: model_type {} is not supported; supported: bitnet, llama, qwen3", file_,
                quote(type));
  }
  m.sub_norms = m.arch.starts_with("bitnet");
  m.qk_norms = m.arch == "qwen3";
  m.activation = m.arch == "bitnet-b1.58" ? Activation::kSquaredRelu : Activation::kSilu;
  const std::string wanted = m.activation == Activation::kSilu ? "silu" : "relu2";
  if (!at("hidden_act").is_null() && text(at("hidden_act")) != wanted) {
    throw Error("{}: hidden_act is {}, {} models have {}", file_, json_quote(at("hidden_act")),
                m.arch, wanted);
  }
  config.weights = read_weights(one_bit_llm);
  return m.arch == "bitnet-b1.58" ? kBitNet : m.arch == "qwen3" ? kQwen3 : kLlama;
}

/// What positions are divided by: of rope_scaling, or of rope_parameters, which newer files have.
float Reader::rope_factor(const char* name) const {
  const json& rope = at(name);
  if (rope.is_null()) return 1;
  const auto refuse = [&] {
    throw Error("{}: {} is {}, only the rope_types \"default\" and \"linear\" are supported", file_,
                name, json_quote(rope));
  };
  if (!rope.is_object()) refuse();
  const json type = rope.value("rope_type", rope.value("type", json()));
  const json factor = rope.value("factor", json());
  const bool linear = type == "linear" && factor.is_number() && factor > 0;
  if (!type.is_null() && type != "default" && !linear) refuse();
  for (const auto& [key, value] : rope.items()) {
    const bool is_type = key == "rope_type" || key == "type" || (key == "factor" && linear);
    const bool neutral = value.is_null() || (key == "partial_rotary_factor" && value == 1);
    // Without a type, what else it says would be a scaling.
    if (!is_type && !neutral && key != "rope_theta" &&
        (type.is_null() || value.is_structured() || key == "partial_rotary_factor"))
      refuse();
  }
  return linear ? factor.get<float>() : 1.0f;
}

void Reader::read_rope(ModelConfig& m, double fallback) const {
  // Where both are there they say the same.
  const float factor = rope_factor("rope_parameters"), older = rope_factor("rope_scaling");
  m.rope_scaling.factor = factor != 1 ? factor : older;
  const json& parameters = at("rope_parameters");
  const json& theta = parameters.is_object() && parameters.contains("rope_theta")
                          ? parameters.at("rope_theta")
                          : at("rope_theta");
  m.rope_theta = positive("rope_theta", theta, fallback);
}

HfConfig Reader::read() const {
  HfConfig config;
  const Defaults d = read_family(config);
  ModelConfig& m = config.model;
  constexpr int kMaxWidth = 131072;
  m.hidden = size("hidden_size", d.hidden, kMaxWidth);
  m.layers = size("num_hidden_layers", d.layers, 4096);
  m.heads = size("num_attention_heads", d.heads, 4096);
  // A null says as many as heads, where a missing key may say something else.
  const bool grouped = d.kv_heads > 0 && !root_.contains("num_key_value_heads");
  m.kv_heads = size("num_key_value_heads", grouped ? d.kv_heads : m.heads, 4096);
  m.head_dim = size("head_dim", d.head_dim > 0 ? d.head_dim : m.hidden / m.heads, 4096);
  m.ffn = size("intermediate_size", d.ffn, kMaxWidth);
  m.vocab = size("vocab_size", d.vocab, 1 << 24);
  m.context = size("max_position_embeddings", d.context, 1 << 24);
  m.rms_eps = positive("rms_norm_eps", at("rms_norm_eps"), d.rms_eps);
  m.tied = at("tie_word_embeddings") == true;
  const std::vector<int> bos = tokens("bos_token_id", d.bos, m.vocab);
  config.ends = tokens("eos_token_id", d.eos, m.vocab);
  if (!bos.empty()) m.bos = bos[0];
  if (!config.ends.empty()) m.eos = config.ends[0];
  read_rope(m, d.rope_theta);
  check_hf_keys(root_, file_);
  check_hf_windows(root_, m.arch, m.layers, m.context, file_);
  check_consistent(m, file_);
  return config;
}

}  // namespace

HfConfig read_hf_config(const std::filesystem::path& folder) {
  std::filesystem::path path = folder / "config.json";
  try {
    HfConfig config = Reader(path).read();
    path = folder / "generation_config.json";
    if (path_exists(path)) {
      for (const int id : Reader(path).tokens("eos_token_id", -1, config.model.vocab))
        config.ends.push_back(id);
      if (config.model.eos < 0 && !config.ends.empty()) config.model.eos = config.ends[0];
    }
    return config;
  } catch (const json::exception& e) {
    throw Error("{}: is not a {}, or is damaged: {}", path.string(), path.filename().string(),
                json_problem(e));
  }
}

std::string read_hf_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path alone = folder / "chat_template.jinja";
  if (path_exists(alone)) return std::string(text_of(MappedFile(alone)));
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!path_exists(path)) return {};
  try {
    const json root = parse_json(text_of(MappedFile(path)), path.string());
    const json found = root.value("chat_template", json());
    if (!found.is_array()) return found.is_null() ? "" : found.get<std::string>();
    for (const json& entry : found) {
      if (entry.at("name") == "default") return entry.at("template");
    }
    return {};
  } catch (const json::exception& e) {
    throw Error("{}: the chat template cannot be read: {}", path.string(), json_problem(e));
  }
}

}  // namespace tern::io
