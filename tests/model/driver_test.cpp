// SPDX-License-Identifier: Apache-2.0
// The real firmware and driver on a machine chip, against the golden model.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chip_device.hpp"
#include "firmware_image.hpp"
#include "gguf_builder.hpp"
#include "golden/model.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "machine_chip.hpp"
#include "spec/generated/registers.hpp"
#include "spec/numerics/sample.hpp"

namespace tern {
namespace {

using sim::MachineChip;
using spec::TracePoint;

constexpr const spec::ChipConfig& kNano = spec::kConfigs[0];
constexpr const spec::ChipConfig& kEdge = spec::kConfigs[1];

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

/// A device on a machine chip that the test can reach into.
struct Bench {
  explicit Bench(const spec::ChipConfig& config, uint64_t seed = 1) {
    auto transport = std::make_unique<MachineChip>(config, sim::MachineOptions{true, seed});
    chip = transport.get();
    device = make_chip_device(std::move(transport), 50'000'000,
                              {driver::firmware_instructions(), driver::firmware_data()});
  }
  MachineChip* chip;
  std::unique_ptr<Device> device;
};

struct Traced {
  std::vector<int32_t> values;
  std::vector<int8_t> inputs;
};
using Events = std::map<TraceKey, Traced>;

TraceSink record(Events& events) {
  return [&events](const TraceEvent& e) {
    const auto [at, fresh] = events.insert(
        {e.key, {{e.values.begin(), e.values.end()}, {e.inputs.begin(), e.inputs.end()}}});
    EXPECT_TRUE(fresh) << spec::name_of(e.key.point) << " traced twice";
  };
}

std::string text(const TraceKey& k) {
  return std::string(spec::name_of(k.point)) + " position " + std::to_string(k.position) +
         " layer " + std::to_string(k.layer) + " head " + std::to_string(k.head);
}

void expect_same(const Events& got, const Events& expected) {
  for (const auto& [key, value] : expected) {
    const auto found = got.find(key);
    ASSERT_NE(found, got.end()) << "missing: " << text(key);
    ASSERT_EQ(found->second.values, value.values) << text(key);
    // The queries and probabilities that heads are multiplied with are not traced.
    if (!found->second.inputs.empty()) {
      ASSERT_EQ(found->second.inputs, value.inputs) << text(key);
    }
  }
  for (const auto& [key, value] : got)
    ASSERT_TRUE(expected.contains(key)) << "extra: " << text(key);
}

void expect_same_logits(const Logits& got, const golden::Model& expected) {
  EXPECT_TRUE(std::ranges::equal(got.values, expected.logits()));
  EXPECT_EQ(got.scale.m, expected.logit_scale().m);
  EXPECT_EQ(got.scale.e, expected.logit_scale().e);
}

std::vector<int32_t> some_tokens(const io::Image& image, std::size_t n) {
  std::vector<int32_t> out{static_cast<int32_t>(image.model().bos)};
  for (uint32_t i = 1; i < n; ++i)
    out.push_back(static_cast<int32_t>((i * 2654435761u >> 8) % image.model().vocab));
  return out;
}

template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

void expect_parts(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << message;
}

GenerateSettings settings_of(double temperature, uint32_t max_new, uint64_t seed) {
  GenerateSettings s;
  if (temperature > 0)
    s.inverse_temperature =
        spec::make_scale(static_cast<uint64_t>((1 / temperature) * 4294967296.0), -32);
  s.top_k = 40;
  s.top_p_q16 = 62259;
  s.max_new = max_new;
  s.random_state = seed;
  return s;
}

/// The same on the golden model.
std::vector<int32_t> golden_text(const io::Image& image, const std::vector<int32_t>& prompt,
                                 const GenerateSettings& s, uint64_t* state = nullptr) {
  golden::Model golden(image);
  for (int32_t token : prompt) golden.forward(token);
  spec::Random random{s.random_state};
  std::vector<int32_t> out;
  while (out.size() < s.max_new) {
    out.push_back(spec::sample(golden.logits().data(), static_cast<int>(golden.logits().size()),
                               golden.logit_scale(), {s.inverse_temperature, s.top_k, s.top_p_q16},
                               random));
    if (out.back() == static_cast<int32_t>(image.model().eos) || out.size() == s.max_new) break;
    golden.forward(out.back());
  }
  if (state) *state = random.state;
  return out;
}

class ChipOn : public testing::TestWithParam<spec::ChipConfig> {
 protected:
  const spec::ChipConfig& config() const {
    return GetParam().columns == kNano.columns ? kNano : kEdge;
  }
};

TEST_P(ChipOn, TracesWhatGoldenTracesOnTheDemoModel) {
  const io::Image& image = demo_image(config());
  const std::vector<int32_t> tokens = some_tokens(image, 16);
  golden::Model golden(image);
  Events expected, got;
  golden.set_trace(record(expected));
  Bench bench(config());
  bench.device->load(image);
  bench.device->set_trace(record(got));
  for (std::size_t i = 0; i < 12; ++i) golden.forward(tokens[i]);
  expect_same_logits(bench.device->forward(std::span(tokens).first(12)), golden);
  for (std::size_t i = 12; i < tokens.size(); ++i) {
    golden.forward(tokens[i]);
    expect_same_logits(bench.device->forward({&tokens[i], 1}), golden);
  }
  EXPECT_EQ(bench.device->position(), 16);
  EXPECT_GT(expected.size(), 16u * image.model().layers * spec::kTracePointCount / 2);
  expect_same(got, expected);
}

TEST_P(ChipOn, TellsTheStoryThatGoldenTells) {
  const io::Image& image = demo_image(config());
  const std::vector<int> prompt = image.tokenizer().encode("Once upon a time", true);
  for (double temperature : {0.0, 0.8}) {
    Bench bench(config(), 5);
    bench.device->load(image);
    const GenerateSettings s = settings_of(temperature, 24, 7);
    uint64_t state = 0;
    const std::vector<int32_t> expected = golden_text(image, prompt, s, &state);
    std::vector<int32_t> got;
    const Generated g =
        bench.device->generate(prompt, s, [&](int32_t token) { got.push_back(token); });
    EXPECT_EQ(got, expected);
    EXPECT_EQ(g.tokens, expected.size());
    EXPECT_EQ(g.random_state, state);
    EXPECT_EQ(bench.device->position(), static_cast<int>(prompt.size() + expected.size() - 1));
  }
}

TEST_P(ChipOn, TakesGroupsThatBeginAnywhere) {
  const io::Image image = tiny_image(config(), 2);
  const std::vector<int32_t> tokens = some_tokens(image, image.model().context);
  golden::Model golden(image);
  Bench bench(config(), 3);
  bench.device->load(image);
  std::size_t at = 0;
  for (std::size_t n : {1u, 3u, 9u, 2u, 8u, 1u}) {
    for (std::size_t i = at; i < at + n; ++i) golden.forward(tokens[i]);
    expect_same_logits(bench.device->forward(std::span(tokens).subspan(at, n)), golden);
    at += n;
  }
}

TEST_P(ChipOn, WaitsForWhatItUsesWhicheverUnitIsSlow) {
  // With a single layer nothing lies between a group's stores and the next group's loads.
  for (int layers : {1, 2}) {
    const io::Image image = tiny_image(config(), layers);
    const std::vector<int32_t> prompt = some_tokens(image, 11);
    const GenerateSettings s = settings_of(0.9, 13, 5);
    const std::vector<int32_t> expected = golden_text(image, prompt, s);
    for (uint64_t seed = 0; seed < 2 * (spec::kUnitCount + 1); ++seed) {
      Bench bench(config(), seed);
      bench.device->load(image);
      std::vector<int32_t> got;
      bench.device->generate(prompt, s, [&](int32_t token) { got.push_back(token); });
      EXPECT_EQ(got, expected);
    }
  }
}

TEST_P(ChipOn, StartsAgainAfterReset) {
  const io::Image image = tiny_image(config());
  const std::vector<int32_t> tokens = some_tokens(image, 20);
  golden::Model golden(image);
  for (std::size_t i = 10; i < 15; ++i) golden.forward(tokens[i]);
  Bench bench(config());
  bench.device->load(image);
  bench.device->forward(tokens);
  bench.device->reset();
  EXPECT_EQ(bench.device->position(), 0);
  expect_same_logits(bench.device->forward(std::span(tokens).subspan(10, 5)), golden);
}

INSTANTIATE_TEST_SUITE_P(Configs, ChipOn, testing::ValuesIn(spec::kConfigs),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Chip, GroupsOfEverySizeGiveTheSame) {
  const io::Image image = tiny_image(kEdge, 2);
  const std::vector<int32_t> tokens = some_tokens(image, 17);
  golden::Model golden(image);
  Events expected;
  golden.set_trace(record(expected));
  for (int32_t token : tokens) golden.forward(token);
  for (uint32_t group = 0; group <= 8; ++group) {
    Bench bench(kEdge, group + 1);
    Events got;
    bench.device->load(image);
    bench.device->set_trace(record(got));
    expect_same_logits(bench.device->forward(tokens, group), golden);
    expect_same(got, expected);
  }
}

TEST(Chip, AgreesWithGoldenAcrossTilesAndBlocksOfTheCache) {
  const io::Image& image = demo_image(kEdge);
  const std::vector<int32_t> tokens = some_tokens(image, 72);
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.device->forward(std::span(tokens).first(59));
  expect_same_logits(bench.device->forward(std::span(tokens).subspan(59)), golden);
}

TEST(Chip, TheHostOnlyPassesWords) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  const std::vector<int32_t> prompt = some_tokens(image, 9);
  const GenerateSettings s = settings_of(0.9, 12, 3);
  std::vector<int32_t> got;
  bench.device->generate(prompt, s, [&](int32_t token) { got.push_back(token); });
  EXPECT_EQ(got, golden_text(image, prompt, s));
  // All that was multiplied was multiplied by the chip's engine, at the firmware's command.
  const Counters c = bench.device->counters();
  EXPECT_GT(c.commands, 100u);
  EXPECT_GT(c.beats, 0u);
  EXPECT_GT(c.store_beats, 0u);
  EXPECT_EQ(c.illegal, 0u);
  EXPECT_GT(c.trit_macs, 0u);
}

TEST(Chip, CountsTheTritsOfTheModel) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  const int32_t token = 5;
  bench.device->forward({&token, 1});
  // q, k, v, output; gate, up, down; the head in five trits; one token's K and two limbs of V for
  // four heads.
  const uint64_t linear = 256 * (256 + 128 + 128 + 256) + 3 * 256 * 256;
  const uint64_t head = 5ull * 256 * image.model().vocab;
  EXPECT_EQ(bench.device->counters().trit_macs, linear + head + 5 * 3 * 256);
}

TEST(ChipFaults, NoticesIllegalCodesAndWorksAfterTheImageIsLoadedAgain) {
  const io::Image image = tiny_image(kEdge, 2);
  Bench bench(kEdge);
  bench.device->load(image);
  const uint64_t ffn_up = image.layer(1).matrix[spec::Part::kFfnUp].offset;
  bench.chip->machine().memory()[ffn_up + 100] = std::byte{243};
  const std::vector<int32_t> tokens = some_tokens(image, 10);
  expect_parts(error_of([&] { bench.device->forward(tokens); }),
               {"illegal_code", "load the model"});
  bench.device->load(image);
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  expect_same_logits(bench.device->forward(tokens), golden);
}

TEST(ChipFaults, ATrapIsReportedAndTheFirmwareStartedAgain) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.chip->controller().instructions()[bench.chip->controller().pc() / 4] = 0;
  const std::vector<int32_t> tokens = some_tokens(image, 3);
  expect_parts(error_of([&] { bench.device->forward(tokens); }), {"(trap)", "illegal instruction"});
  EXPECT_EQ(bench.device->position(), 0);
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  expect_same_logits(bench.device->forward(tokens), golden);
}

TEST(ChipFaults, DamagedDescriptorsAreRefused) {
  const io::Image image = tiny_image(kEdge, 2);
  const auto refused = [&](uint64_t byte, std::initializer_list<const char*> parts) {
    Bench bench(kEdge);
    bench.device->load(image);
    bench.chip->machine().memory()[byte] ^= std::byte{1};
    bench.chip->machine().set_error(1u << spec::reg::kErrorParityLsb);  // forces a restart
    EXPECT_THROW(bench.device->forward(some_tokens(image, 1)), Error);
    expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 1)); }), parts);
  };
  refused(0, {"no .tern image"});
  refused(image.header().model + 3, {"model descriptor", "damaged"});
  refused(image.model().layer_table + sizeof(spec::LayerDescriptor) + 5, {"layer 1", "damaged"});
}

}  // namespace
}  // namespace tern
