// SPDX-License-Identifier: Apache-2.0
#include "io/model_config.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <functional>

#include "errors_of.hpp"
#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"

namespace tern {
namespace {

using io::Gguf;
using test::fails_with;
using test::GgufBuilder;

Gguf open(const GgufBuilder& builder) { return Gguf(builder.build(), "test.gguf"); }

TEST(ModelConfig, ReadsTheTinyModel) {
  const io::ModelConfig c = io::read_model_config(open(test::tiny_model(1, 2)));
  EXPECT_EQ(c.arch, "bitnet-b1.58");
  EXPECT_EQ(c.hidden, 256);
  EXPECT_EQ(c.layers, 2);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.queries(), 256);
  EXPECT_EQ(c.keys(), 128);
  EXPECT_EQ(c.vocab, static_cast<int>(test::tiny_vocabulary().pieces.size()));
  EXPECT_EQ(c.eos, 2);
  EXPECT_TRUE(c.tied);
}

/// A key with the value that changes nothing, or nothing; and one that changes the result.
struct KeyCase {
  std::string key;
  std::function<void(GgufBuilder&, const std::string&)> neutral, changing;
};

auto u32(std::uint32_t value) {
  return [value](GgufBuilder& b, const std::string& key) { b.u32(key, value); };
}
auto f32(float value) {
  return [value](GgufBuilder& b, const std::string& key) { b.f32(key, value); };
}
auto boolean(bool value) {
  return [value](GgufBuilder& b, const std::string& key) { b.boolean(key, value); };
}
auto string(std::string value) {
  return [value](GgufBuilder& b, const std::string& key) { b.string(key, value); };
}

TEST(ModelConfig, KeysThatWouldChangeTheResultAreRefusedByName) {
  const std::string arch = "bitnet-b1.58.";
  const KeyCase cases[] = {
      {"prism.hadamard.block_size", {}, u32(128)},
      {"prism.other", {}, u32(1)},
      {"split.new", {}, u32(1)},
      {"xielu.alpha_n", {}, f32(1)},
      {"some.rescaling", f32(1), f32(2)},
      {arch + "attention.sliding_window", u32(24), u32(23)},
      {arch + "attention.sliding_window", u32(0), u32(4)},
      {arch + "attention.sliding_window_pattern", {}, u32(6)},
      {arch + "attention.causal", boolean(true), boolean(false)},
      {arch + "attention.scale", f32(0.125f), f32(0.1f)},
      {arch + "attention.temperature_scale", f32(0), f32(0.1f)},
      {arch + "attention.clamp_kqv", f32(0), f32(8)},
      {arch + "attention.max_alibi_bias", f32(0), f32(8)},
      {arch + "attention.brand_new", {}, u32(0)},
      {arch + "expert_count", u32(0), u32(8)},
      {arch + "expert_used_count", u32(0), u32(2)},
      {arch + "expert_weights_scale", f32(0), f32(1)},
      {arch + "logit_scale", f32(1), f32(0.5f)},
      {arch + "embedding_scale", f32(1), f32(12)},
      {arch + "residual_scale", f32(1), f32(0.2f)},
      {arch + "final_logit_softcapping", f32(0), f32(30)},
      {arch + "attn_logit_softcapping", f32(0), f32(50)},
      {arch + "use_parallel_residual", boolean(false), boolean(true)},
      {arch + "rope.dimension_sections", {}, u32(1)},
      {arch + "rope.freq_base_swa", {}, f32(10000)},
      {arch + "rope.scaling.type", string("none"), string("longrope")},
      {arch + "rope.scaling.type", string("linear"), string("su")},
      {arch + "rope.scaling.yarn_log_multiplier", f32(0), f32(0.1f)},
      {arch + "rope.scaling.yarn_ext_factor", {}, f32(1)},
      {arch + "rope.scaling.yarn_beta_fast", f32(32), f32(8)},
      {arch + "rope.scaling.yarn_beta_slow", f32(1), f32(2)},
      {arch + "unheard_of", {}, string("x")},
      {"tokenizer.ggml.add_eos_token", boolean(false), boolean(true)},
      {"tokenizer.ggml.add_sep_token", boolean(false), boolean(true)},
      {"tokenizer.ggml.precompiled_charsmap", string(""), string("x")},
      {"tokenizer.ggml.normalizer.lowercase", boolean(false), boolean(true)},
      {"tokenizer.ggml.unheard_of", {}, u32(1)},
  };
  for (const KeyCase& c : cases) {
    if (c.neutral) {
      GgufBuilder b = test::tiny_model(1);
      c.neutral(b, c.key);
      EXPECT_NO_THROW(io::read_model_config(open(b))) << c.key;
    }
    GgufBuilder b = test::tiny_model(1);
    c.changing(b, c.key);
    const Gguf g = open(b);
    EXPECT_TRUE(fails_with([&] { io::read_model_config(g); }, {"test.gguf", c.key}));
  }
}

TEST(ModelConfig, KeysThatOnlyDescribePass) {
  GgufBuilder b = test::tiny_model(1);
  b.string("general.license", "mit").u32("general.file_type", 37).u32("quantize.imatrix.chunks", 9);
  b.string("tokenizer.chat_template", "x").string("tokenizer.chat_template.tool", "y");
  b.u32("tokenizer.ggml.padding_token_id", 0).u32("tokenizer.ggml.fim_pre_token_id", 5);
  b.u32("qwen3.rope.freq_base_swa", 7).boolean("bitnet-b1.58.rope.scaling.finetuned", 0);
  const auto tokens = static_cast<std::uint32_t>(test::tiny_vocabulary().pieces.size());
  b.u32("bitnet-b1.58.vocab_size", tokens);
  EXPECT_NO_THROW(io::read_model_config(open(b)));
}

TEST(ModelConfig, EveryObstacleIsNamedAtOnce) {
  GgufBuilder b = test::tiny_model(1, 1);
  b.u32("bitnet-b1.58.expert_count", 8).f32("bitnet-b1.58.logit_scale", 2);
  b.tensor("blk.0.attn_q.bias", {256}, 999, std::string(32, 'x'));
  b.tensor("blk.0.attn_k.bias", {256}, 999, std::string(32, 'x'));
  const Gguf g = open(b);
  std::string all;
  for (const std::string& line : io::model_obstacles(g, io::read_model_shape(g)))
    all += line + "\n";
  for (const char* part :
       {"expert_count\" is 8", "logit_scale\" is 2", "(and 1 others) is stored as unknown type 999",
        "\"blk.0.attn_q.bias\" does not belong", "\"blk.0.attn_k.bias\" does not belong"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << " is not in\n" << all;
  }
}

TEST(ModelConfig, AListOfObstaclesIsShort) {
  GgufBuilder b = test::tiny_model(1);
  for (int i = 0; i < 1000; ++i) b.u32(fmt::format("bitnet-b1.58.unheard_of{}", i), 1);
  const Gguf g = open(b);
  EXPECT_LT(io::model_obstacles(g, io::read_model_shape(g)).size(), 40u);
}

TEST(ModelConfig, RopeScalingIsThatOfLlamaCpp) {
  const auto rates = [](auto change) {
    GgufBuilder b = test::tiny_model(1);
    change(b);
    return io::read_model_config(open(b)).rope_rates();
  };
  const std::string arch = "bitnet-b1.58.rope.";
  const std::vector<double> plain = rates([](GgufBuilder&) {});
  ASSERT_EQ(plain.size(), 32u);
  EXPECT_DOUBLE_EQ(plain[16], 0.01);  // 10000^(-2 * 16 / 64)
  const auto scaled_by = [&](double divisor, auto change) {
    const std::vector<double> found = rates(change);
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_DOUBLE_EQ(found[i], plain[i] / divisor);
  };
  scaled_by(4, [&](GgufBuilder& b) { b.f32(arch + "scaling.factor", 4); });
  scaled_by(4, [&](GgufBuilder& b) { b.f32(arch + "scale_linear", 4); });
  scaled_by(4, [&](GgufBuilder& b) {
    b.f32(arch + "scaling.factor", 4).string(arch + "scaling.type", "linear");
  });
  scaled_by(
      2, [&](GgufBuilder& b) { b.f32(arch + "scaling.factor", 2).f32(arch + "scale_linear", 4); });
  scaled_by(1, [&](GgufBuilder& b) { b.f32(arch + "scaling.factor", 0); });
  scaled_by(1, [&](GgufBuilder& b) {
    b.f32(arch + "scaling.factor", 1).string(arch + "scaling.type", "linear");
  });
  scaled_by(1, [&](GgufBuilder& b) {
    b.f32(arch + "scaling.factor", 4).string(arch + "scaling.type", "none");
  });
  GgufBuilder b = test::tiny_model(1);
  b.f32(arch + "scaling.factor", -4);
  const Gguf g = open(b);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(g); }, {"scaling.factor\" is -4"}));
  for (const auto& [key, value] :
       {std::pair("scaling.factor", 1e-35f), std::pair("scaling.attn_factor", 1e20f)}) {
    GgufBuilder wild = test::tiny_model(1);
    wild.f32(arch + key, value);
    const Gguf damaged = open(wild);
    EXPECT_TRUE(fails_with([&] { io::read_model_config(damaged); }, {"angles or scores"}));
  }
}

TEST(ModelConfig, FactorsOfLinearLayersAreScalars) {
  GgufBuilder b = test::tiny_model(1);
  b.tensor("blk.0.attn_q.scale", {2}, 0, std::string(8, '\0'));
  const Gguf g = open(b);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(g); },
                         {"\"blk.0.attn_q.scale\" has shape [2], the configuration asks for [1]"}));
}

TEST(ModelConfig, ReadsTheDemoModel) {
  const io::ModelConfig c = io::read_model_config(Gguf(std::filesystem::path(TERN_DEMO_MODEL)));
  EXPECT_EQ(c.hidden, 256);
  EXPECT_EQ(c.layers, 5);
  EXPECT_EQ(c.heads, 4);
  EXPECT_EQ(c.kv_heads, 2);
  EXPECT_EQ(c.head_dim, 64);
  EXPECT_EQ(c.ffn, 512);
  EXPECT_EQ(c.vocab, 1024);
  EXPECT_EQ(c.context, 512);
  EXPECT_EQ(c.bos, 1);
  EXPECT_EQ(c.eos, 2);
}

TEST(ModelConfig, NamesWhatDoesNotFit) {
  GgufBuilder other;
  other.string("general.architecture", "gpt2");
  const Gguf unknown = open(other);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(unknown); },
                         {"\"gpt2\" is not supported", "bitnet-b1.58, bitnet-25"}));

  GgufBuilder more = test::tiny_model(1);
  more.tensor("blk.0.attn_q.bias", {256}, 0, std::string(1024, '\0'));
  const Gguf biased = open(more);
  EXPECT_TRUE(fails_with([&] { io::read_model_config(biased); },
                         {"\"blk.0.attn_q.bias\" does not belong"}));

  // One metadata value at a time: the key, the new value, and what the message must say.
  const struct {
    std::string key;
    std::uint32_t value;
    std::string_view message;
  } cases[] = {
      {"block_count", 0, "\"bitnet-b1.58.block_count\" is 0"},
      {"block_count", 2, "tensor \"blk.1.attn_norm.weight\" is missing"},
      {"attention.head_count", 3, "3 heads are not a multiple of 2"},
      {"attention.head_count", 6, "6 heads of 42 do not make up the hidden size 256"},
      {"attention.head_count_kv", 4,
       "\"blk.0.attn_k.weight\" has shape [256, 128], the configuration asks for [256, 256]"},
      {"embedding_length", 512,
       "\"token_embd.weight\" has shape [256, 273], the configuration asks for [512, 273]"},
      {"feed_forward_length", 1u << 31, "is 2147483648, 1 to 131072 is expected"},
  };
  for (const auto& c : cases) {
    std::vector<std::byte> bytes = test::tiny_model(1).build();
    const std::string key = "bitnet-b1.58." + c.key;
    const auto key_bytes = std::as_bytes(std::span(key));
    // The key with its length in front, so that a longer key does not match.
    auto found = std::search(bytes.begin(), bytes.end(), key_bytes.begin(), key_bytes.end());
    while (static_cast<std::size_t>(found[-8]) != key.size()) {
      found = std::search(found + 1, bytes.end(), key_bytes.begin(), key_bytes.end());
    }
    std::memcpy(&found[key.size() + 4], &c.value, 4);
    const Gguf g(bytes, "test.gguf");
    EXPECT_TRUE(fails_with([&] { io::read_model_config(g); }, {"test.gguf", c.message}));
  }
}

}  // namespace
}  // namespace tern
