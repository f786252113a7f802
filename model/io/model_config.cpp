#include "io/model_config.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "io/error.hpp"

namespace tern::io {

namespace {

struct Family {
  std::string_view arch;
  Activation activation;
  RopePairs rope_pairs;
  bool sub_norms;
  bool qk_norms;
};
constexpr Family kFamilies[] = {
    {"bitnet-b1.58", Activation::kSquaredRelu, RopePairs::kHalves, true, false},
    {"bitnet-25", Activation::kSquaredRelu, RopePairs::kHalves, true, false},
    {"bitnet", Activation::kSilu, RopePairs::kHalves, true, false},
    {"llama", Activation::kSilu, RopePairs::kNeighbours, false, false},
    {"qwen3", Activation::kSilu, RopePairs::kHalves, false, true},
};

const Family& find_family(const Gguf& gguf, std::string_view arch) {
  std::string names;
  for (const Family& family : kFamilies) {
    if (family.arch == arch) return family;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", family.arch);
  }
  throw Error("{}: architecture {} is not supported; supported: {}", gguf.file(), quote(arch),
              names);
}

/// Reads `<arch>.<key>` and checks ranges, so that no product of two sizes can overflow.
class Reader {
 public:
  Reader(const Gguf& gguf, std::string arch) : gguf_(gguf), arch_(std::move(arch)) {}

  std::string key(std::string_view name) const { return fmt::format("{}.{}", arch_, name); }

  int size(std::string_view name, int limit) const { return checked(key(name), limit); }

  int size_or(std::string_view name, int fallback, int limit) const {
    return gguf_.has(key(name)) ? size(name, limit) : fallback;
  }

  float positive(std::string_view name) const {
    const float value = gguf_.get<float>(key(name));
    if (!(value > 0))
      throw Error("{}: metadata {} is {}, a positive number is expected", gguf_.file(),
                  quote(key(name)), value);
    return value;
  }

  float positive_or(std::string_view name, float fallback) const {
    return gguf_.has(key(name)) ? positive(name) : fallback;
  }

  int token_id(std::string_view name, int vocab) const {
    if (!gguf_.has(name)) return -1;
    const auto value = gguf_.get<std::uint32_t>(name);
    if (value >= static_cast<std::uint32_t>(vocab)) {
      throw Error("{}: metadata {} is {}, the vocabulary has {} tokens", gguf_.file(), quote(name),
                  value, vocab);
    }
    return static_cast<int>(value);
  }

 private:
  int checked(const std::string& full_key, int limit) const {
    const auto value = gguf_.get<std::int64_t>(full_key);
    if (value < 1 || value > limit) {
      throw Error("{}: metadata {} is {}, 1 to {} is expected", gguf_.file(), quote(full_key),
                  value, limit);
    }
    return static_cast<int>(value);
  }

  const Gguf& gguf_;
  std::string arch_;
};

void check_tensors(const Gguf& gguf, const ModelConfig& config) {
  // A file of too few tensors lacks one in one of the first so many layers, whatever it claims.
  constexpr std::size_t kLeastOfLayer = 9;  // seven matrices and two norms
  ModelConfig looked_at = config;
  looked_at.layers = static_cast<int>(std::min<std::size_t>(
      static_cast<std::size_t>(config.layers), gguf.tensors().size() / kLeastOfLayer + 1));
  std::set<std::string_view> known;
  const std::vector<ExpectedTensor> expected = expected_tensors(looked_at);
  for (const ExpectedTensor& want : expected) {
    if (want.optional && gguf.find_tensor(want.name) == nullptr) continue;
    const GgufTensor& tensor = gguf.tensor(want.name);
    const auto dimensions = tensor.dimensions();
    if (!std::equal(dimensions.begin(), dimensions.end(), want.shape.begin(), want.shape.end())) {
      throw Error("{}: tensor {} has shape {}, the configuration asks for {} (columns first)",
                  gguf.file(), quote(want.name), shape_text(dimensions), shape_text(want.shape));
    }
    known.insert(want.name);
  }
  for (const GgufTensor& tensor : gguf.tensors()) {
    if (!known.contains(tensor.name)) {
      throw Error("{}: tensor {} does not belong to a {} model of {} layers", gguf.file(),
                  quote(tensor.name), config.arch, config.layers);
    }
  }
}

void check_vocabulary(const Gguf& gguf, const ModelConfig& c) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  if (!gguf.has(kTokens)) return;
  const std::size_t tokens = gguf.get_array<std::string_view>(kTokens).size();
  if (tokens != static_cast<std::size_t>(c.vocab)) {
    throw Error("{}: the tokenizer has {} tokens, the model {}", gguf.file(), tokens, c.vocab);
  }
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& c) {
  const auto u = [](int value) { return static_cast<std::uint64_t>(value); };
  std::vector<ExpectedTensor> result = {{"token_embd.weight", {u(c.hidden), u(c.vocab)}},
                                        {"output_norm.weight", {u(c.hidden)}}};
  if (!c.tied) result.push_back({"output.weight", {u(c.hidden), u(c.vocab)}});
  for (int i = 0; i < c.layers; ++i) {
    const auto add = [&](std::string_view part, std::vector<std::uint64_t> shape) {
      const bool linear = shape.size() == 2;
      result.push_back({layer_tensor(i, part), std::move(shape)});
      if (linear) result.push_back({layer_scale(i, part), {1}, true});
    };
    add("attn_norm", {u(c.hidden)});
    add("attn_q", {u(c.hidden), u(c.queries())});
    add("attn_k", {u(c.hidden), u(c.keys())});
    add("attn_v", {u(c.hidden), u(c.keys())});
    if (c.sub_norms) add("attn_sub_norm", {u(c.queries())});
    if (c.qk_norms) add("attn_q_norm", {u(c.head_dim)});
    if (c.qk_norms) add("attn_k_norm", {u(c.head_dim)});
    add("attn_output", {u(c.queries()), u(c.hidden)});
    add("ffn_norm", {u(c.hidden)});
    add("ffn_gate", {u(c.hidden), u(c.ffn)});
    add("ffn_up", {u(c.hidden), u(c.ffn)});
    if (c.sub_norms) add("ffn_sub_norm", {u(c.ffn)});
    add("ffn_down", {u(c.ffn), u(c.hidden)});
  }
  return result;
}

void check_consistent(const ModelConfig& c, std::string_view origin) {
  if (c.heads % c.kv_heads != 0) {
    throw Error("{}: {} heads are not a multiple of {} key-value heads", origin, c.heads,
                c.kv_heads);
  }
  if (c.head_dim % 2 != 0)
    throw Error("{}: head_dim {} is odd, rope needs pairs", origin, c.head_dim);
  if (c.sub_norms && static_cast<std::int64_t>(c.heads) * c.head_dim != c.hidden) {
    throw Error("{}: {} heads of {} do not make up the hidden size {}", origin, c.heads, c.head_dim,
                c.hidden);
  }
}

std::string layer_tensor(int layer, std::string_view part) {
  return fmt::format("blk.{}.{}.weight", layer, part);
}

std::string layer_scale(int layer, std::string_view part) {
  return fmt::format("blk.{}.{}.scale", layer, part);
}

ModelConfig read_model_config(const Gguf& gguf) {
  ModelConfig c;
  c.arch = gguf.get<std::string>("general.architecture");
  const Family& family = find_family(gguf, c.arch);
  c.activation = family.activation;
  c.rope_pairs = family.rope_pairs;
  c.sub_norms = family.sub_norms;
  c.qk_norms = family.qk_norms;
  for (const std::string_view key : gguf.keys()) {
    if (key.starts_with("prism.hadamard")) {
      throw Error(
          "{}: metadata {}: weights that need a Hadamard rotation of their inputs are not "
          "supported; use a release of the model without it",
          gguf.file(), quote(key));
    }
  }
  c.name = gguf.get_or<std::string>("general.name", "");
  const Reader reader(gguf, c.arch);
  constexpr int kMaxWidth = 131072;  // an int32 sum of 127 * 121 per column cannot wrap
  c.hidden = reader.size("embedding_length", kMaxWidth);
  c.layers = reader.size("block_count", 4096);
  c.heads = reader.size("attention.head_count", 4096);
  c.kv_heads = reader.size_or("attention.head_count_kv", c.heads, 4096);
  c.head_dim = reader.size_or("attention.key_length", c.hidden / c.heads, 4096);
  c.ffn = reader.size("feed_forward_length", kMaxWidth);
  c.context = reader.size("context_length", 1 << 24);
  c.rope_theta = reader.positive_or("rope.freq_base", 10000);
  c.rms_eps = reader.positive("attention.layer_norm_rms_epsilon");
  if (reader.size_or("attention.value_length", c.head_dim, 4096) != c.head_dim ||
      reader.size_or("rope.dimension_count", c.head_dim, 4096) != c.head_dim) {
    throw Error("{}: heads whose key, value and rope widths differ are not supported", gguf.file());
  }
  const std::string scaling = reader.key("rope.scaling.type");
  if (gguf.get_or<std::string_view>(scaling, "none") != "none") {
    throw Error("{}: metadata {} is {}, only \"none\" is supported", gguf.file(), quote(scaling),
                quote(gguf.get<std::string_view>(scaling)));
  }
  const GgufTensor& embedding = gguf.tensor("token_embd.weight");
  if (embedding.rows() > static_cast<std::uint64_t>(1 << 24)) {
    throw Error("{}: tensor \"token_embd.weight\" has {} rows, at most {} are supported",
                gguf.file(), embedding.rows(), 1 << 24);
  }
  c.vocab = reader.size_or("vocab_size", static_cast<int>(embedding.rows()), 1 << 24);
  c.tied = gguf.find_tensor("output.weight") == nullptr;
  c.bos = reader.token_id("tokenizer.ggml.bos_token_id", c.vocab);
  c.eos = reader.token_id("tokenizer.ggml.eos_token_id", c.vocab);
  check_vocabulary(gguf, c);
  check_consistent(c, gguf.file());
  check_tensors(gguf, c);
  return c;
}

}  // namespace tern::io
