// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "chip_bench.hpp"
#include "gguf_builder.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/synth.hpp"
#include "spec/numerics/checksum.hpp"
#include "spec/numerics/sample.hpp"

namespace tern::test {
namespace {

using spec::TracePoint;

const io::Image& demo_image(const spec::ChipConfig& chip) {
  static std::map<std::string, io::Image> images;
  const auto found = images.find(chip.name);
  if (found != images.end()) return found->second;
  const io::Gguf gguf{std::filesystem::path(TERN_DEMO_MODEL)};
  return images.emplace(chip.name, io::Image::from_bytes(io::convert(gguf, chip), "demo"))
      .first->second;
}

io::Image tiny_image(const spec::ChipConfig& chip, int layers = 1) {
  const io::Gguf gguf(test::tiny_model(11, layers).build(), "tiny");
  return io::Image::from_bytes(io::convert(gguf, chip), "tiny");
}

std::vector<int32_t> some_tokens(const io::Image& image, std::size_t n) {
  std::vector<int32_t> out{static_cast<int32_t>(image.model().bos)};
  for (uint32_t i = 1; i < n; ++i)
    out.push_back(static_cast<int32_t>((i * 2654435761u >> 8) % image.model().vocab));
  return out;
}

class FirmwareOn : public testing::TestWithParam<spec::ChipConfig> {
 protected:
  const spec::ChipConfig& config() const { return io::find_config(GetParam().name); }
};

TEST_P(FirmwareOn, TracesWhatGoldenTracesOnTheTinyModel) {
  const io::Image image = tiny_image(config(), 2);
  const std::vector<int32_t> tokens = some_tokens(image, 20);
  golden::Model golden(image);
  const Traces expected = golden_traces(golden, tokens);
  for (uint32_t group : {0u, 1u, 3u}) {
    const auto bench = ChipBench::on_host(config());
    ASSERT_TRUE(bench->load(image).loaded.has_value());
    Ask ask{tokens};
    ask.request.flags = spec::fields::generate_flags::kTrace.mask();
    ask.request.group = group;
    const Answer answer = bench->generate(ask);
    ASSERT_FALSE(answer.error.has_value()) << spec::name_of(*answer.error) << answer.detail;
    EXPECT_EQ(answer.position, tokens.size());
    expect_same(bench->traces, expected);
  }
}

TEST_P(FirmwareOn, TracesWhatGoldenTracesOnTheDemoModel) {
  const io::Image& image = demo_image(config());
  const std::vector<int32_t> tokens = some_tokens(image, 2 * config().key_block + 3);
  golden::Model golden(image);
  const Traces expected = golden_traces(golden, tokens);
  const auto bench = ChipBench::on_host(config());
  const Answer loaded = bench->load(image);
  ASSERT_TRUE(loaded.loaded.has_value());
  EXPECT_EQ(*loaded.loaded, config().act_columns);
  Ask ask{tokens};
  ask.request.flags = spec::fields::generate_flags::kTrace.mask();
  const Answer answer = bench->generate(ask);
  ASSERT_FALSE(answer.error.has_value()) << spec::name_of(*answer.error) << answer.detail;
  EXPECT_GT(answer.flushes, 1);
  expect_same(bench->traces, expected);
}

/// What golden and the shared sampler say: the tokens, and the state of the generator.
struct Sampled {
  std::vector<int32_t> tokens;
  uint64_t random;
};
Sampled golden_generate(golden::Model& golden, const Ask& ask) {
  spec::Random random{uint64_t{ask.request.random_high} << 32 | ask.request.random_low};
  const spec::SampleSettings settings{ask.request.inverse_temperature, ask.request.top_k,
                                      ask.request.top_p_q16};
  for (int32_t token : ask.prompt) golden.forward(token);
  Sampled out;
  while (out.tokens.size() < ask.request.max_new) {
    const auto logits = golden.logits();
    out.tokens.push_back(spec::sample(logits.data(), static_cast<int>(logits.size()),
                                      golden.logit_scale(), settings, random));
    if (out.tokens.size() < ask.request.max_new) golden.forward(out.tokens.back());
  }
  out.random = random.state;
  return out;
}

TEST_P(FirmwareOn, SamplesTheTokensOfGolden) {
  const io::Image& image = demo_image(config());
  const auto bench = ChipBench::on_host(config());
  ASSERT_TRUE(bench->load(image).loaded.has_value());
  golden::Model golden(image);
  struct Case {
    spec::Scale inverse_temperature;
    uint32_t top_k, top_p_q16;
  };
  const Case cases[] = {{{0, 0}, 64, 65536},
                        {spec::make_scale(1), 64, 65536},
                        {spec::make_scale(5, -2), 40, 62000},
                        {spec::make_scale(3, -3), 7, 65536},
                        {spec::make_scale(1, -4), 64, 30000}};
  for (const Case& c : cases) {
    Ask ask{some_tokens(image, 11)};
    ask.request.max_new = 6;
    ask.request.inverse_temperature = c.inverse_temperature;
    ask.request.top_k = c.top_k;
    ask.request.top_p_q16 = c.top_p_q16;
    ask.request.random_low = 12345;
    ask.request.random_high = c.top_k;
    golden.reset();
    const Sampled expected = golden_generate(golden, ask);
    EXPECT_EQ(bench->reset().position, 0u);
    const Answer answer = bench->generate(ask);
    EXPECT_EQ(answer.tokens, expected.tokens);
    EXPECT_EQ(answer.random, expected.random);
    EXPECT_EQ(answer.position, 11u + 5);
  }
}

/// Layers are repeated from what was recorded, or issued word by word, in all orders: groups and
/// single tokens, with and without a trace, after a reset, after another model.
TEST_P(FirmwareOn, RepeatsLayersBetweenGroupsTracesAndModels) {
  const auto bench = ChipBench::on_host(config(), {.seed = 3});
  for (int layers : {3, 2, 1, 4}) {
    const io::Image image = tiny_image(config(), layers);
    ASSERT_TRUE(bench->load(image).loaded.has_value());
    golden::Model golden(image);
    struct Case {
      std::size_t prompt;
      uint32_t max_new, flags;
      bool reset;
    };
    for (const Case& c : {Case{1, 4, 0, false}, Case{3, 3, 0, false}, Case{1, 2, 1, false},
                          Case{2, 5, 0, false}, Case{1, 7, 0, true}, Case{5, 4, 0, false}}) {
      if (c.reset) {
        golden.reset();
        bench->reset();
      }
      Ask ask{some_tokens(image, c.prompt)};
      ask.request.max_new = c.max_new;
      ask.request.flags = c.flags;
      ask.request.inverse_temperature = spec::make_scale(1);
      const Sampled expected = golden_generate(golden, ask);
      const Answer answer = bench->generate(ask);
      ASSERT_FALSE(answer.error.has_value());
      EXPECT_EQ(answer.tokens, expected.tokens);
      bench->traces.clear();
    }
  }
}

TEST_P(FirmwareOn, TheBinaryOnTheSimulatedCoreGivesTheSameWords) {
  const io::Image& image = demo_image(config());
  const auto host = ChipBench::on_host(config());
  const auto core = ChipBench::on_iss(config());
  EXPECT_EQ(host->load(image, 1 << 20).words, core->load(image, 1 << 20).words);
  Ask ask{some_tokens(image, 10)};
  ask.request.max_new = 4;
  ask.request.inverse_temperature = spec::make_scale(1);
  uint64_t before = core->instructions();
  EXPECT_EQ(host->generate(ask).words, core->generate(ask).words);
  RecordProperty("prompt_of_10_and_3_decoded_instructions",
                 static_cast<int>(core->instructions() - before));
  before = core->instructions();
  ask.prompt = {5};
  ask.request.max_new = 1;
  EXPECT_EQ(host->generate(ask).words, core->generate(ask).words);
  RecordProperty("one_token_instructions", static_cast<int>(core->instructions() - before));
  ask.request.flags = spec::fields::generate_flags::kTrace.mask();
  EXPECT_EQ(host->generate(ask).words, core->generate(ask).words);
  expect_same(core->traces, host->traces);
}

/// Shapes that nothing divides evenly: rows of tables that begin within 64 bytes, slots of one,
/// three and four heads, more than one block of keys.
const io::SynthPreset kShapes[] = {
    {"wide", "", 200, 2, 20, 5, 128, 320, 1000, 70, 1e4f, 1e-5f, 1, 2},
    {"odd", "", 72, 2, 6, 2, 24, 100, 331, 50, 1e4f, 1e-5f, 1, 2},
    {"five", "", 136, 1, 10, 2, 18, 72, 300, 64, 1e4f, 1e-5f, 1, 2},
    {"single", "", 64, 1, 3, 3, 8, 40, 290, 30, 1e4f, 1e-5f, 1, 2},
};

/// What the families of models compute in different ways, in all combinations that have another
/// sequence of commands.
constexpr io::Activation kRelu2 = io::Activation::kSquaredRelu, kSilu = io::Activation::kSilu;
const io::SynthPreset kFamilies[] = {
    {"silu", "", 200, 3, 2, 2, 100, 304, 320, 64, 1e4f, 1e-5f, 1, 2, kSilu},
    {"bare", "", 72, 3, 6, 2, 24, 100, 331, 64, 1e4f, 1e-5f, 1, 2, kRelu2, false},
    {"llama", "", 96, 3, 3, 1, 256, 136, 300, 64, 5e5f, 1e-5f, 1, 2, kSilu, false},
    {"qwen", "", 160, 3, 10, 2, 18, 100, 300, 64, 1e6f, 1e-6f, 1, 2, kSilu, false, true},
    {"all", "", 136, 3, 4, 4, 34, 72, 300, 64, 1e6f, 1e-6f, 1, 2, kSilu, true, true},
};

/// Every form of matrix, in sizes that nothing divides: the last group, block and chunk of the head
/// are short.
constexpr auto kPlane = spec::Layout::kPlane, kSign = spec::Layout::kSign;
constexpr auto k64 = spec::Group::kColumns64, k128 = spec::Group::kColumns128;
constexpr auto kWhole = spec::Group::kNone;
using io::MatrixFormat;
const io::SynthPreset kFormats[] = {
    {"planes",
     "",
     200,
     2,
     3,
     1,
     64,
     136,
     700,
     64,
     1e4f,
     1e-5f,
     1,
     2,
     kSilu,
     true,
     false,
     {kPlane, 3, kWhole}},
    {"groups",
     "",
     200,
     2,
     3,
     1,
     64,
     136,
     2300,
     64,
     1e4f,
     1e-5f,
     1,
     2,
     kSilu,
     false,
     true,
     {kPlane, 1, k64},
     MatrixFormat{kPlane, 1, k64}},
    {"five",
     "",
     192,
     2,
     4,
     2,
     32,
     300,
     300,
     64,
     1e4f,
     1e-5f,
     1,
     2,
     kRelu2,
     true,
     false,
     {kPlane, 5, k128},
     MatrixFormat{kPlane, 1, k128}},
    {"signs",
     "",
     136,
     2,
     4,
     2,
     50,
     260,
     1001,
     64,
     1e4f,
     1e-5f,
     1,
     2,
     kSilu,
     false,
     true,
     {kSign, 1, kWhole},
     MatrixFormat{kSign, 1, k64}},
    {"scaled_signs",
     "",
     320,
     2,
     4,
     2,
     64,
     136,
     2500,
     64,
     1e4f,
     1e-5f,
     1,
     2,
     kSilu,
     false,
     true,
     {kSign, 1, k128},
     MatrixFormat{kSign, 1, k128}},
};

class FirmwareRuns : public FirmwareOn {
 protected:
  /// 29 tokens traced, then the same in several requests without the waits of a trace.
  void expect_golden(const io::SynthPreset& preset) {
    SCOPED_TRACE(preset.name);
    io::ImageWriter writer(config());
    io::synthesise(preset, {}, writer);
    const io::Image image = io::Image::from_bytes(writer.take(), std::string(preset.name));
    const std::vector<int32_t> tokens = some_tokens(image, 29);
    golden::Model golden(image);
    const Traces expected = golden_traces(golden, tokens);
    const auto bench = ChipBench::on_host(config(), {.seed = 7});
    ASSERT_TRUE(bench->load(image, 640).loaded.has_value());
    Ask ask{tokens};
    ask.request.flags = spec::fields::generate_flags::kTrace.mask();
    const Answer answer = bench->generate(ask);
    ASSERT_FALSE(answer.error.has_value()) << spec::name_of(*answer.error) << answer.detail;
    expect_same(bench->traces, expected);

    // Without the waits of a trace, and in several requests.
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      const auto quiet = ChipBench::on_host(config(), {.seed = seed});
      ASSERT_TRUE(quiet->load(image, 640).loaded.has_value());
      golden.reset();
      Ask first{{tokens.begin(), tokens.begin() + 13}};
      first.request.group = static_cast<uint32_t>(seed % 4);
      first.request.max_new = 0;
      quiet->generate(first);
      Ask second{{tokens.begin() + 13, tokens.begin() + 18}};
      second.request.max_new = 4;
      for (int i = 0; i < 13; ++i) golden.forward(tokens[static_cast<std::size_t>(i)]);
      EXPECT_EQ(quiet->generate(second).tokens, golden_generate(golden, second).tokens);
    }
  }
};

TEST_P(FirmwareRuns, ShapesThatNothingDividesEvenly) {
  for (const io::SynthPreset& preset : kShapes) expect_golden(preset);
}

TEST_P(FirmwareRuns, WhatTheFamiliesCompute) {
  for (const io::SynthPreset& preset : kFamilies) expect_golden(preset);
}

TEST_P(FirmwareRuns, EveryFormOfMatrix) {
  for (const io::SynthPreset& preset : kFormats) {
    const bool plain = preset.weights.group == kWhole && preset.weights.layout == kPlane;
    if (plain || config().group_scales)
      expect_golden(preset);
    else
      EXPECT_THROW(expect_golden(preset), Error) << preset.name;
  }
}

TEST_P(FirmwareOn, StopsAtAnyOfTheStopTokens) {
  const io::Image image = tiny_image(config(), 1);
  const auto bench = ChipBench::on_host(config());
  bench->load(image);
  Ask ask{some_tokens(image, 3)};
  ask.request.max_new = 8;
  const std::vector<int32_t> free = bench->generate(ask).tokens;
  ASSERT_EQ(free.size(), 8u);
  std::vector<int32_t> others;  // that the model does not say
  for (int32_t token = 0; others.size() < spec::kStopTokens - 1; ++token) {
    if (std::ranges::find(free, token) == free.end()) others.push_back(token);
  }
  const auto expect_stop = [&](std::vector<int32_t> stops, std::size_t tokens) {
    ask.stops = std::move(stops);
    bench->reset();
    const Answer stopped = bench->generate(ask);
    EXPECT_EQ(stopped.tokens, std::vector<int32_t>(free.begin(), free.begin() + tokens));
    EXPECT_EQ(stopped.position, 3 + tokens - 1);
  };
  const auto first = [&](int32_t token) {
    return static_cast<std::size_t>(std::ranges::find(free, token) - free.begin()) + 1;
  };
  expect_stop({free[2]}, first(free[2]));
  expect_stop({free[5], free[3]}, std::min(first(free[5]), first(free[3])));
  expect_stop(others, 8);
  std::vector<int32_t> all = others;
  all.push_back(free[4]);
  expect_stop(all, first(free[4]));
  all.insert(all.begin(), free[0]);
  const uint32_t more = static_cast<uint32_t>(all.size());
  ASSERT_EQ(more, spec::kStopTokens + 1);
  ask.stops = all;
  const Answer refused = bench->generate(ask);
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(*refused.error, spec::FirmwareError::kSettings);
  EXPECT_EQ(refused.detail, offsetof(spec::GenerateRequest, stops));
  // All words were taken: the next request is understood, and stops at no token.
  expect_stop({}, 8);
}

INSTANTIATE_TEST_SUITE_P(Configs, FirmwareOn, testing::ValuesIn(spec::kConfigs),
                         [](const auto& test) { return std::string(test.param.name); });
INSTANTIATE_TEST_SUITE_P(Configs, FirmwareRuns, testing::ValuesIn(spec::kConfigs),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tern::test
