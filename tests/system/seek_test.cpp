// SPDX-License-Identifier: Apache-2.0
// Keys and values that are given to a device in place of tokens that it ran.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <random>

#include "backends/backends.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/gguf.hpp"
#include "io/image.hpp"
#include "io/image_writer.hpp"
#include "io/synth.hpp"
#include "tern/device.hpp"

namespace tern {
namespace {

using Change = std::function<void(uint32_t layer, uint32_t head, KvHead&)>;

KvSource random_caches(uint32_t positions, uint32_t dim, const Change& change = {}) {
  return [=](uint32_t layer, uint32_t head) {
    std::mt19937 random(layer * 100 + head);
    KvHead h;
    for (uint32_t i = 0; i < positions * dim; ++i) {
      h.keys.push_back(static_cast<uint8_t>(random() % 243));
      h.values.push_back(static_cast<uint8_t>(random() % 243));
    }
    for (uint32_t i = 0; i < positions; ++i) {
      h.key_scales.push_back(static_cast<int32_t>(random() % 10000));
      h.value_scales.push_back(static_cast<int32_t>(random() % 500000));
    }
    if (change) change(layer, head, h);
    return h;
  };
}

std::vector<int32_t> next(Device& at, uint32_t positions, const KvSource& source) {
  at.seek(positions, source);
  EXPECT_EQ(at.position(), static_cast<int>(positions));
  return at.forward(std::array{300, 301}).values;
}

class Seek : public testing::TestWithParam<const char*> {
 protected:
  Seek() {
    register_backends();
    device = Device::open(GetParam());
    golden = Device::open("golden:");
    const io::Gguf gguf{std::filesystem::path(TERN_DEMO_MODEL)};
    const spec::ChipConfig chip = *device->config();
    image.emplace(io::Image::from_bytes(io::convert(gguf, chip), "demo"));
    device->load(*image);
    golden->load(*image);
  }

  KvSource caches(uint32_t positions, const Change& change = {}) {
    return random_caches(positions, image->model().head_dim, change);
  }

  std::unique_ptr<Device> device, golden;
  std::optional<io::Image> image;
};

TEST_P(Seek, DeviceAndGoldenModelGoOnAlike) {
  for (const uint32_t positions : {37u, 1u, 200u})
    EXPECT_EQ(next(*device, positions, caches(positions)),
              next(*golden, positions, caches(positions)))
        << positions;
}

TEST_P(Seek, EveryPartOfWhatIsGivenCounts) {
  constexpr uint32_t kPositions = 21;
  const std::vector<int32_t> expected = next(*device, kPositions, caches(kPositions));
  const uint32_t last_layer = image->model().layers - 1;
  const uint32_t last_head = image->model().kv_heads - 1;
  const std::vector<std::vector<uint8_t> KvHead::*> codes = {&KvHead::keys, &KvHead::values};
  const std::vector<std::vector<int32_t> KvHead::*> scales = {&KvHead::key_scales,
                                                              &KvHead::value_scales};
  const auto differs = [&](const std::function<void(KvHead&)>& edit) {
    const KvSource changed = caches(kPositions, [&](uint32_t layer, uint32_t head, KvHead& h) {
      if (layer == last_layer && head == last_head) edit(h);
    });
    const std::vector<int32_t> values = next(*device, kPositions, changed);
    EXPECT_EQ(values, next(*golden, kPositions, changed));
    return values != expected;
  };
  for (const auto part : codes)
    EXPECT_TRUE(differs([&](KvHead& h) {
      for (uint8_t& code : h.*part) code = static_cast<uint8_t>(242 - code);
    }));
  for (const auto part : scales)
    EXPECT_TRUE(differs([&](KvHead& h) {
      for (int32_t& scale : h.*part) scale /= 3;
    }));
}

TEST_P(Seek, TheGeneratedTextIsTheGoldenModels) {
  const auto text = [&](Device& at) {
    std::vector<int32_t> tokens;
    at.seek(64, caches(64));
    GenerateSettings greedy;
    greedy.max_new = 3;
    at.generate(std::array{17}, greedy, [&](int32_t token) { tokens.push_back(token); });
    return tokens;
  };
  EXPECT_EQ(text(*device), text(*golden));
}

TEST_P(Seek, RefusesWhatDoesNotFit) {
  const uint32_t context = image->model().context;
  for (Device* at : {device.get(), golden.get()}) {
    EXPECT_THROW(at->seek(context + 1, caches(context + 1)), Error);
    EXPECT_THROW(at->seek(5, caches(4)), Error);
  }
  const auto edited = [&](const Change& change) { golden->seek(5, caches(5, change)); };
  EXPECT_THROW(edited([](uint32_t, uint32_t, KvHead& h) { h.keys[3] = 243; }), Error);
  EXPECT_THROW(edited([](uint32_t, uint32_t, KvHead& h) { h.value_scales[0] = -1; }), Error);
  EXPECT_EQ(next(*device, 5, caches(5)), next(*golden, 5, caches(5)));
}

INSTANTIATE_TEST_SUITE_P(Chips, Seek, testing::Values("rtl:nano", "rtl:edge"),
                         [](const auto& info) { return std::string(info.param).substr(4); });

/// Positions over a context of thousands: rows of the rope table, places in the caches and sums
/// over all keys are those of the position, and not of a part of its bits.
class Positions : public testing::TestWithParam<const char*> {};

TEST_P(Positions, DeviceAndGoldenModelAgreeOverTheWholeContext) {
  register_backends();
  const auto device = Device::open(GetParam());
  const auto golden = Device::open("golden:");
  const spec::ChipConfig chip = *device->config();
  const bool large = chip.scratch_words > 100'000;
  // As many as their buffers hold.
  const uint32_t context = large ? 8128 : 2600;
  const io::SynthPreset preset = {"long", "",    32, 2, 2, 1, 8, 40, 320, static_cast<int>(context),
                                  1e4f,   1e-5f, 1,  2};
  io::ImageWriter writer(chip);
  io::synthesise(preset, {}, writer);
  const io::Image image = io::Image::from_bytes(writer.take(), "long");
  device->load(image);
  golden->load(image);
  std::vector<uint32_t> positions = {511, 1024, 1500, 2047, 2048, context - 2};
  if (large) positions.insert(positions.end(), {3000, 4095, 4096, 6143});
  for (const uint32_t position : positions) {
    // Keys large enough that the angle of a query decides which of them count.
    const KvSource caches =
        random_caches(position, image.model().head_dim, [](uint32_t, uint32_t, KvHead& head) {
          for (int32_t& scale : head.key_scales) scale *= 100;
        });
    EXPECT_EQ(next(*device, position, caches), next(*golden, position, caches)) << position;
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, Positions, testing::Values("rtl:nano", "rtl:edge"),
                         [](const auto& info) { return std::string(info.param).substr(4); });

TEST(SeekElsewhere, ADeviceWithoutACacheSaysSo) {
  register_backends();
  EXPECT_THROW(Device::open("tlm:edge")->seek(1, {}), Error);
}

}  // namespace
}  // namespace tern
