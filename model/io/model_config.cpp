// SPDX-License-Identifier: Apache-2.0
#include "io/model_config.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numbers>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "io/error.hpp"
#include "io/gguf_keys.hpp"
#include "io/tensor_types.hpp"
#include "io/vocabulary.hpp"
#include "spec/generated/layer.hpp"

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

  int token_id(std::string_view name, int value, int vocab) const {
    if (!gguf_.has(name) && value >= vocab) return -1;
    if (value < -1 || value >= vocab) {
      throw Error("{}: metadata {} is {}, the vocabulary has {} tokens", gguf_.file(), quote(name),
                  value, vocab);
    }
    return value;
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

constexpr std::string_view kRopeFrequencies = "rope_freqs.weight";

bool shape_is(const GgufTensor& tensor, std::span<const std::uint64_t> shape) {
  // Dimensions of 1 behind the last say nothing.
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] != (i < shape.size() ? shape[i] : 1)) return false;
  }
  return true;
}

/// What keeps the tensors of a file from being those of a model.
class TensorCheck {
 public:
  TensorCheck(const Gguf& gguf, const ModelConfig& config, std::vector<std::string>& found)
      : gguf_(gguf), config_(config), found_(found) {}

  void run() {
    // A file of too few tensors lacks one in one of the first so many layers, whatever it claims.
    const auto norms = std::ranges::count_if(
        spec::kNorms, [](const spec::NormInfo& info) { return !spec::is_optional(info.norm); });
    const std::size_t least = spec::kPartCount + static_cast<std::size_t>(norms);
    ModelConfig looked_at = config_;
    looked_at.layers = static_cast<int>(std::min<std::size_t>(
        static_cast<std::size_t>(config_.layers), gguf_.tensors().size() / least + 1));
    const std::vector<ExpectedTensor> expected = expected_tensors(looked_at);
    std::set<std::string_view> known;
    for (const ExpectedTensor& want : expected) {
      known.insert(want.name);
      check(want);
    }
    if (config_.arch == "llama") {
      const ExpectedTensor frequencies{
          std::string(kRopeFrequencies), {static_cast<std::uint64_t>(config_.head_dim) / 2}, true};
      known.insert(kRopeFrequencies);
      check(frequencies);
    }
    check_types();
    const bool all_layers = looked_at.layers == config_.layers;
    for (const GgufTensor& tensor : gguf_.tensors()) {
      if (known.contains(tensor.name) || (!all_layers && !found_.empty())) continue;
      if (tensor.name.starts_with("rope_")) {
        add("tensor {} scales rope in a way that is not supported for a {} model",
            quote(tensor.name), config_.arch);
      } else {
        add("tensor {} does not belong to a {} model of {} layers", quote(tensor.name),
            config_.arch, config_.layers);
      }
    }
  }

 private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    add_obstacle(found_, fmt::format("{}: {}", gguf_.file(),
                                     fmt::format(format, std::forward<Args>(args)...)));
  }

  void check(const ExpectedTensor& want) {
    const GgufTensor* tensor = gguf_.find_tensor(want.name);
    if (tensor == nullptr) {
      if (!want.optional) add("tensor {} is missing", quote(want.name));
    } else if (!shape_is(*tensor, want.shape)) {
      add("tensor {} has shape {}, the configuration asks for {} (columns first)", quote(want.name),
          shape_text(tensor->dimensions()), shape_text(want.shape));
    }
  }

  void check_types() {
    std::map<std::uint32_t, std::pair<std::string_view, std::size_t>> types;
    for (const GgufTensor& tensor : gguf_.tensors()) {
      if (tensor_type_info(tensor.type) != nullptr) continue;
      const auto entry = types.try_emplace(tensor.type, tensor.name, 0).first;
      ++entry->second.second;
    }
    for (const auto& [type, users] : types) {
      add("tensor {}{} is stored as {}, which is not supported; supported: {}", quote(users.first),
          users.second == 1 ? "" : fmt::format(" (and {} others)", users.second - 1),
          tensor_type_name(type), supported_tensor_types());
    }
  }

  const Gguf& gguf_;
  const ModelConfig& config_;
  std::vector<std::string>& found_;
};

void check_vocabulary(const Gguf& gguf, const ModelConfig& c, std::vector<std::string>& found) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  if (!gguf.has(kTokens)) return;
  const std::size_t tokens = gguf.get_array<std::string_view>(kTokens).size();
  if (tokens != static_cast<std::size_t>(c.vocab)) {
    add_obstacle(found, fmt::format("{}: the tokenizer has {} tokens, the model {}", gguf.file(),
                                    tokens, c.vocab));
  }
}

/// The factors of Llama 3.1's kind, where the file has them in a form that can be read.
std::vector<float> read_frequency_factors(const Gguf& gguf, const ModelConfig& c) {
  const GgufTensor* tensor = gguf.find_tensor(kRopeFrequencies);
  if (c.arch != "llama" || tensor == nullptr || tensor_type_info(tensor->type) == nullptr ||
      tensor->elements() != static_cast<std::uint64_t>(c.head_dim) / 2) {
    return {};
  }
  std::vector<float> factors = decode_floats(*tensor);
  if (!std::ranges::all_of(factors, [](float factor) { return factor > 0; })) {
    throw Error("{}: tensor {} has factors that are not positive", gguf.file(),
                quote(tensor->name));
  }
  return factors;
}

void read_rope_scaling(const Gguf& gguf, const Reader& reader, ModelConfig& c) {
  RopeScaling& scaling = c.rope_scaling;
  const std::string type =
      gguf.get_or<std::string>(reader.key("rope.scaling.type"), std::string("linear"));
  if (type == "none") return;
  // The older key counts where the newer is missing; 0 stands for no scaling.
  const std::string_view factor =
      gguf.has(reader.key("rope.scaling.factor")) ? "rope.scaling.factor" : "rope.scale_linear";
  if (gguf.number(reader.key(factor)) != 0.0) scaling.factor = reader.positive_or(factor, 1);
  if (type == "linear") return;
  if (type != "yarn") {
    throw Error("{}: metadata {} is {}, supported: \"none\", \"linear\", \"yarn\"", gguf.file(),
                quote(reader.key("rope.scaling.type")), quote(type));
  }
  scaling.yarn = true;
  scaling.original_context =
      reader.size_or("rope.scaling.original_context_length", c.context, 1 << 24);
  if (scaling.factor > 1) scaling.magnitude *= 1 + 0.1f * std::log(scaling.factor);
}

void read_rope(const Gguf& gguf, const Reader& reader, ModelConfig& c) {
  RopeScaling& scaling = c.rope_scaling;
  c.rope_theta = reader.positive_or("rope.freq_base", 10000);
  scaling.frequency_factors = read_frequency_factors(gguf, c);
  scaling.magnitude = reader.positive_or("rope.scaling.attn_factor", 1);
  read_rope_scaling(gguf, reader, c);
  // Angles of all positions, and scores, must stay numbers.
  constexpr double kLargest = 1e30;
  const auto too_large = [](double value) { return !(std::abs(value) < kLargest); };
  if (std::ranges::any_of(c.rope_rates(), too_large) || too_large(c.score_factor())) {
    throw Error(
        "{}: the metadata of rope gives angles or scores that are no numbers; the file is "
        "corrupt",
        gguf.file());
  }
}

}  // namespace

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& c) {
  const auto u = [](int value) { return static_cast<std::uint64_t>(value); };
  std::vector<ExpectedTensor> result = {{"token_embd.weight", {u(c.hidden), u(c.vocab)}},
                                        {"output_norm.weight", {u(c.hidden)}}};
  if (!c.tied) result.push_back({"output.weight", {u(c.hidden), u(c.vocab)}});
  for (int i = 0; i < c.layers; ++i) {
    for (const spec::PartInfo& part : spec::kParts) {
      for (const spec::NormInfo& norm : spec::kNorms) {
        if (norm.before == part.part && spec::has_norm(c, norm.norm))
          result.push_back({layer_tensor(i, norm.gguf), {spec::count_of(norm.norm, c)}});
      }
      result.push_back({layer_tensor(i, part.gguf),
                        {spec::columns_of(part.part, c), spec::rows_of(part.part, c)}});
      result.push_back({layer_scale(i, part.gguf), {1}, true});
    }
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

std::vector<double> ModelConfig::rope_rates() const {
  const RopeScaling& s = rope_scaling;
  const double base = rope_theta;
  // The pair that makes so many turns within the original context.
  const auto pair_of = [&](double turns) {
    const double length = s.original_context / (turns * 2 * std::numbers::pi);
    return head_dim * std::log(length) / (2 * std::log(base));
  };
  const double first = s.yarn ? std::max(0.0, std::floor(pair_of(s.beta_fast))) : 0;
  const double last = s.yarn ? std::min(head_dim - 1.0, std::ceil(pair_of(s.beta_slow))) : 0;
  std::vector<double> rates;
  for (int i = 0; i < head_dim / 2; ++i) {
    double rate = std::pow(base, -2.0 * i / head_dim);
    if (!s.frequency_factors.empty()) rate /= s.frequency_factors[static_cast<std::size_t>(i)];
    const double kept =
        s.yarn ? 1 - std::clamp((i - first) / std::max(0.001, last - first), 0.0, 1.0) : 0;
    rates.push_back(kept * rate + (1 - kept) * rate / s.factor);
  }
  return rates;
}

double ModelConfig::score_factor() const {
  const double magnitude = rope_scaling.magnitude;
  return magnitude * magnitude;
}

ModelConfig read_model_shape(const Gguf& gguf) {
  ModelConfig c;
  c.arch = gguf.get<std::string>("general.architecture");
  const Family& family = find_family(gguf, c.arch);
  c.activation = family.activation;
  c.rope_pairs = family.rope_pairs;
  c.sub_norms = family.sub_norms;
  c.qk_norms = family.qk_norms;
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
  c.rms_eps = reader.positive("attention.layer_norm_rms_epsilon");
  if (reader.size_or("attention.value_length", c.head_dim, 4096) != c.head_dim ||
      reader.size_or("rope.dimension_count", c.head_dim, 4096) != c.head_dim) {
    throw Error("{}: heads whose key, value and rope widths differ are not supported", gguf.file());
  }
  const GgufTensor& embedding = gguf.tensor("token_embd.weight");
  if (embedding.rows() > static_cast<std::uint64_t>(1 << 24)) {
    throw Error("{}: tensor \"token_embd.weight\" has {} rows, at most {} are supported",
                gguf.file(), embedding.rows(), 1 << 24);
  }
  c.vocab = reader.size_or("vocab_size", static_cast<int>(embedding.rows()), 1 << 24);
  c.tied = gguf.find_tensor("output.weight") == nullptr;
  c.bos = reader.token_id("tokenizer.ggml.bos_token_id", gguf_bos(gguf), c.vocab);
  c.eos = reader.token_id("tokenizer.ggml.eos_token_id", gguf_eos(gguf), c.vocab);
  check_consistent(c, gguf.file());
  read_rope(gguf, reader, c);
  return c;
}

std::vector<std::string> model_obstacles(const Gguf& gguf, const ModelConfig& config) {
  std::vector<std::string> found = unsupported_keys(gguf, config);
  check_vocabulary(gguf, config, found);
  TensorCheck(gguf, config, found).run();
  return found;
}

ModelConfig read_model_config(const Gguf& gguf) {
  const ModelConfig config = read_model_shape(gguf);
  const std::vector<std::string> obstacles = model_obstacles(gguf, config);
  if (!obstacles.empty()) throw Error("{}", obstacles.front());
  return config;
}

}  // namespace tern::io
