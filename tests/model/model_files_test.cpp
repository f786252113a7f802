// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>

#include "gguf_builder.hpp"
#include "io/error.hpp"

/// Hugging Face folders by hand: what is refused, and damage. That good ones are read right is the
/// business of hf_folder_oracle.py.
namespace tern {
namespace {

using nlohmann::json;

class Folder : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  void write_model(const json& config, const std::string& tensors) const {
    write("config.json", config.dump());
    write("model.safetensors", tensors);
  }
  std::string error() const {
    try {
      const auto files = io::open_model(path_);
      for (const io::ExpectedTensor& tensor : io::expected_tensors(files->config())) {
        if (!files->has(tensor.name)) continue;
        if (files->has_one_scale(tensor.name)) {
          files->ternary(tensor.name);
        } else {
          files->floats(tensor.name);
        }
      }
    } catch (const Error& e) {
      const std::string message = e.what();
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      return message;
    }
    return "no error";
  }
  void expect_error(std::string_view part) const {
    const std::string message = error();
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  const std::filesystem::path path_ = testing::TempDir();
};

json tiny_config() {
  return {{"model_type", "bitnet"},
          {"hidden_act", "relu2"},
          {"hidden_size", 8},
          {"intermediate_size", 8},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 1},
          {"max_position_embeddings", 16},
          {"rope_theta", 10000},
          {"rms_norm_eps", 1e-5},
          {"vocab_size", 5},
          {"tie_word_embeddings", true},
          {"quantization_config", {{"quant_method", "bitnet"}, {"linear_class", "autobitlinear"}}}};
}

struct Tensor {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::string data;
};
using Tensors = std::map<std::string, Tensor>;

std::string safetensors(const Tensors& tensors) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.data.size()}}};
    data += tensor.data;
  }
  const std::string text = header.dump();
  const std::uint64_t size = text.size();
  return test::bytes_of<std::uint64_t>({&size, 1}) + text + data;
}

Tensors tiny_tensors() {
  const auto floats = [](std::vector<std::uint64_t> shape) {
    std::size_t count = 1;
    for (const std::uint64_t n : shape) count *= n;
    const std::vector<float> values(count, 0.5f);
    return Tensor{"F32", std::move(shape), test::bytes_of<float>(values)};
  };
  const std::string layer = "model.layers.0.";
  Tensors t = {{"model.embed_tokens.weight", floats({5, 8})}, {"model.norm.weight", floats({8})}};
  for (const char* norm : {"input_layernorm", "post_attention_layernorm", "self_attn.attn_sub_norm",
                           "mlp.ffn_sub_norm"})
    t[layer + norm + ".weight"] = floats({8});
  for (const char* name : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                           "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
    const std::uint64_t rows =
        std::string_view(name).ends_with("k_proj") || std::string_view(name).ends_with("v_proj")
            ? 4
            : 8;
    // Codes 0, 1, 2 and 1 in the four quarters of the rows.
    t[layer + name + ".weight"] = {"U8", {rows / 4, 8}, std::string(rows / 4 * 8, '\x64')};
    t[layer + name + ".weight_scale"] = floats({1});
  }
  return t;
}

TEST_F(Folder, PackedWeightsAreStridedOverTheRows) {
  write_model(tiny_config(), safetensors(tiny_tensors()));
  const auto files = io::open_model(path_);
  const io::TernaryMatrix m = files->ternary("blk.0.attn_q.weight");
  EXPECT_EQ(m.scale, 0.5f);
  const int expected[] = {-1, -1, 0, 0, 1, 1, 0, 0};  // rows 0 and 1 are the first quarter, ...
  for (int row = 0; row < 8; ++row) EXPECT_EQ(m.trits[row * 8 + 3], expected[row]) << row;
  EXPECT_EQ(files->floats("token_embd.weight"), std::vector<float>(40, 0.5f));
  EXPECT_TRUE(files->config().tied);
}

TEST_F(Folder, TheScaleDividesWhereTheLayersAreOfTheOldClass) {
  json config = tiny_config();
  config["quantization_config"] = {{"quant_method", "bitnet"}};
  write_model(config, safetensors(tiny_tensors()));
  EXPECT_EQ(io::open_model(path_)->ternary("blk.0.attn_q.weight").scale, 2.0f);
}

TEST_F(Folder, MasterWeightsRoundToTheNearestTritOfTheirMeanMagnitude) {
  json config = tiny_config();
  config["quantization_config"]["quantization_mode"] = "online";
  Tensors tensors = tiny_tensors();
  for (auto& [name, tensor] : tensors) {
    if (tensor.dtype != "U8") continue;
    const std::uint64_t rows = tensor.shape[0] * 4;
    std::vector<float> values;
    for (std::uint64_t i = 0; i < rows * 8; ++i)  // mean magnitude 1; 0.5 is a tie, to even
      values.push_back(std::vector<float>{0.5f, -0.75f, 2.5f, 0.25f}[i % 4]);
    tensor = {"F32", {rows, 8}, test::bytes_of<float>(values)};
  }
  std::erase_if(tensors, [](const auto& entry) { return entry.first.ends_with("_scale"); });
  write_model(config, safetensors(tensors));
  const io::TernaryMatrix m = io::open_model(path_)->ternary("blk.0.attn_q.weight");
  EXPECT_EQ(m.scale, 1.0f);
  EXPECT_EQ(std::vector<std::int8_t>(m.trits.begin(), m.trits.begin() + 4),
            (std::vector<std::int8_t>{0, -1, 1, 0}));
}

TEST_F(Folder, WhatDoesNotFitIsNamed) {
  const auto config_refused = [&](const json& patch, std::string_view part) {
    json config = tiny_config();
    config.merge_patch(patch);
    write_model(config, safetensors(tiny_tensors()));
    expect_error(part);
  };
  config_refused({{"model_type", "gpt2"}}, "model_type \"gpt2\" is not supported");
  config_refused({{"hidden_act", "gelu"}}, "hidden_act is");
  config_refused({{"hidden_size", 0}}, "hidden_size is \"0\"");
  config_refused({{"hidden_size", nullptr}}, "the configuration asks for [5, 2560]");
  config_refused({{"quantization_config", {{"quant_method", "gptq"}}}}, "quant_method \"gptq\"");
  config_refused({{"quantization_config", nullptr}}, "is stored as \"U8\"");
  config_refused({{"eos_token_id", 9}}, "eos_token_id is \"9\"");
  config_refused({{"num_hidden_layers", 2}},
                 "\"model.layers.1.input_layernorm.weight\" is missing");
  config_refused({{"vocab_size", 6}}, "has shape [5, 8], the configuration asks for [6, 8]");

  const auto tensors_refused = [&](const std::function<void(Tensors&)>& change,
                                   std::string_view part) {
    Tensors tensors = tiny_tensors();
    change(tensors);
    write_model(tiny_config(), safetensors(tensors));
    expect_error(part);
  };
  const std::string q = "model.layers.0.self_attn.q_proj.weight";
  tensors_refused([&](Tensors& t) { t["extra"] = t[q]; }, "\"extra\" does not belong");
  tensors_refused([&](Tensors& t) { t.erase(q + "_scale"); }, "needs a weight_scale");
  tensors_refused([&](Tensors& t) { t[q + "_scale"].data = std::string(4, '\0'); },
                  "weight_scale of \"model.layers.0.self_attn.q_proj.weight\" is 0");
  tensors_refused([&](Tensors& t) { t[q].data[2] = '\x03'; },
                  "the code at row 0 column 2 is 3, which is not a trit");
  tensors_refused([&](Tensors& t) { t["model.embed_tokens.weight"] = t["model.norm.weight"]; },
                  "has shape [8], the configuration asks for [5, 8]");
  tensors_refused([&](Tensors& t) { t[q].data.pop_back(); }, "has 15 bytes, 16 are expected");
  tensors_refused(
      [&](Tensors& t) { t["model.norm.weight"].data.replace(0, 4, "\xff\xff\xff\xff"); },
      "is not finite at row 0 column 0");
  std::filesystem::remove(path_ / "model.safetensors");
  expect_error("model.safetensors: no such file");
  write("model.safetensors.index.json", R"({"weight_map": {"a": "../a.safetensors"}})");
  expect_error("is outside of the folder");
}

TEST_F(Folder, WhatIsNotComputedIsNamed) {
  const auto refused = [&](const json& patch, std::string_view part) {
    json config = tiny_config();
    config.update(patch);
    write_model(config, safetensors(tiny_tensors()));
    expect_error(part);
  };
  const auto taken = [&](const json& patch) {
    json config = tiny_config();
    config.update(patch);
    write_model(config, safetensors(tiny_tensors()));
    EXPECT_EQ(error(), "no error") << patch;
  };
  const json partial = {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}};
  for (const json& rope : std::vector<json>{{{"rope_type", "llama3"}},
                                            {{"type", "yarn"}, {"factor", 2}},
                                            {{"factor", 4}},
                                            partial,
                                            {{"full_attention", {{"rope_type", "default"}}}},
                                            "linear"}) {
    refused({{"rope_scaling", rope}}, "rope_scaling is");
    refused({{"rope_parameters", rope}}, "rope_parameters is");
  }
  for (const json& rope : std::vector<json>{nullptr,
                                            {{"rope_type", "default"}, {"rope_theta", 1e4}},
                                            {{"type", "linear"}, {"factor", 1.0}},
                                            {{"rope_theta", 1e4}, {"partial_rotary_factor", 1}}}) {
    taken({{"rope_scaling", rope}, {"rope_parameters", rope}});
  }
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    taken({{name, {{"rope_type", "linear"}, {"factor", 4}}}});
    EXPECT_EQ(io::open_model(path_)->config().rope_scaling.factor, 4);
    refused({{name, {{"rope_type", "linear"}, {"factor", 0}}}}, std::string(name) + " is");
    refused({{name, {{"rope_type", "linear"}}}}, std::string(name) + " is");
  }
  for (const json& key : std::vector<json>{{{"attention_bias", true}},
                                           {{"mlp_bias", true}},
                                           {{"partial_rotary_factor", 0.5}},
                                           {{"logits_scaling", 8.0}},
                                           {{"attention_multiplier", 1.0}},
                                           {{"residual_multiplier", 0.22}},
                                           {{"final_logit_softcapping", 30}},
                                           {{"query_pre_attn_scalar", 256}},
                                           {{"num_experts", 8}},
                                           {{"use_qk_norm", true}},
                                           {{"clip_qkv", 8}},
                                           {{"attention_chunk_size", 8}},
                                           {{"no_rope_layer_interval", 4}},
                                           {{"scale_emb", 12}},
                                           {{"input_bits", 4}}}) {
    const std::string name = key.begin().key();
    refused(key, name + " is \"");
    taken({{name, nullptr}});
  }
  taken({{"attention_bias", false},
         {"mlp_bias", false},
         {"pretraining_tp", 4},
         {"attention_dropout", 0.1},
         {"initializer_range", 0.02},
         {"input_bits", 8},
         {"weight_bits", 1},
         {"chunk_size_feed_forward", 0},
         {"logits_scaling", 1.0},
         {"num_experts", 0},
         {"rope_interleaved", false},
         {"use_cache", true},
         {"_attn_implementation_autoset", true},
         {"torch_dtype", "bfloat16"},
         {"unsloth_version", "1"},
         {"output_attentions", true}});

  const auto quantised = [&](const char* key, const json& value) {
    json quantisation = tiny_config()["quantization_config"];
    quantisation[key] = value;
    return json{{"quantization_config", quantisation}};
  };
  refused(quantised("use_rms_norm", true), "quantization_config.use_rms_norm");
  refused(quantised("linear_class", "other"), "quantization_config.linear_class");
  refused(quantised("quantization_mode", "other"), "quantization_config.quantization_mode");
  taken(quantised("use_rms_norm", false));
  taken(quantised("modules_to_not_convert", {"lm_head"}));
  refused({{"tie_word_embeddings", false}}, "tie_word_embeddings is true");
}

TEST_F(Folder, WindowsThatHideNothingAreTaken) {
  json config = tiny_config();  // a context of 16
  const auto result = [&](const json& patch) {
    json all = config;
    all.update(patch);
    write_model(all, safetensors(tiny_tensors()));
    const std::string message = error();
    return message == "no error" || message.find("layer_types") != message.npos ? message
           : message.find("sliding_window is") != message.npos                  ? "sliding_window"
                                                                                : "passed";
  };
  config["model_type"] = "qwen3";
  config["hidden_act"] = "silu";
  config.erase("quantization_config");
  // What comes after config.json does not fit: it was passed.
  EXPECT_EQ(result(json::object()), "passed");
  EXPECT_EQ(result({{"sliding_window", 4}, {"max_window_layers", 0}}), "passed");
  const json on = {{"use_sliding_window", true}, {"sliding_window", 4}, {"max_window_layers", 0}};
  EXPECT_EQ(result(on), "sliding_window");
  const auto with = [&](const json& patch) {
    json all = on;
    all.update(patch);
    return result(all);
  };
  EXPECT_EQ(with({{"max_window_layers", 1}}), "passed");
  EXPECT_EQ(with({{"sliding_window", 16}}), "passed");
  EXPECT_EQ(with({{"sliding_window", 15}}), "sliding_window");
  EXPECT_EQ(with({{"sliding_window", nullptr}}), "passed");
  EXPECT_EQ(with({{"use_sliding_window", false}}), "passed");
  EXPECT_EQ(with({{"layer_types", {"full_attention"}}}), "passed");
  for (const char* type : {"sliding_attention", "linear_attention"})
    EXPECT_NE(with({{"layer_types", {type}}}).find("layer_types has"), std::string::npos);
  json missing = on;  // the class says 28 layers
  missing.erase("max_window_layers");
  EXPECT_EQ(result(missing), "passed");
  config["model_type"] = "llama";
  EXPECT_EQ(result({{"sliding_window", 4}}), "sliding_window");
  EXPECT_EQ(result({{"sliding_window", 4}, {"use_sliding_window", false}}), "passed");
  EXPECT_EQ(result({{"sliding_window", nullptr}}), "passed");
}

TEST_F(Folder, KeysThatAreMissingAreThoseOfTheClass) {
  json config = tiny_config();
  for (const char* key : {"rope_theta", "rms_norm_eps", "hidden_act", "max_position_embeddings"})
    config.erase(key);
  write_model(config, safetensors(tiny_tensors()));
  const io::ModelConfig model = io::open_model(path_)->config();
  EXPECT_EQ(model.rope_theta, 500000);
  EXPECT_EQ(model.rms_eps, 1e-5f);
  EXPECT_EQ(model.context, 2048);
  EXPECT_EQ(model.activation, io::Activation::kSquaredRelu);
  EXPECT_EQ(model.kv_heads, 1);
  EXPECT_EQ(model.eos, -1) << "that of the class is beyond the vocabulary";
  config.erase("num_key_value_heads");
  write_model(config, safetensors(tiny_tensors()));
  expect_error("2 heads are not a multiple of 5 key-value heads");
  config["num_key_value_heads"] = nullptr;
  write_model(config, safetensors(tiny_tensors()));
  expect_error("the configuration asks for [2, 8]");  // 8 rows, packed
  config["model_type"] = "qwen3";
  write_model(config, safetensors(tiny_tensors()));
  expect_error("the configuration asks for [64, 8]");  // two heads of 128, packed
}

TEST_F(Folder, EndTokensAreThoseOfAllItsFiles) {
  json config = tiny_config();
  config["eos_token_id"] = {2, 4};
  write_model(config, safetensors(tiny_tensors()));
  write("tokenizer.json",
        json{{"model",
              {{"type", "BPE"},
               {"byte_fallback", true},
               {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"d", 3}, {"<0x00>", 4}}},
               {"merges", json::array()}}},
             {"normalizer",
              {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}
            .dump());
  write("tokenizer_config.json", R"({"eos_token": "d"})");
  EXPECT_EQ(io::open_model(path_)->config().eos, 2);
  EXPECT_EQ(io::open_model(path_)->vocabulary().eos, 3);
  EXPECT_EQ(io::open_model(path_)->vocabulary().ends, (std::vector<int>{2, 4}));
  write("generation_config.json", R"({"eos_token_id": 1})");
  EXPECT_EQ(io::open_model(path_)->vocabulary().ends, (std::vector<int>{2, 4, 1}));
  write("generation_config.json", R"({"eos_token_id": [0, 5]})");
  expect_error("generation_config.json: eos_token_id is \"5\"");
  write("generation_config.json", "[");
  expect_error("is not a generation_config.json, or is damaged");
}

TEST_F(Folder, WithoutAConfigurationSaysWhatToGive) {
  expect_error("no model: it has neither config.json nor a GGUF file");
  write("model.safetensors", safetensors(tiny_tensors()));
  expect_error("has no config.json beside \"model.safetensors\"");
  write("b.gguf", "");
  write("a.gguf", "");
  expect_error("give the GGUF file in it, \"a.gguf\"");
}

TEST_F(Folder, DamagedFilesLoadOrThrow) {
  const std::string config = tiny_config().dump(), tensors = safetensors(tiny_tensors());
  std::mt19937 random(1);
  const auto damaged = [&](std::string text, std::size_t range) {
    for (std::size_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % std::min(range, text.size());
      if (random() % 3 == 0) text.erase(at, 1 + random() % 8);
      if (at < text.size()) text[at] = static_cast<char>(random());
    }
    return text;
  };
  int accepted = 0;
  constexpr int kVariants = 600;
  for (int i = 0; i < kVariants; ++i) {
    const bool which = i % 3 == 0;
    write("config.json", which ? damaged(config, config.size()) : config);
    write("model.safetensors", which ? tensors : damaged(tensors, 2600));
    accepted += error() == "no error";
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kVariants / 2);
}

/// One matrix of floats.
class OneMatrix final : public io::ModelFiles {
 public:
  OneMatrix(std::uint64_t cols, std::vector<float> values)
      : cols_(cols), values_(std::move(values)) {}

  const std::string& file() const override { return name_; }
  const io::ModelConfig& config() const override { return config_; }
  io::Vocabulary vocabulary() const override { return {}; }
  bool has(std::string_view) const override { return true; }
  io::MatrixSize size(std::string_view) const override { return {values_.size() / cols_, cols_}; }
  void rows(std::string_view, std::uint64_t first, std::span<float> out) const override {
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(first * cols_), out.size(),
                out.begin());
  }
  bool has_one_scale(std::string_view) const override { return false; }
  io::TernaryMatrix ternary(std::string_view) const override { return {}; }

 private:
  std::string name_ = "test";
  io::ModelConfig config_;
  std::uint64_t cols_;
  std::vector<float> values_;
};

/// Rows of 256 columns whose blocks of 64 have these magnitudes, every seventh element 0.
OneMatrix matrix_of(const std::vector<std::array<float, 4>>& rows, bool zeros = true) {
  std::vector<float> values;
  for (const std::array<float, 4>& row : rows) {
    for (std::size_t c = 0; c < 256; ++c)
      values.push_back(zeros && c % 7 == 0 ? 0 : c % 2 != 0 ? row[c / 64] : -row[c / 64]);
  }
  return {256, values};
}

TEST(FloatTrits, HaveTheWidestGroupsWithOneMagnitude) {
  using Format = io::TernaryFormat;
  EXPECT_EQ(matrix_of({{2, 2, 2, 2}, {2, 2, 2, 2}}).ternary_format(""), (Format{0, false}));
  EXPECT_EQ(matrix_of({{2, 2, 2, 2}}, false).ternary_format(""), (Format{0, true}));
  EXPECT_EQ(matrix_of({{2, 2, 2, 2}, {3, 3, 3, 3}}).ternary_format(""), (Format{128, false}));
  EXPECT_EQ(matrix_of({{2, 2, 5, 5}, {3, 3, 3, 3}}).ternary_format(""), (Format{128, false}));
  EXPECT_EQ(matrix_of({{3, 3, 3, 3}, {2, 4, 0, 5}}, false).ternary_format(""), (Format{64, false}));
  EXPECT_EQ(matrix_of({{2, 4, 5, 6}, {3, 3, 4, 4}}, false).ternary_format(""), (Format{64, true}));
  std::vector<float> wild(256, 1.5f);
  wild[200] = 1;
  EXPECT_EQ(OneMatrix(256, wild).ternary_format(""), std::nullopt);
}

TEST(FloatTrits, AreReadWithTheScalesOfTheirGroups) {
  const OneMatrix matrix = matrix_of({{1, 1, 1, 1}, {2, 4, 0, 6}});
  const io::GroupedTrits narrow = matrix.grouped_trits("", 1, 1, 64);
  EXPECT_EQ(narrow.scales, (std::vector<float>{2, 4, 0, 6}));
  EXPECT_EQ((std::vector<std::int8_t>{narrow.trits.begin(), narrow.trits.begin() + 3}),
            (std::vector<std::int8_t>{0, 1, -1}));
  EXPECT_EQ(narrow.trits[129], 0);
  EXPECT_EQ(matrix.grouped_trits("", 0, 1, 128).scales, (std::vector<float>{1, 1}));
}

}  // namespace
}  // namespace tern
