// SPDX-License-Identifier: Apache-2.0
#include "reference/reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <string>
#include <tuple>

#include "gguf_builder.hpp"
#include "io/error.hpp"
#include "io/tensor_types.hpp"
#include "io/tokenizer.hpp"

namespace tern::reference {
namespace {

using Doubles = std::vector<double>;

/// A two-layer model of random weights that has run eight tokens, with everything it traced. Each
/// test takes the traced inputs of one operation and computes its result again in double precision.
class TracedModel : public testing::Test {
 protected:
  static constexpr int kLayers = 2;
  static constexpr int kTokens = 8;

  TracedModel() : gguf_(test::tiny_model(7, kLayers).build(), "tiny"), model_(gguf_) {
    model_.set_trace([this](std::string_view point, int layer, std::span<const float> values) {
      trace_[{std::string(point), layer, model_.position()}] =
          Doubles(values.begin(), values.end());
    });
    for (int i = 0; i < kTokens; ++i) model_.forward(260 + i);
  }

  const Doubles& at(std::string_view point, int layer, int position = kTokens - 1) const {
    return trace_.at({std::string(point), layer, position});
  }
  Doubles weights(const std::string& name) const {
    const std::vector<float> values = io::decode_floats(gguf_.tensor(name));
    return {values.begin(), values.end()};
  }

  static void expect_near(const Doubles& found, const Doubles& expected, double tolerance = 2e-5) {
    ASSERT_EQ(found.size(), expected.size());
    double largest = 0;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    ASSERT_GT(largest, 0);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], tolerance * largest) << "element " << i;
    }
  }

  void expect_norm(std::string_view input, int input_layer, std::string_view output, int layer,
                   const std::string& weight) const {
    const Doubles& x = at(input, input_layer);
    const Doubles g = weights(weight);
    const double mean = std::inner_product(x.begin(), x.end(), x.begin(), 0.0) / x.size();
    Doubles expected(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) expected[i] = x[i] / std::sqrt(mean + 1e-5) * g[i];
    expect_near(at(output, layer), expected);
  }

  /// y = (t . q) / s * scale, with q computed in float as the definition says, so that roundings
  /// agree.
  Doubles linear(std::string_view input, int layer, std::string_view part) const {
    const Doubles& x = at(input, layer);
    const io::TernaryMatrix w = io::decode_ternary(gguf_.tensor(io::layer_tensor(layer, part)));
    float absmax = 1e-5f;
    for (const double value : x) absmax = std::max(absmax, std::abs(static_cast<float>(value)));
    const float s = 127.0f / absmax;
    Doubles y(w.rows);
    for (std::size_t row = 0; row < w.rows; ++row) {
      double sum = 0;
      for (std::size_t i = 0; i < w.cols; ++i) {
        sum += w.trits[row * w.cols + i] * std::nearbyint(static_cast<float>(x[i]) * s);
      }
      y[row] = sum / s * w.scale;
    }
    return y;
  }

  /// Rope by the definition: pairs (i, i + 32) of each head of 64 as complex numbers.
  static Doubles rope(Doubles x, int position) {
    for (std::size_t head = 0; head < x.size(); head += 64) {
      for (int i = 0; i < 32; ++i) {
        const double angle = position / std::pow(10000.0, i / 32.0);
        const double a = x[head + i], b = x[head + 32 + i];
        x[head + i] = a * std::cos(angle) - b * std::sin(angle);
        x[head + 32 + i] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
    return x;
  }

  io::Gguf gguf_;
  Model model_;
  std::map<std::tuple<std::string, int, int>, Doubles> trace_;
};

TEST_F(TracedModel, EmbeddingIsTheTokensRow) {
  const Doubles table = weights("token_embd.weight");
  EXPECT_EQ(at("embedding", -1), Doubles(table.begin() + 267 * 256, table.begin() + 268 * 256));
}

TEST_F(TracedModel, NormsDivideByTheRootMeanSquare) {
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string prefix = "blk." + std::to_string(layer) + ".";
    layer == 0
        ? expect_norm("embedding", -1, "attn_norm", 0, prefix + "attn_norm.weight")
        : expect_norm("residual_ffn", layer - 1, "attn_norm", layer, prefix + "attn_norm.weight");
    expect_norm("attn", layer, "attn_sub_norm", layer, prefix + "attn_sub_norm.weight");
    expect_norm("residual_attn", layer, "ffn_norm", layer, prefix + "ffn_norm.weight");
    expect_norm("glu", layer, "ffn_sub_norm", layer, prefix + "ffn_sub_norm.weight");
  }
  expect_norm("residual_ffn", kLayers - 1, "output_norm", -1, "output_norm.weight");
}

TEST_F(TracedModel, LinearLayersMultiplyQuantisedActivationsByTrits) {
  for (int layer = 0; layer < kLayers; ++layer) {
    expect_near(at("q", layer), rope(linear("attn_norm", layer, "attn_q"), kTokens - 1));
    expect_near(at("k", layer), rope(linear("attn_norm", layer, "attn_k"), kTokens - 1));
    expect_near(at("v", layer), linear("attn_norm", layer, "attn_v"));
    expect_near(at("attn_out", layer), linear("attn_sub_norm", layer, "attn_output"));
    expect_near(at("gate", layer), linear("ffn_norm", layer, "ffn_gate"));
    expect_near(at("up", layer), linear("ffn_norm", layer, "ffn_up"));
    expect_near(at("ffn_out", layer), linear("ffn_sub_norm", layer, "ffn_down"));
  }
}

TEST_F(TracedModel, AttentionIsTheSoftmaxWeightedSumOfValues) {
  for (int layer = 0; layer < kLayers; ++layer) {
    Doubles expected;
    for (int head = 0; head < 4; ++head) {
      const int kv = head / 2 * 64;
      Doubles weight, result(64);
      for (int t = 0; t < kTokens; ++t) {
        double score = 0;
        for (int i = 0; i < 64; ++i)
          score += at("q", layer)[head * 64 + i] * at("k", layer, t)[kv + i];
        weight.push_back(std::exp(score / 8));
      }
      const double sum = std::accumulate(weight.begin(), weight.end(), 0.0);
      for (int t = 0; t < kTokens; ++t) {
        for (int i = 0; i < 64; ++i) result[i] += weight[t] / sum * at("v", layer, t)[kv + i];
      }
      expected.insert(expected.end(), result.begin(), result.end());
    }
    expect_near(at("attn", layer), expected);
  }
}

TEST_F(TracedModel, GluIsSquaredReluTimesUp) {
  Doubles expected;
  for (int i = 0; i < 256; ++i) {
    const double gate = std::max(at("gate", 1)[i], 0.0);
    expected.push_back(gate * gate * at("up", 1)[i]);
  }
  expect_near(at("glu", 1), expected);
}

TEST_F(TracedModel, ResidualsAdd) {
  Doubles sum = at("residual_ffn", 0);
  for (int i = 0; i < 256; ++i) sum[i] += at("attn_out", 1)[i];
  expect_near(at("residual_attn", 1), sum);
  for (int i = 0; i < 256; ++i) sum[i] += at("ffn_out", 1)[i];
  expect_near(at("residual_ffn", 1), sum);
}

TEST_F(TracedModel, LogitsAreTheEmbeddingTimesTheOutput) {
  const Doubles table = weights("token_embd.weight");
  const Doubles& h = at("output_norm", -1);
  Doubles expected(model_.config().vocab);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expected[i] = std::inner_product(h.begin(), h.end(), table.begin() + i * h.size(), 0.0);
  }
  expect_near(at("logits", -1), expected);
}

TEST(Reference, SeveralScalesAMatrixMultiplyWithoutQuantisation) {
  // The first row's scale is 1/8, that of the others 1/16: as TriLM and Bonsai have them.
  test::GgufBuilder builder = test::tiny_model(3);
  std::vector<std::byte> bytes = builder.build();
  const io::Gguf plain(bytes, "tiny");
  const io::GgufTensor& q = plain.tensor("blk.0.attn_v.weight");
  const std::size_t scale_at =
      static_cast<std::size_t>(q.bytes.data() - plain.tensor("blk.0.attn_q.weight").bytes.data());
  const auto first =
      std::search(bytes.begin(), bytes.end(), plain.tensor("blk.0.attn_q.weight").bytes.begin(),
                  plain.tensor("blk.0.attn_q.weight").bytes.end());
  bytes[static_cast<std::size_t>(first - bytes.begin()) + scale_at + 53] = std::byte{0x30};
  const io::Gguf scaled(bytes, "scaled");
  ASSERT_FALSE(io::has_one_scale(scaled.tensor("blk.0.attn_v.weight")));
  Model model(scaled);
  Doubles h, v;
  model.set_trace([&](std::string_view point, int, std::span<const float> values) {
    if (point == "attn_norm") h.assign(values.begin(), values.end());
    if (point == "v") v.assign(values.begin(), values.end());
  });
  model.forward(5);
  const std::vector<float> w = io::decode_floats(scaled.tensor("blk.0.attn_v.weight"));
  for (std::size_t row = 0; row < v.size(); ++row) {
    const double expected = std::inner_product(h.begin(), h.end(), w.begin() + row * h.size(), 0.0);
    ASSERT_NEAR(v[row], expected, 1e-4) << row;
  }
}

TEST(Reference, ResetForgetsEverything) {
  const io::Gguf gguf(test::tiny_model(3).build(), "tiny");
  Model model(gguf);
  std::vector<std::vector<float>> first;
  for (int i = 0; i < 6; ++i) {
    const auto logits = model.forward(30 + i);
    first.emplace_back(logits.begin(), logits.end());
  }
  EXPECT_NE(first[0], first[5]);
  for (const int length : {2, 6}) {
    model.reset();
    EXPECT_EQ(model.position(), 0);
    for (int i = 0; i < length; ++i) {
      const auto logits = model.forward(30 + i);
      EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), first[i]);
    }
  }
}

TEST(Reference, RefusesWhatDoesNotFit) {
  const io::Gguf gguf(test::tiny_model(3).build(), "tiny");
  Model model(gguf);
  EXPECT_THROW(model.forward(-1), Error);
  EXPECT_THROW(model.forward(model.config().vocab), Error);
  for (int i = 0; i < model.config().context; ++i) model.forward(5);
  EXPECT_THROW(model.forward(5), Error);
  EXPECT_EQ(model.position(), model.config().context);
}

TEST(Reference, DemoModelKnowsStories) {
  const io::Gguf gguf{std::filesystem::path(TERN_DEMO_MODEL)};
  const io::Tokenizer tokenizer(gguf);
  Model model(gguf);
  const std::string story =
      "Once upon a time, there was a little girl named Anna. She had a red ball. One day, she went "
      "to the park "
      "with her mom. She saw a big dog. The dog wanted to play with the ball. Anna was happy and "
      "they played "
      "together all day.";
  const std::vector<int> ids = tokenizer.encode(story, true);
  double loss = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
    const auto logits = model.forward(ids[i]);
    const double maximum = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - maximum);
    loss += maximum + std::log(sum) - logits[ids[i + 1]];
  }
  loss /= static_cast<double>(ids.size() - 1);
  EXPECT_GT(loss, 0.5);
  EXPECT_LT(loss, 1.8) << "nat per token; an untrained model has log(1024) = 6.9";
}

TEST(Reference, DemoModelTellsAStory) {
  const io::Gguf gguf{std::filesystem::path(TERN_DEMO_MODEL)};
  const io::Tokenizer tokenizer(gguf);
  Model model(gguf);
  std::vector<int> ids = tokenizer.encode("Once upon a time", true);
  std::span<const float> logits;
  for (const int id : ids) logits = model.forward(id);
  while (ids.size() < 40) {
    ids.push_back(
        static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    logits = model.forward(ids.back());
  }
  const std::string text = tokenizer.decode(ids);
  EXPECT_EQ(text.substr(0, 57), "Once upon a time, there was a little boy named Tim. Tim h")
      << text;
}

}  // namespace
}  // namespace tern::reference
