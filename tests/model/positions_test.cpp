// SPDX-License-Identifier: Apache-2.0
// Rotary angles of high positions, against the definition: of the reference, which computes them,
// and of the table that every device reads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "gguf_builder.hpp"
#include "io/image_parts.hpp"
#include "io/image_writer.hpp"
#include "io/tensor_types.hpp"
#include "reference/reference.hpp"

namespace tern {
namespace {

constexpr uint64_t kHidden = 16, kDim = 8;
constexpr double kTheta = 10000;

/// A llama of float weights, two heads that share one of keys: small, so that thousands of tokens
/// take no time.
std::vector<std::byte> small_llama(uint32_t context) {
  const std::string arch = "llama";
  const io::Vocabulary v = test::tiny_vocabulary();
  std::mt19937 random(5);
  test::GgufBuilder b;
  b.string("general.architecture", arch).string("general.name", "small");
  b.u32(arch + ".embedding_length", kHidden).u32(arch + ".block_count", 1);
  b.u32(arch + ".attention.head_count", 2).u32(arch + ".attention.head_count_kv", 1);
  b.u32(arch + ".feed_forward_length", kHidden).u32(arch + ".context_length", context);
  b.f32(arch + ".rope.freq_base", kTheta).f32(arch + ".attention.layer_norm_rms_epsilon", 1e-5f);
  b.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", v.pieces);
  b.floats("tokenizer.ggml.scores", v.scores);
  std::vector<int32_t> types;
  for (const io::TokenType type : v.types) types.push_back(static_cast<int32_t>(type));
  b.ints("tokenizer.ggml.token_type", types);
  b.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
  const auto tensor = [&](const std::string& name, std::vector<uint64_t> shape) {
    std::vector<float> values(shape.size() == 1 ? shape[0] : shape[0] * shape[1]);
    std::uniform_real_distribution<float> any(shape.size() == 1 ? 0.5f : -1.0f, 1.0f);
    for (float& value : values) value = any(random);
    b.tensor(name, shape, 0, test::bytes_of<float>(values));
  };
  tensor("token_embd.weight", {kHidden, v.pieces.size()});
  tensor("output_norm.weight", {kHidden});
  for (const char* norm : {"attn_norm", "ffn_norm"})
    tensor("blk.0." + std::string(norm) + ".weight", {kHidden});
  for (const char* square : {"attn_q", "attn_output", "ffn_gate", "ffn_up", "ffn_down"})
    tensor("blk.0." + std::string(square) + ".weight", {kHidden, kHidden});
  for (const char* keys : {"attn_k", "attn_v"})
    tensor("blk.0." + std::string(keys) + ".weight", {kHidden, kDim});
  return b.build();
}

/// Heads of W x, turned by the angles of a position: neighbours are a complex number.
std::vector<double> turned(const io::Gguf& gguf, const std::string& name,
                           const std::vector<double>& x, int position) {
  const std::vector<float> w = io::decode_floats(gguf.tensor(name));
  std::vector<double> y(w.size() / kHidden);
  for (std::size_t row = 0; row < y.size(); ++row) {
    for (std::size_t i = 0; i < kHidden; ++i) y[row] += w[row * kHidden + i] * x[i];
  }
  for (std::size_t i = 0; i < y.size(); i += 2) {
    const double angle = position / std::pow(kTheta, static_cast<double>(i % kDim) / kDim);
    const double a = y[i], b = y[i + 1];
    y[i] = a * std::cos(angle) - b * std::sin(angle);
    y[i + 1] = b * std::cos(angle) + a * std::sin(angle);
  }
  return y;
}

TEST(Positions, TheReferenceTurnsHeadsByTheAngleOfEveryPosition) {
  constexpr int kPositions = 4200;
  const std::vector<std::byte> bytes = small_llama(kPositions);
  const io::Gguf gguf(bytes, "small");
  reference::Model model(gguf);
  std::map<std::string, std::vector<double>> seen;
  model.set_trace([&](std::string_view point, int, std::span<const float> values) {
    if (point == "attn_norm" || point == "q" || point == "k")
      seen[std::string(point)].assign(values.begin(), values.end());
  });
  for (int position = 0; position < kPositions; ++position) {
    model.forward(3 + position * 7 % 250);
    for (const char* part : {"q", "k"}) {
      const std::vector<double> expected =
          turned(gguf, std::string("blk.0.attn_") + part + ".weight", seen["attn_norm"], position);
      ASSERT_EQ(seen[part].size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(seen[part][i], expected[i], 1e-4) << part << " at position " << position;
    }
  }
}

TEST(Positions, TheTableHoldsTheAngleOfEveryPosition) {
  io::ModelConfig config;
  config.head_dim = static_cast<int>(kDim);
  config.rope_theta = static_cast<float>(kTheta);
  config.context = 1 << 17;
  io::ImageWriter writer(spec::kConfigs[1]);
  const uint64_t at = io::append_rope_table(writer, config);
  const std::vector<std::byte> bytes = writer.take();
  for (int position = 0; position < config.context; ++position) {
    int16_t row[kDim];
    std::memcpy(row, &bytes[at + sizeof row * static_cast<std::size_t>(position)], sizeof row);
    for (std::size_t i = 0; i < kDim / 2; ++i) {
      const long double angle = position / std::pow(static_cast<long double>(kTheta), i / 4.0L);
      // Q15, of which the greatest stands for 1: half a step, and as much for 1 itself.
      ASSERT_NEAR(row[i], static_cast<double>(std::cos(angle)) * 32768, row[i] == 32767 ? 1 : 0.501)
          << position;
      ASSERT_NEAR(row[kDim / 2 + i], static_cast<double>(std::sin(angle)) * 32768,
                  row[kDim / 2 + i] == 32767 ? 1 : 0.501)
          << position;
    }
  }
}

}  // namespace
}  // namespace tern
