// SPDX-License-Identifier: Apache-2.0
#include "io/image.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>

#include "golden/model.hpp"
#include "io/atomic_file.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image_parts.hpp"
#include "io/synth.hpp"
#include "io/tensor_types.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

using spec::Norm;
using spec::Part;

const std::vector<std::byte>& demo_bytes() {
  static const std::vector<std::byte> bytes = convert(Gguf(TERN_DEMO_MODEL), spec::kConfigs[1]);
  return bytes;
}

/// Of a preset of synthesise(), for the chip edge.
const std::vector<std::byte>& synthetic_bytes(const char* preset) {
  static std::map<std::string, std::vector<std::byte>> images;
  std::vector<std::byte>& bytes = images[preset];
  if (bytes.empty()) {
    ImageWriter writer(spec::kConfigs[1]);
    synthesise(find_preset(preset), {}, writer);
    bytes = writer.take();
  }
  return bytes;
}

template <typename T>
T load(const std::vector<std::byte>& bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <typename T>
void store(std::vector<std::byte>& bytes, uint64_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Makes the checksum of a descriptor right, if it lies within the image.
template <typename Descriptor>
bool seal_descriptor(std::vector<std::byte>& bytes, uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(Descriptor)) return false;
  auto d = load<Descriptor>(bytes, at);
  d.checksum = checksum_of(d);
  store(bytes, at, d);
  return true;
}

/// Makes all checksums right.
void seal(std::vector<std::byte>& bytes) {
  const uint64_t model_at = load<spec::ImageHeader>(bytes, 0).model;
  if (seal_descriptor<spec::ModelDescriptor>(bytes, model_at)) {
    const auto model = load<spec::ModelDescriptor>(bytes, model_at);
    for (uint64_t i = 0; i < std::min(model.layers, 64u); ++i)
      seal_descriptor<spec::LayerDescriptor>(bytes,
                                             model.layer_table + i * sizeof(spec::LayerDescriptor));
  }
  const uint64_t sum = image_checksum(bytes);
  std::memcpy(bytes.data() + offsetof(spec::ImageHeader, checksum), &sum, sizeof sum);
}

/// The message of the Error that loading `bytes` throws; empty when it loads.
std::string failure(std::vector<std::byte> bytes) {
  try {
    Image::from_bytes(std::move(bytes), "test.tern");
  } catch (const Error& e) {
    return e.what();
  }
  return {};
}

TEST(Image, HoldsTheTernaryWeightsOfTheGguf) {
  const Gguf gguf(TERN_DEMO_MODEL);
  const Image image = Image::from_bytes(demo_bytes(), "demo");
  const TernaryMatrix t = decode_ternary(gguf.tensor("blk.3.ffn_down.weight"));
  const spec::MatrixDescriptor& d = image.layer(3).matrix[Part::kFfnDown];
  const spec::MatrixShape shape = spec::shape_of(d, image.columns());
  ASSERT_EQ(t.rows, d.rows);
  ASSERT_EQ(t.cols, d.cols);
  const auto beats = image.matrix(d);
  for (uint32_t r = 0; r < d.rows; ++r) {
    for (uint32_t c = 0; c < d.cols; ++c) {
      ASSERT_EQ(spec::t5_decode(beats[shape.offset(r / 5, c)]).t[r % 5], t.trits[r * d.cols + c]);
    }
  }
  EXPECT_FLOAT_EQ(static_cast<float>(std::ldexp(static_cast<double>(d.scale.m), d.scale.e)),
                  t.scale);
}

TEST(Image, HeadIsWithinHalfAStepOfTheEmbedding) {
  const Gguf gguf(TERN_DEMO_MODEL);
  const Image image = Image::from_bytes(demo_bytes(), "demo");
  const std::vector<float> e = decode_floats(gguf.tensor("token_embd.weight"));
  const spec::MatrixDescriptor& d = image.model().head;
  const spec::MatrixShape shape = spec::shape_of(d, image.columns());
  const double unit = std::ldexp(static_cast<double>(d.scale.m), d.scale.e);
  for (uint32_t r = 0; r < d.rows; ++r) {
    const double step = image.head_row_scales()[r] * unit;
    for (uint32_t c = 0; c < d.cols; ++c) {
      const double value = spec::t5_decode_value(image.matrix(d)[shape.offset(r, c)]) * step;
      ASSERT_NEAR(value, e[r * d.cols + c], step * 0.501);
      const double embedded = std::ldexp(image.embedding(r)[c], image.model().embedding.exponent);
      ASSERT_NEAR(embedded, e[r * d.cols + c], std::ldexp(0.501, image.model().embedding.exponent));
    }
  }
}

TEST(Image, RopeTableHoldsTheCosinesOfAPositionBeforeItsSines) {
  const Image image = Image::from_bytes(demo_bytes(), "demo");
  const uint32_t half = image.model().head_dim / 2;
  for (uint32_t position : {0u, 1u, 100u}) {
    const auto row = image.rope(position);
    ASSERT_EQ(row.size(), 2 * half);
    for (uint32_t i = 0; i < half; ++i) {
      const double angle = position * std::pow(10000.0, -static_cast<double>(i) / half);
      EXPECT_NEAR(row[i], std::cos(angle) * 32768, 1.001);
      EXPECT_NEAR(row[half + i], std::sin(angle) * 32768, 1.001);
    }
  }
}

TEST(Image, StreamBytesCountWeightsHeadAndCache) {
  const Image image = Image::from_bytes(demo_bytes(), "demo");
  // 5 layers of 589,824 weights in fives; 52, 52, 26, 26 and 103 stripes round 256, 256, 128, 128
  // and 512 rows up.
  const uint64_t stripes_256 = 52 * 256 + 2 * 26 * 256 + 52 * 256 + 2 * 103 * 256 + 52 * 512;
  const uint64_t head = 1024 * 256;
  EXPECT_EQ(image.stream_bytes(0), 5 * stripes_256 + head);
  EXPECT_EQ(image.stream_bytes(64) - image.stream_bytes(0), 5 * 2 * (80 * 64 + 64 * 64));
}

TEST(Image, ConversionIsDeterministic) {
  EXPECT_EQ(demo_bytes(), convert(Gguf(TERN_DEMO_MODEL), spec::kConfigs[1]));
}

TEST(Image, SurvivesTheRoundTripThroughAFile) {
  const auto path = std::filesystem::path(testing::TempDir()) / "round_trip.tern";
  write_file(path, demo_bytes());
  const Image image = Image::open(path);
  EXPECT_EQ(image.model().vocab, 1024u);
  EXPECT_EQ(image.tokenizer().size(), 1024);
}

TEST(Image, SaysWhatIsWrongWithAFile) {
  std::vector<std::byte> bytes = demo_bytes();
  EXPECT_NE(failure({bytes.begin(), bytes.begin() + 40}).find("too few"), std::string::npos);
  EXPECT_NE(failure({bytes.begin(), bytes.end() - 1}).find("truncated"), std::string::npos);
  const uint64_t right = image_checksum(bytes);
  bytes[1000] ^= std::byte{1};
  EXPECT_NE(failure(bytes).find(fmt::format("checksum 0x{:016x}, expected 0x{:016x}",
                                            image_checksum(bytes), right)),
            std::string::npos);
  bytes = demo_bytes();
  bytes[0] = std::byte{'X'};
  EXPECT_NE(failure(bytes).find("not a .tern image"), std::string::npos);
  bytes = demo_bytes();
  bytes[offsetof(spec::ImageHeader, version)] = std::byte{9};
  const std::string version = failure(bytes);
  EXPECT_NE(version.find("version 9"), std::string::npos);
  EXPECT_NE(version.find("version 4"), std::string::npos);
  bytes[offsetof(spec::ImageHeader, version)] = std::byte{2};
  EXPECT_NE(failure(bytes).find(".tern version 2, this program reads version 4"),
            std::string::npos);
}

TEST(Image, OfTheOtherByteOrderIsRefusedWithBothVersions) {
  std::vector<std::byte> bytes = demo_bytes();
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4);
  EXPECT_NE(
      failure(bytes).find(fmt::format("test.tern: big-endian .tern version {0}, this program "
                                      "reads little-endian version {0}; convert the model again",
                                      spec::kImageVersion)),
      std::string::npos)
      << failure(bytes);
  bytes[offsetof(spec::ImageHeader, version) + 3] = std::byte{7};
  EXPECT_NE(failure(bytes).find("big-endian .tern version 7"), std::string::npos);
}

TEST(Image, NamesTheDamagedDescriptor) {
  const auto seal_file = [](std::vector<std::byte>& bytes) {
    store(bytes, offsetof(spec::ImageHeader, checksum), image_checksum(bytes));
  };
  const uint64_t model = load<spec::ImageHeader>(demo_bytes(), 0).model;
  const uint64_t layers = load<spec::ModelDescriptor>(demo_bytes(), model).layer_table;
  for (uint64_t at = 0; at <= offsetof(spec::ModelDescriptor, checksum); at += 4) {
    std::vector<std::byte> bytes = demo_bytes();
    bytes[model + at] ^= std::byte{4};
    seal_file(bytes);
    EXPECT_NE(failure(bytes).find("the model descriptor is damaged"), std::string::npos) << at;
  }
  for (uint64_t at = 0; at <= offsetof(spec::LayerDescriptor, checksum); at += 4) {
    std::vector<std::byte> bytes = demo_bytes();
    bytes[layers + 3 * sizeof(spec::LayerDescriptor) + at] ^= std::byte{128};
    seal_file(bytes);
    EXPECT_NE(failure(bytes).find("the descriptor of layer 3 is damaged"), std::string::npos) << at;
  }
}

TEST(Image, PlacesScalesBehindAllCachesAndBeforeFreeMemory) {
  for (const spec::ChipConfig& chip : spec::kConfigs) {
    const Image image = Image::from_bytes(convert(Gguf(TERN_DEMO_MODEL), chip), "demo");
    const spec::ModelDescriptor& m = image.model();
    EXPECT_EQ(m.kv_scale_bytes, spec::kv_scale_bytes(m.context));
    uint64_t at = m.cache_offset;
    EXPECT_GE(at, image.bytes().size());
    for (uint32_t i = 0; i < m.layers; ++i) {
      EXPECT_EQ(image.layer(i).k_cache, at);
      EXPECT_EQ(image.layer(i).v_cache, at += m.kv_heads * m.key_cache_bytes);
      at += m.kv_heads * m.value_cache_bytes;
    }
    for (uint32_t i = 0; i < m.layers; ++i) {
      EXPECT_EQ(image.layer(i).k_scales, at);
      EXPECT_EQ(image.layer(i).v_scales, at += m.kv_heads * m.kv_scale_bytes);
      at += m.kv_heads * m.kv_scale_bytes;
    }
    EXPECT_EQ(m.work_offset, at);
    for (uint64_t multiple :
         {m.cache_offset, m.key_cache_bytes, m.value_cache_bytes, m.kv_scale_bytes, m.work_offset,
          m.rope_table, m.head_row_scales, m.layer_table, m.embedding.offset})
      EXPECT_EQ(multiple % spec::kAddrUnit, 0u) << chip.name;
  }
}

TEST(Image, CachesOfHeadsOfAnyWidthTakeWholeUnits) {
  spec::ModelDescriptor m{};
  m.cache_offset = 640;
  m.context = 7;
  m.kv_heads = 3;
  m.head_dim = 10;
  m.key_block = 5;
  std::vector<spec::LayerDescriptor> layers(2);
  place_caches(m, layers, 8);
  EXPECT_EQ(m.key_cache_bytes, 192u) << "2 tiles of 10 tokens, a beat each, are 160 bytes";
  EXPECT_EQ(m.value_cache_bytes, 128u) << "1 tile of 10 rows is 80 bytes";
  EXPECT_EQ(m.kv_scale_bytes, 64u) << "7 scales are 28 bytes";
  EXPECT_EQ(layers[1].k_cache, 640 + 3 * (192 + 128u));
  EXPECT_EQ(layers[1].v_cache, layers[1].k_cache + 3 * 192u);
  EXPECT_EQ(layers[0].k_scales, 640 + 2 * 3 * (192 + 128u));
  EXPECT_EQ(layers[1].v_scales, layers[0].k_scales + 3 * 3 * 64u);
  EXPECT_EQ(m.work_offset, layers[0].k_scales + 4 * 3 * 64u);
}

TEST(Image, PlacesOfCachesMustFollowFromTheSizes) {
  const uint64_t model_at = load<spec::ImageHeader>(demo_bytes(), 0).model;
  const auto model = load<spec::ModelDescriptor>(demo_bytes(), model_at);
  const auto refused = [&](uint64_t at, std::string_view what) {
    std::vector<std::byte> bytes = demo_bytes();
    store(bytes, at, load<uint64_t>(bytes, at) + spec::kAddrUnit);
    seal(bytes);
    const std::string message = failure(bytes);
    EXPECT_NE(message.find(what), std::string::npos) << what << ": " << message;
  };
  refused(model_at + offsetof(spec::ModelDescriptor, key_cache_bytes), "key_cache_bytes");
  refused(model_at + offsetof(spec::ModelDescriptor, value_cache_bytes), "value_cache_bytes");
  refused(model_at + offsetof(spec::ModelDescriptor, kv_scale_bytes), "kv_scale_bytes");
  refused(model_at + offsetof(spec::ModelDescriptor, cache_offset), "cache_offset");
  refused(model_at + offsetof(spec::ModelDescriptor, work_offset), "work_offset");
  const uint64_t layer = model.layer_table + 2 * sizeof(spec::LayerDescriptor);
  refused(layer + offsetof(spec::LayerDescriptor, k_cache), "k_cache of layer 2");
  refused(layer + offsetof(spec::LayerDescriptor, v_cache), "v_cache of layer 2");
  refused(layer + offsetof(spec::LayerDescriptor, k_scales), "k_scales of layer 2");
  refused(layer + offsetof(spec::LayerDescriptor, v_scales), "v_scales of layer 2");
}

TEST(Image, NormsAreThereInAllLayersOrInNone) {
  using Layer = spec::LayerDescriptor;
  const uint64_t model_at = load<spec::ImageHeader>(demo_bytes(), 0).model;
  const auto model = load<spec::ModelDescriptor>(demo_bytes(), model_at);
  const auto changed = [&](uint32_t first, uint32_t last, auto change) {
    std::vector<std::byte> bytes = demo_bytes();
    for (uint32_t i = first; i <= last; ++i) {
      const uint64_t at = model.layer_table + i * sizeof(Layer);
      auto layer = load<Layer>(bytes, at);
      change(layer);
      store(bytes, at, layer);
    }
    seal(bytes);
    return failure(bytes);
  };
  const uint32_t last = model.layers - 1;
  EXPECT_EQ(changed(0, last, [](Layer& l) { l.norm[Norm::kAttnSubNorm] = {}; }), "");
  const auto without = [](Layer& l) { l.norm[Norm::kFfnSubNorm] = {}; };
  EXPECT_NE(changed(2, 2, without).find("layers 0 and 2 have"), std::string::npos);
  const auto empty = [](Layer& l) { l.norm[Norm::kFfnSubNorm].count = 0; };
  EXPECT_NE(changed(0, last, empty).find("no elements, but"), std::string::npos);
  const auto key_norm = [&](Layer& l) {
    l.norm[Norm::kAttnKNorm] = {l.norm[Norm::kAttnNorm].offset, model.head_dim, -14};
  };
  EXPECT_NE(changed(0, last, key_norm).find("only one of attn_q_norm"), std::string::npos);
  const auto both = [&](Layer& l) {
    key_norm(l);
    l.norm[Norm::kAttnQNorm] = l.norm[Norm::kAttnKNorm];
  };
  EXPECT_EQ(changed(0, last, both), "");
  const auto wide = [&](Layer& l) {
    both(l);
    ++l.norm[Norm::kAttnQNorm].count;
  };
  EXPECT_NE(changed(0, last, wide).find("attn_q_norm has"), std::string::npos);
}

TEST(Image, WhatCommandsNameBeginsAtAMultipleOf64) {
  const uint64_t model_at = load<spec::ImageHeader>(demo_bytes(), 0).model;
  const uint64_t layers = load<spec::ModelDescriptor>(demo_bytes(), model_at).layer_table;
  const auto refused = [&](uint64_t at) {
    std::vector<std::byte> bytes = demo_bytes();
    store(bytes, at, load<uint64_t>(bytes, at) - 32);
    seal(bytes);
    const std::string message = failure(bytes);
    EXPECT_NE(message.find("not a multiple of 64"), std::string::npos) << message;
  };
  refused(model_at + offsetof(spec::ModelDescriptor, embedding));
  refused(model_at + offsetof(spec::ModelDescriptor, output_norm));
  refused(model_at + offsetof(spec::ModelDescriptor, head_row_scales));
  refused(model_at + offsetof(spec::ModelDescriptor, rope_table));
  refused(layers + spec::LayerDescriptor::offset_of(Norm::kAttnNorm));
}

TEST(Image, EveryFlippedBitIsCaughtByTheChecksum) {
  std::mt19937_64 rng(1);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::byte> bytes = demo_bytes();
    bytes[rng() % bytes.size()] ^= std::byte(1 << rng() % 8);
    EXPECT_FALSE(failure(bytes).empty());
  }
}

/// What a matrix with group scales or signs may say of itself.
TEST(Image, FormsOfMatricesMustFitTogether) {
  const auto refused = [](const char* preset, auto change, std::string_view what) {
    std::vector<std::byte> bytes = synthetic_bytes(preset);
    const uint64_t model_at = load<spec::ImageHeader>(bytes, 0).model;
    auto model = load<spec::ModelDescriptor>(bytes, model_at);
    auto layer = load<spec::LayerDescriptor>(bytes, model.layer_table);
    change(model, layer);
    store(bytes, model_at, model);
    store(bytes, model.layer_table, layer);
    seal(bytes);
    const std::string message = failure(bytes);
    EXPECT_NE(message.find(what), std::string::npos) << what << ": " << message;
  };
  using M = spec::ModelDescriptor;
  using L = spec::LayerDescriptor;
  refused(
      "tiny-signs", [](M&, L&) {}, "");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].layout = 3; }, "matrix layout is 3");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].group = 3; }, "matrix group is 3");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].group = 1; }, "attn_q has");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].planes = 2; }, "matrix planes is 2");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].stripes += 1; }, "not multiples of 8");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].stripes -= 8; }, "matrix stripes");
  refused(
      "tiny-signs", [](M&, L& l) { l.matrix[Part::kAttnQ].block = 4; }, "not a multiple of 8");
  refused(
      "tiny-signs", [](M& m, L&) { m.head.layout = 1; }, "group scales in the value layout");
  refused(
      "tiny-signs", [](M& m, L&) { m.embedding_group = 7; }, "embedding group is 7");
  refused(
      "tiny-signs", [](M& m, L&) { m.embedding_group = 0; }, "embedding lies at");
  refused(
      "tiny-signs", [](M& m, L&) { m.embedding.exponent = 5000; }, "exponent 5000");
  refused(
      "tiny-groups", [](M&, L& l) { l.matrix[Part::kFfnUp].planes = 6; }, "matrix planes is 6");
  refused(
      "tiny-groups", [](M&, L& l) { l.matrix[Part::kFfnUp].beats -= 1; }, "ffn_up has");
}

class Forged : public testing::TestWithParam<const char*> {};

TEST_P(Forged, ImagesNeverCrashTheLoaderOrTheModel) {
  // Small changes in descriptors and tokenizer, with a valid checksum: the loader's own checks must
  // hold. The forgeries that load must run a token without touching memory that is not theirs (the
  // sanitizer build sees it).
  const bool demo = GetParam() == std::string("demo");
  const std::vector<std::byte> original = demo ? demo_bytes() : synthetic_bytes(GetParam());
  const Image whole = Image::from_bytes(original, "whole");
  const uint64_t tables = whole.header().tokenizer;
  std::vector<std::byte> bytes = original;
  std::mt19937_64 rng(2);
  int loaded = 0, refused = 0;
  // The checksum covers 2 MB; hashing dominates, so the weights are not touched.
  for (int i = 0; i < 10000; ++i) {
    for (uint64_t n = 1 + rng() % 3; n > 0; --n) {
      const bool header = rng() % 4 == 0;
      const uint64_t at =
          header ? rng() % sizeof(spec::ImageHeader) : tables + rng() % (bytes.size() - tables);
      constexpr uint8_t interesting[] = {0, 1, 0x7f, 0x80, 0xff};
      bytes[at] = rng() % 2 ? std::byte(interesting[rng() % 5]) : std::byte(rng());
    }
    seal(bytes);
    try {
      const Image image = Image::from_bytes(bytes, "forged.tern");
      ++loaded;
      if (loaded % 20 == 0) {
        golden::Model model(image);
        model.forward(static_cast<int32_t>(image.model().bos));
      }
    } catch (const Error&) {
      ++refused;
    }
    bytes = original;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(loaded, 100);
}

INSTANTIATE_TEST_SUITE_P(Images, Forged, testing::Values("demo", "tiny-signs", "tiny-groups"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Convert, RefusesAModelThatTheConfigurationCannotHold) {
  spec::ChipConfig small = spec::kConfigs[0];
  small.act_depth = 16;  // 128 columns
  try {
    convert(Gguf(TERN_DEMO_MODEL), small);
    FAIL() << "converted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("configuration nano"), std::string::npos) << e.what();
  }
}

/// The demo's image with another tokenizer block behind the rest, and right checksums.
std::vector<std::byte> with_tokenizer(std::span<const uint8_t> block) {
  std::vector<std::byte> bytes = demo_bytes();
  store(bytes, offsetof(spec::ImageHeader, tokenizer), uint64_t{bytes.size()});
  store(bytes, offsetof(spec::ImageHeader, tokenizer_bytes), uint64_t{block.size()});
  const auto more = std::as_bytes(block);
  bytes.insert(bytes.end(), more.begin(), more.end());
  bytes.resize(spec::align_up(bytes.size(), spec::kAddrUnit));
  store(bytes, offsetof(spec::ImageHeader, bytes), uint64_t{bytes.size()});
  auto model =
      load<spec::ModelDescriptor>(bytes, load<uint64_t>(bytes, offsetof(spec::ImageHeader, model)));
  std::vector<spec::LayerDescriptor> layers(model.layers);
  std::memcpy(layers.data(), bytes.data() + model.layer_table, layers.size() * sizeof layers[0]);
  model.cache_offset = bytes.size();
  place_caches(model, layers, spec::kConfigs[1].columns);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layers[i].checksum = checksum_of(layers[i]);
    store(bytes, model.layer_table + i * sizeof layers[0], layers[i]);
  }
  model.checksum = checksum_of(model);
  store(bytes, load<uint64_t>(bytes, offsetof(spec::ImageHeader, model)), model);
  store(bytes, offsetof(spec::ImageHeader, checksum), image_checksum(bytes));
  return bytes;
}

TEST(ImageTokenizer, ABlockThatIsRightIsTaken) {
  const Image demo = Image::from_bytes(demo_bytes(), "demo");
  const std::vector<uint8_t> block = pack_tokenizer(demo.tokenizer().vocabulary());
  EXPECT_EQ(Image::from_bytes(with_tokenizer(block), "same").tokenizer().size(),
            demo.tokenizer().size());
}

/// CBOR: 0x81 is a list of one element, 0x9f one without a length, a1 61 61 a map of "a".
TEST(ImageTokenizer, NestedListsAndMapsOfAnyDepthAreRefused) {
  for (const std::vector<uint8_t>& level :
       {std::vector<uint8_t>{0x81}, {0x9f}, {0xa1, 0x61, 0x61}, {0xbf, 0x61, 0x61}}) {
    for (const std::size_t depth : {65u, 1000u, 200'000u}) {
      std::vector<uint8_t> block;
      for (std::size_t i = 0; i < depth; ++i) block.insert(block.end(), level.begin(), level.end());
      try {
        Image::from_bytes(with_tokenizer(block), "deep.tern");
        ADD_FAILURE() << depth << " levels of " << int{level[0]};
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("more than 64 deep"), std::string::npos) << e.what();
      }
    }
  }
}

TEST(Image, LayersThatShareAMatrixAreRefused) {
  std::vector<std::byte> bytes = demo_bytes();
  const auto model =
      load<spec::ModelDescriptor>(bytes, load<uint64_t>(bytes, offsetof(spec::ImageHeader, model)));
  auto second =
      load<spec::LayerDescriptor>(bytes, model.layer_table + sizeof(spec::LayerDescriptor));
  second.matrix[Part::kFfnUp].offset =
      load<spec::LayerDescriptor>(bytes, model.layer_table).matrix[Part::kFfnUp].offset;
  second.checksum = checksum_of(second);
  store(bytes, model.layer_table + sizeof second, second);
  store(bytes, offsetof(spec::ImageHeader, checksum), image_checksum(bytes));
  try {
    Image::from_bytes(std::move(bytes), "shared.tern");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(
        std::string(e.what()),
        "shared.tern: ffn_up of layer 0 and ffn_up of layer 1 lie over each other; convert the "
        "model again");
  }
}

}  // namespace
}  // namespace tern::io
