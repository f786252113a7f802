#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "chip_device.hpp"
#include "functional_chip.hpp"
#include "gguf_builder.hpp"
#include "golden/model.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "spec/generated/registers.hpp"

namespace tern {
namespace {

using spec::TracePoint;
using test::FunctionalChip;

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

/// A device on a functional chip that the test can reach into.
struct Bench {
  explicit Bench(const spec::ChipConfig& config) {
    auto transport = std::make_unique<FunctionalChip>(config);
    chip = transport.get();
    device = make_chip_device(std::move(transport), 1000);
  }
  FunctionalChip* chip;
  std::unique_ptr<Device> device;
};

struct Traced {
  std::vector<int32_t> values;
  std::vector<int8_t> inputs;
  bool operator==(const Traced&) const = default;
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
    ASSERT_EQ(found->second.inputs, value.inputs) << text(key);
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

/// The message of the Error that `action` throws.
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

class ChipDeviceOn : public testing::TestWithParam<spec::ChipConfig> {};

TEST_P(ChipDeviceOn, TracesWhatGoldenTracesOnTheDemoModel) {
  const spec::ChipConfig& config = GetParam().columns == kNano.columns ? kNano : kEdge;
  const io::Image& image = demo_image(config);
  const std::vector<int32_t> tokens = some_tokens(image, 16);

  golden::Model golden(image);
  Events expected, got;
  golden.set_trace(record(expected));
  Bench bench(config);
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
  EXPECT_LE(bench.chip->deepest_queue(), config.cmd_depth);
}

TEST_P(ChipDeviceOn, GivesTheSameLogitsWithoutATrace) {
  const spec::ChipConfig& config = GetParam().columns == kNano.columns ? kNano : kEdge;
  const io::Image image = tiny_image(config, 2);
  const std::vector<int32_t> tokens = some_tokens(image, image.model().context);
  golden::Model golden(image);
  Bench bench(config);
  bench.device->load(image);
  // Groups that begin anywhere within row blocks and tiles.
  std::size_t at = 0;
  for (std::size_t n : {1u, 3u, 9u, 2u, 8u, 1u}) {
    for (std::size_t i = at; i < at + n; ++i) golden.forward(tokens[i]);
    expect_same_logits(bench.device->forward(std::span(tokens).subspan(at, n)), golden);
    at += n;
  }
}

TEST_P(ChipDeviceOn, StartsAgainAfterReset) {
  const spec::ChipConfig& config = GetParam().columns == kNano.columns ? kNano : kEdge;
  const io::Image image = tiny_image(config);
  const std::vector<int32_t> tokens = some_tokens(image, 20);
  golden::Model golden(image);
  for (std::size_t i = 10; i < 15; ++i) golden.forward(tokens[i]);
  Bench bench(config);
  bench.device->load(image);
  bench.device->forward(tokens);
  bench.device->reset();
  EXPECT_EQ(bench.device->position(), 0);
  expect_same_logits(bench.device->forward(std::span(tokens).subspan(10, 5)), golden);
}

INSTANTIATE_TEST_SUITE_P(Configs, ChipDeviceOn, testing::ValuesIn(spec::kConfigs),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ChipDevice, AgreesWithGoldenAcrossTilesAndBlocksOfTheCache) {
  const io::Image& image = demo_image(kEdge);
  const std::vector<int32_t> tokens = some_tokens(image, 72);
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.device->forward(std::span(tokens).first(59));
  expect_same_logits(bench.device->forward(std::span(tokens).subspan(59)), golden);
}

TEST(ChipDevice, CountsTheTritsOfTheModel) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  const int32_t token = 5;
  bench.device->forward({&token, 1});
  const Counters c = bench.device->counters();
  // q, k, v, output; gate, up, down; the head in five trits; one token's K and two limbs of V for
  // four heads.
  const uint64_t linear = 256 * (256 + 128 + 128 + 256) + 3 * 256 * 256;
  const uint64_t head = 5ull * 256 * image.model().vocab;
  EXPECT_EQ(c.trit_macs, linear + head + 5 * 3 * 256);
  EXPECT_EQ(c.cycles, c.beats + c.load_beats + c.result_beats);
  EXPECT_EQ(c.load_beats, 3 * (256 / 64) + 256 / 64 + 256 / 64 + 4u + 8u);
}

TEST(ChipDevice, CountsOnWhenARegisterWraps) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  const int32_t token = 5;
  bench.device->forward({&token, 1});
  const Counters before = bench.device->counters();
  bench.chip->counter_offset = 0u - static_cast<uint32_t>(before.beats) - 10;
  const uint64_t beats = bench.device->counters().beats;
  EXPECT_EQ(beats, (1ull << 32) - 10);
  bench.device->forward({&token, 1});
  EXPECT_GT(bench.device->counters().beats, 1ull << 32);
}

TEST(ChipDeviceErrors, NamesTheCommandThatDoesNotFinish) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  const std::vector<int32_t> tokens = some_tokens(image, 2);
  bench.chip->hang_after = 2;  // load, q, then k
  expect_parts(error_of([&] { bench.device->forward(tokens); }),
               {"chip edge", "layer 0 attn_k at position 0", "did not finish within 1000 cycles",
                "DONE 2 of 4", "ERROR 0x0 (none)"});
  EXPECT_EQ(bench.device->position(), 0);
  bench.chip->hang_after = FunctionalChip::kNever;
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  expect_same_logits(bench.device->forward(tokens), golden);
}

TEST(ChipDeviceErrors, NamesTheMatrixWithIllegalCodes) {
  const io::Image image = tiny_image(kEdge, 2);
  Bench bench(kEdge);
  bench.device->load(image);
  const spec::MatrixDescriptor& up = image.layer(1).ffn_up;
  bench.chip->memory()[up.offset + 100] = std::byte{243};
  bench.chip->memory()[up.offset + 101] = std::byte{255};
  const std::string address = fmt::format("0x{:x}", up.offset);
  const std::vector<int32_t> tokens = some_tokens(image, 10);
  expect_parts(error_of([&] { bench.device->forward(tokens); }),
               {"layer 1 ffn_up at position 0", address.c_str(), "illegal T5 codes: 2",
                "ERROR 0x4 (illegal_code)", "load the model again"});
  bench.device->load(image);
  golden::Model golden(image);
  for (int32_t token : tokens) golden.forward(token);
  expect_same_logits(bench.device->forward(tokens), golden);
}

TEST(ChipDeviceErrors, NamesTheReadThatTheBusRefused) {
  const io::Image image = tiny_image(kNano);
  Bench bench(kNano);
  bench.device->load(image);
  bench.chip->bad_read = image.layer(0).attn_v.offset + 7;
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 1)); }),
               {"layer 0 attn_v at position 0", "ERROR 0x1 (bus_read)", "refused a read"});
}

TEST(ChipDeviceErrors, NamesTheWriteThatTheBusRefused) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.chip->bad_writes_from = image.model().work_offset;
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 3)); }),
               {"layer 0 attn_q at position 0", "(bus_write)", "refused a write"});
}

TEST(ChipDeviceErrors, SaysThatTheChipStoppedOnABadCommand) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.chip->stop_on_shape_error = 3;
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 3)); }),
               {"layer 0 attn_v at position 0", "ERROR 0x8 (bad_command)"});
}

TEST(ChipDeviceErrors, NoticesResultsThatNeverReachMemory) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.chip->drop_results = true;
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 1)); }),
               {"layer 0 attn_q at position 0", "carries tag", "expected 2"});
}

TEST(ChipDeviceErrors, NoticesResultsThatDifferFromTheirMaxAbs) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  bench.device->load(image);
  bench.chip->result_xor = 0x40000000;
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 1)); }),
               {"layer 0 attn_q at position 0", "max-abs of activation column 0"});
}

TEST(ChipDeviceErrors, RefusesAnImageForAnotherConfiguration) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kNano);
  expect_parts(error_of([&] { bench.device->load(image); }),
               {"tiny", "beats of 64 bytes", "chip nano has 8", "configuration nano"});
}

TEST(ChipDeviceErrors, RefusesWhatTheBuffersCannotHold) {
  const io::Image image = tiny_image(kEdge);
  spec::ChipConfig small = kEdge;
  small.act_depth = 3;
  Bench narrow(small);
  expect_parts(error_of([&] { narrow.device->load(image); }),
               {"layer 0 attn_q has 256 columns", "holds 192"});
  small = kEdge;
  small.acc_depth = 7;
  Bench shallow(small);
  expect_parts(error_of([&] { shallow.device->load(image); }),
               {"layer 0 attn_q", "row blocks of 8", "accumulates 7"});
}

TEST(ChipDeviceErrors, RefusesTokensBeyondTheContext) {
  const io::Image image = tiny_image(kEdge);
  Bench bench(kEdge);
  EXPECT_THROW(bench.device->forward(std::vector<int32_t>{1}), Error);  // no model yet
  bench.device->load(image);
  bench.device->forward(some_tokens(image, 20));
  expect_parts(error_of([&] { bench.device->forward(some_tokens(image, 5)); }),
               {"5 tokens from position 20", "context of 24"});
  EXPECT_EQ(bench.device->position(), 20);
  bench.device->forward(some_tokens(image, 4));
  EXPECT_THROW(bench.device->forward(std::vector<int32_t>{1}), Error);
  bench.device->reset();
  EXPECT_THROW(bench.device->forward(std::vector<int32_t>{-1}), Error);
  EXPECT_THROW(bench.device->forward(std::vector<int32_t>{1 << 20}), Error);
  EXPECT_THROW(bench.device->forward({}), Error);
}

TEST(ChipDeviceErrors, RefusesAnotherChip) {
  auto stranger = std::make_unique<FunctionalChip>(kEdge);
  stranger->id = 0x1234;
  expect_parts(error_of([&] { make_chip_device(std::move(stranger), 1000); }),
               {"chip edge", "0x00001234"});
}

TEST(DeviceOpen, SplitsNameAndArgumentAndListsWhatIsKnown) {
  std::string seen;
  register_backend("test", "for this test", [&](std::string_view argument, const DeviceOptions&) {
    seen = argument;
    return make_chip_device(std::make_unique<FunctionalChip>(kNano), 1000);
  });
  EXPECT_EQ(Device::open("test:a:b")->config()->columns, kNano.columns);
  EXPECT_EQ(seen, "a:b");
  EXPECT_NE(Device::open("test"), nullptr);
  EXPECT_EQ(seen, "");
  expect_parts(error_of([] { Device::open("fpga:0"); }),
               {"unknown backend \"fpga:0\"", "test: for this test"});
}

}  // namespace
}  // namespace tern
