#include "io/hf_config.hpp"

#include <nlohmann/json.hpp>

#include "io/error.hpp"
#include "io/json_values.hpp"
#include "io/mapped_file.hpp"

namespace tern::io {

namespace {

using nlohmann::json;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : file_(path.string()), root_(parse_json(text_of(MappedFile(path)), file_)) {}

  HfConfig read() const;

 private:
  const json& at(const char* key) const {
    static const json null;
    const auto found = root_.find(key);
    return found == root_.end() ? null : *found;
  }
  std::string text(const json& value) const { return value.is_string() ? value : ""; }

  int size(const char* key, int limit) const {
    const json& value = at(key);
    if (!value.is_number_integer() || value < 1 || value > limit) {
      throw Error("{}: {} is {}, 1 to {} is expected", file_, key, json_quote(value), limit);
    }
    return value;
  }
  int size_or(const char* key, int fallback, int limit) const {
    return at(key).is_null() ? fallback : size(key, limit);
  }
  float positive(const char* key, const json& value) const {
    if (!value.is_number() || !(value.get<double>() > 0)) {
      throw Error("{}: {} is {}, a positive number is expected", file_, key, json_quote(value));
    }
    return value;
  }
  int token(const char* key, int vocab) const {
    const json& value = at(key).is_array() && !at(key).empty() ? at(key)[0] : at(key);
    if (value.is_null()) return -1;
    if (!value.is_number_integer() || value < 0 || value >= vocab) {
      throw Error("{}: {} is {}, the vocabulary has {} tokens", file_, key, json_quote(value),
                  vocab);
    }
    return value;
  }
  void read_family(HfConfig& config) const;
  void read_rope(ModelConfig& m) const;
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
  if (text(q.value("quantization_mode", json())) == "online") return HfWeights::kMaster;
  return text(q.value("linear_class", json())) == "autobitlinear" ? HfWeights::kPackedMultiply
                                                                  : HfWeights::kPackedDivide;
}

void Reader::read_family(HfConfig& config) const {
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
  if (text(at("hidden_act")) != wanted) {
    throw Error("{}: hidden_act is {}, {} models have {}", file_, json_quote(at("hidden_act")),
                m.arch, wanted);
  }
  config.weights = read_weights(one_bit_llm);
}

void Reader::read_rope(ModelConfig& m) const {
  const json& parameters = at("rope_parameters");
  const json& scaling = at("rope_scaling").is_null() ? parameters : at("rope_scaling");
  if (scaling.is_object()) {
    const std::string type = scaling.value("rope_type", scaling.value("type", "default"));
    if (type != "default") {
      throw Error("{}: rope of type {} is not supported, only the default", file_, quote(type));
    }
  }
  const json& theta = parameters.is_object() && parameters.contains("rope_theta")
                          ? parameters.at("rope_theta")
                          : at("rope_theta");
  m.rope_theta = theta.is_null() ? 10000.0f : positive("rope_theta", theta);
}

HfConfig Reader::read() const {
  HfConfig config;
  read_family(config);
  ModelConfig& m = config.model;
  constexpr int kMaxWidth = 131072;
  m.hidden = size("hidden_size", kMaxWidth);
  m.layers = size("num_hidden_layers", 4096);
  m.heads = size("num_attention_heads", 4096);
  m.kv_heads = size_or("num_key_value_heads", m.heads, 4096);
  m.head_dim = size_or("head_dim", m.hidden / m.heads, 4096);
  m.ffn = size("intermediate_size", kMaxWidth);
  m.vocab = size("vocab_size", 1 << 24);
  m.context = size("max_position_embeddings", 1 << 24);
  m.rms_eps = positive("rms_norm_eps", at("rms_norm_eps"));
  m.tied = at("tie_word_embeddings") == true;
  m.bos = token("bos_token_id", m.vocab);
  m.eos = token("eos_token_id", m.vocab);
  read_rope(m);
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (at(key) == true) throw Error("{}: {} is not supported", file_, key);
  }
  check_consistent(m, file_);
  return config;
}

}  // namespace

HfConfig read_hf_config(const std::filesystem::path& path) {
  try {
    return Reader(path).read();
  } catch (const json::exception& e) {
    throw Error("{}: is not a config.json, or is damaged: {}", path.string(), json_problem(e));
  }
}

std::string read_hf_chat_template(const std::filesystem::path& folder) {
  const std::filesystem::path alone = folder / "chat_template.jinja";
  if (std::filesystem::exists(alone)) return std::string(text_of(MappedFile(alone)));
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return {};
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
