// SPDX-License-Identifier: Apache-2.0
#include "io/synth.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <fstream>

#include "gguf_builder.hpp"
#include "golden/model.hpp"
#include "io/byte_sampler.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "io/skeleton.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::io {
namespace {

namespace fs = std::filesystem;
using spec::kConfigs;

/// Sizes that divide neither by five rows nor by the columns of a beat.
constexpr SynthPreset kSmall = {"small", "", 104, 3, 4, 2, 26, 212, 700, 64, 1e4f, 1e-5f, 1, 2};

std::vector<std::byte> bytes_of(const SynthPreset& preset, const SynthOptions& options,
                                const spec::ChipConfig& chip = kConfigs[1]) {
  ImageWriter writer(chip);
  synthesise(preset, options, writer);
  return writer.take();
}

Image image_of(const SynthPreset& preset, const SynthOptions& options,
               const spec::ChipConfig& chip = kConfigs[1]) {
  return Image::from_bytes(bytes_of(preset, options, chip), "synthetic");
}

std::vector<std::byte> content(const fs::path& path) {
  std::vector<std::byte> bytes(fs::file_size(path));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

/// A directory of its own that goes with the test.
class Files : public testing::Test {
 protected:
  auto files() const { return std::distance(fs::directory_iterator(directory_), {}); }

  const fs::path directory_ = testing::TempDir();
};

/// Runs `job` in a process of its own and returns by how many MiB its memory grew at most, the
/// pages of mapped files included; -1 if the job failed.
template <typename Job>
long growth_in_mib(Job job) {
  const auto peak = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  int ends[2] = {};
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    long grown = -1;
    try {
      const long before = peak();
      job();
      grown = (peak() - before) / 1024;
    } catch (const std::exception&) {
    }
    const bool told = ::write(ends[1], &grown, sizeof grown) == sizeof grown;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  long grown = -1;
  if (::read(ends[0], &grown, sizeof grown) != sizeof grown) grown = -1;
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return grown;
}

/// Chi square of n drawn bytes against their probabilities; its mean is `degrees`.
struct Fit {
  double chi_square = 0;
  int degrees = -1;
};
Fit fit(const ByteSampler& sampler, std::span<const double> weights, uint64_t seed) {
  constexpr int kDraws = 4'000'001;
  std::vector<uint8_t> drawn(kDraws);
  spec::Random random{seed};
  sampler.fill(random, drawn);
  std::array<double, 256> counts{};
  for (uint8_t b : drawn) ++counts[b];
  double sum = 0;
  for (double w : weights) sum += w;
  Fit f;
  for (std::size_t b = 0; b < 256; ++b) {
    const double expected = b < weights.size() ? weights[b] / sum * kDraws : 0;
    if (expected == 0) {
      EXPECT_EQ(counts[b], 0) << "byte " << b;
    } else {
      f.chi_square += (counts[b] - expected) * (counts[b] - expected) / expected;
      ++f.degrees;
    }
  }
  return f;
}

TEST(ByteSampler, DrawsEveryByteAsOftenAsItsWeightSays) {
  std::array<double, 256> ramp{};
  for (std::size_t i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<double>(i % 50);
  const std::array<double, 3> few = {0.5, 0, 0.25};
  std::array<double, spec::kT5Codes> trits{};
  for (uint32_t code = 0; code < trits.size(); ++code) {
    trits[code] = 1;
    for (int8_t t : spec::t5_decode(static_cast<uint8_t>(code)).t)
      trits[code] *= t == 0 ? 0.6 : 0.2;
  }
  const auto expect_good = [](const Fit& f) {
    EXPECT_LT(f.chi_square, f.degrees + 5 * std::sqrt(2.0 * f.degrees));
  };
  expect_good(fit(ByteSampler(ramp), ramp, 1));
  expect_good(fit(ByteSampler(few), few, 2));
  expect_good(fit(ByteSampler::trits(0.6), trits, 3));
}

TEST(ByteSampler, AnExtremeProbabilityIsExact) {
  std::vector<uint8_t> drawn(100'000);
  spec::Random random{1};
  ByteSampler::trits(1).fill(random, drawn);
  EXPECT_EQ(std::count(drawn.begin(), drawn.end(), spec::kT5Zero), 100'000);
  ByteSampler::trits(0).fill(random, drawn);
  for (uint8_t code : drawn) {
    for (int8_t t : spec::t5_decode(code).t) ASSERT_NE(t, 0);
  }
}

TEST(Synth, SameSeedGivesTheSameBytesAndAnotherSeedOthers) {
  EXPECT_EQ(bytes_of(kSmall, {.seed = 3}), bytes_of(kSmall, {.seed = 3}));
  EXPECT_NE(bytes_of(kSmall, {.seed = 3}), bytes_of(kSmall, {.seed = 4}));
}

TEST(Synth, TritsFollowTheStatedDistribution) {
  for (double zeros : {0.0, 1.0 / 3, 0.7, 1.0}) {
    const Image image = image_of(kSmall, {.seed = 7, .zeros = zeros});
    std::array<double, 3> counts{};
    double n = 0;
    for (uint32_t i = 0; i < image.model().layers; ++i) {
      for (const spec::Part part : {spec::Part::kAttnK, spec::Part::kFfnUp}) {
        const spec::MatrixDescriptor& m = image.layer(i).matrix[part];
        const golden::Matrix w(image.matrix(m), spec::shape_of(m, image.columns()));
        for (int r = 0; r < w.rows(); ++r) {
          for (int c = 0; c < w.cols(); ++c, ++n) ++counts[w.at(r, c) + 1];
        }
      }
    }
    const double expected[3] = {(1 - zeros) / 2, zeros, (1 - zeros) / 2};
    for (int t = 0; t < 3; ++t) {
      const double deviation = std::sqrt(n * expected[t] * (1 - expected[t]));
      EXPECT_NEAR(counts[t], n * expected[t], 4.5 * deviation) << "trit " << t - 1 << " " << zeros;
    }
  }
}

TEST(Synth, WhatPadsABeatIsZero) {
  const Image image = image_of(kSmall, {});
  // 212 rows, 104 columns
  const spec::MatrixDescriptor& m = image.layer(1).matrix[spec::Part::kFfnGate];
  const auto beats = image.matrix(m);
  const spec::MatrixShape shape = spec::shape_of(m, image.columns());
  for (uint32_t stripe = 0; stripe < m.stripes; ++stripe) {
    for (uint32_t c = m.cols; c < shape.tiles() * image.columns(); ++c)
      ASSERT_EQ(beats[shape.offset(stripe, c)], spec::kT5Zero);
  }
  for (uint32_t c = 0; c < m.cols; ++c) {
    const spec::Trits last = spec::t5_decode(beats[shape.offset(m.stripes - 1, c)]);
    ASSERT_TRUE(last.t[2] == 0 && last.t[3] == 0 && last.t[4] == 0);
  }
}

TEST(Synth, HeadAndEmbeddingHaveTheStatedDeviations) {
  const Image image = image_of(kSmall, {});
  const spec::ModelDescriptor& m = image.model();
  const golden::Matrix head(image.matrix(m.head), spec::shape_of(m.head, image.columns()));
  double squares = 0, embedded = 0;
  for (uint32_t r = 0; r < m.vocab; ++r) {
    for (uint32_t c = 0; c < m.hidden; ++c) {
      squares += head.at(static_cast<int>(r), static_cast<int>(c)) *
                 head.at(static_cast<int>(r), static_cast<int>(c));
      embedded += std::pow(std::ldexp(image.embedding(r)[c], m.embedding.exponent), 2);
    }
    ASSERT_GE(image.head_row_scales()[r], 1 << 30);
  }
  const double n = static_cast<double>(m.vocab) * m.hidden;
  EXPECT_NEAR(std::sqrt(squares / n), 30, 0.5);
  EXPECT_NEAR(std::sqrt(embedded / n), 0.0586, 0.001);
}

TEST(Synth, TheModelIsTheSameForEveryChip) {
  const Image edge = image_of(kSmall, {.seed = 5}, kConfigs[1]);
  const Image nano = image_of(kSmall, {.seed = 5}, kConfigs[0]);
  golden::Model on_edge(edge), on_nano(nano);
  for (int32_t token : {1, 300, 699}) {
    on_edge.forward(token);
    on_nano.forward(token);
    ASSERT_TRUE(std::equal(on_edge.logits().begin(), on_edge.logits().end(),
                           on_nano.logits().begin(), on_nano.logits().end()));
  }
}

TEST(Synth, FewerLayersAndAnotherContextKeepTheWeights) {
  const Image whole = image_of(kSmall, {});
  const Image part = image_of(kSmall, {.layers = 2, .context = 20});
  EXPECT_EQ(part.model().layers, 2u);
  EXPECT_EQ(part.model().context, 20u);
  const spec::MatrixDescriptor& down = part.layer(1).matrix[spec::Part::kFfnDown];
  const spec::MatrixDescriptor& whole_down = whole.layer(1).matrix[spec::Part::kFfnDown];
  EXPECT_EQ(down.scale.m, whole_down.scale.m);
  const auto a = part.matrix(down), b = whole.matrix(whole_down);
  EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  const auto c = part.matrix(part.model().head), d = whole.matrix(whole.model().head);
  EXPECT_TRUE(std::equal(c.begin(), c.end(), d.begin(), d.end()));
}

TEST(Synth, TheGoldenModelRunsInASaneRange) {
  const Image image = image_of(find_preset("demo"), {});
  golden::Model model(image);
  double largest_residual = 0;
  model.set_trace([&](const TraceEvent& e) {
    if (e.key.point != spec::TracePoint::kFfnResidual) return;
    for (int32_t x : e.values) largest_residual = std::max(largest_residual, std::abs(x / 65536.0));
  });
  std::vector<int> chosen;
  int32_t token = static_cast<int32_t>(image.model().bos);
  for (int i = 0; i < 12; ++i) {
    model.forward(token);
    const auto logits = model.logits();
    const double unit = std::ldexp(model.logit_scale().m, model.logit_scale().e);
    double squares = 0;
    for (int32_t l : logits) squares += std::pow(l * unit, 2);
    const double deviation = std::sqrt(squares / static_cast<double>(logits.size()));
    EXPECT_GT(deviation, 0.2);
    EXPECT_LT(deviation, 5);
    token = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    chosen.push_back(token);
  }
  EXPECT_EQ(model.saturations(), 0u);
  EXPECT_GT(largest_residual, 0.1);
  EXPECT_LT(largest_residual, 100);
  std::sort(chosen.begin(), chosen.end());
  EXPECT_GT(std::unique(chosen.begin(), chosen.end()) - chosen.begin(), 4)
      << "every step should depend on all that went before";
}

TEST(Synth, PresetsHaveWhatTheirFamiliesCompute) {
  struct Family {
    const char* preset;
    spec::Activation activation;
    bool sub_norms, qk_norms;
  };
  for (const Family& f : {Family{"tiny-bitnet", spec::Activation::kSilu, true, false},
                          Family{"tiny-llama", spec::Activation::kSilu, false, false},
                          Family{"tiny-signs", spec::Activation::kSilu, false, true},
                          Family{"tiny-groups", spec::Activation::kSilu, false, false},
                          Family{"tiny-qwen3", spec::Activation::kSilu, false, true}}) {
    SCOPED_TRACE(f.preset);
    const Image image = image_of(find_preset(f.preset), {});
    EXPECT_EQ(image.model().activation, static_cast<uint32_t>(f.activation));
    EXPECT_EQ(spec::present(image.layer(2).norm[spec::Norm::kAttnSubNorm]), f.sub_norms);
    EXPECT_EQ(spec::present(image.layer(2).norm[spec::Norm::kFfnSubNorm]), f.sub_norms);
    EXPECT_EQ(spec::present(image.layer(2).norm[spec::Norm::kAttnQNorm]), f.qk_norms);
    EXPECT_EQ(spec::present(image.layer(2).norm[spec::Norm::kAttnKNorm]), f.qk_norms);
    golden::Model model(image);
    for (int32_t token : {1, 300, 7}) model.forward(token);
    EXPECT_EQ(model.saturations(), 0u);
  }
}

TEST(Synth, AModelOfZerosRunsToo) {
  const Image image = image_of(kSmall, {.zeros = 1});
  golden::Model model(image);
  model.forward(1);
  EXPECT_EQ(model.saturations(), 0u);
}

TEST(Synth, TheTokenizerHasTheVocabularyOfTheModel) {
  const Image image = image_of(kSmall, {});
  const Tokenizer& t = image.tokenizer();
  EXPECT_EQ(t.size(), kSmall.vocab);
  EXPECT_EQ(t.bos(), kSmall.bos);
  const std::string text = "once upon a time, \xC3\xA4 42";
  EXPECT_EQ(t.decode(t.encode(text, true)), text);
}

TEST(Synth, RefusesWhatDoesNotFit) {
  EXPECT_THROW(find_preset("bitnet-9t"), Error);
  EXPECT_THROW(bytes_of(kSmall, {.layers = 4}), Error);
  EXPECT_THROW(bytes_of(kSmall, {.zeros = 1.5}), Error);
  EXPECT_THROW(bytes_of(kSmall, {.context = 16385}), Error);  // 256 tiles of 64 positions
  SynthPreset narrow = kSmall;
  narrow.vocab = 200;
  EXPECT_THROW(bytes_of(narrow, {}), Error);
}

TEST_F(Files, AFileAndMemoryHoldTheSameBytes) {
  for (const spec::ChipConfig& chip : kConfigs) {
    const fs::path path = directory_ / "synth.tern";
    {
      ImageWriter writer(chip, path);
      synthesise(kSmall, {}, writer);
    }
    EXPECT_EQ(content(path), bytes_of(kSmall, {}, chip));
    const Gguf gguf(TERN_DEMO_MODEL);
    convert_to_file(gguf, chip, path);
    EXPECT_EQ(content(path), convert(gguf, chip));
    EXPECT_EQ(Image::open(path).bytes().size(), fs::file_size(path));
  }
  EXPECT_EQ(files(), 1);
}

TEST_F(Files, AnInterruptedWriteLeavesNothing) {
  const auto interrupted = [&](auto stop) {
    ImageWriter writer(kConfigs[1], directory_ / "x.tern");
    synthesise(kSmall, {}, writer, [&](uint64_t done, uint64_t all) {
      if (done > all / 2) stop();
    });
  };
  EXPECT_THROW(interrupted([] { throw Error("stop"); }), Error);
  EXPECT_EQ(files(), 0);

  const int unnamed = ::open(directory_.c_str(), O_TMPFILE | O_RDWR, 0600);
  if (unnamed < 0) GTEST_SKIP() << "this file system has no files without a name";
  ::close(unnamed);
  const pid_t child = ::fork();
  if (child == 0) {
    interrupted([] { ::raise(SIGKILL); });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(files(), 0);
}

TEST_F(Files, MemoryDoesNotGrowWithTheModel) {
  SynthPreset wide = kSmall;  // 61 MB of embedding, 31 MB of head, a small tokenizer
  wide.hidden = 8192;
  wide.heads = wide.kv_heads = 64;
  wide.head_dim = 128;
  wide.layers = 1;
  wide.vocab = 3750;
  const fs::path path = directory_ / "wide.tern";
  const long grown = growth_in_mib([&] {
    ImageWriter writer(kConfigs[1], path);
    synthesise(wide, {.for_chip = false}, writer);
    Image::open(path);
  });
  ASSERT_GT(fs::file_size(path), 140u << 20);
  EXPECT_GE(grown, 0);
  EXPECT_LT(grown, 32);
}

TEST_F(Files, AConversionTakesMemoryForOneTensorOnly) {
  const fs::path model = directory_ / "wide.gguf", path = directory_ / "wide.tern";
  ASSERT_GE(growth_in_mib([&] {
              write_file(model, test::tiny_model(1, 1, 100'000).build());  // 51 MB of embedding
            }),
            0);
  ASSERT_GT(fs::file_size(model), 48u << 20);
  const long grown = growth_in_mib([&] { convert_to_file(Gguf(model), kConfigs[1], path); });
  ASSERT_GT(fs::file_size(path), 73u << 20);
  EXPECT_GE(grown, 0);
  EXPECT_LT(grown, 64);  // 100,000 pieces, and a few slices
}

/// The model of time sees the addresses that the image has, and no other shapes.
TEST(Skeleton, HasTheDescriptorsOfTheImage) {
  std::vector<std::pair<const spec::ChipConfig*, const SynthPreset*>> cases;
  for (const spec::ChipConfig& chip : kConfigs) {
    for (const SynthPreset* preset :
         {&kSmall, &find_preset("tiny-signs"), &find_preset("tiny-groups")}) {
      if (chip.group_scales || preset == &kSmall) cases.emplace_back(&chip, preset);
    }
  }
  for (const auto& [chip_of_case, preset] : cases) {
    const spec::ChipConfig& chip = *chip_of_case;
    SCOPED_TRACE(preset->name);
    const Image image = image_of(*preset, {}, chip);
    const Skeleton s =
        make_skeleton(config_of(*preset, {}), chip, "small", preset->weights, preset->tables);
    const auto place = [](const auto& d) { return d.offset; };
    const auto expect_matrix = [&](const spec::MatrixDescriptor& a,
                                   const spec::MatrixDescriptor& b) {
      EXPECT_EQ(place(a), place(b));
      EXPECT_EQ(a.rows, b.rows);
      EXPECT_EQ(a.cols, b.cols);
      EXPECT_EQ(a.stripes, b.stripes);
      EXPECT_EQ(a.beats, b.beats);
      EXPECT_EQ(a.block, b.block);
      EXPECT_EQ(a.layout, b.layout);
      EXPECT_EQ(a.group, b.group);
      EXPECT_EQ(a.planes, b.planes);
    };
    ASSERT_EQ(s.layers.size(), image.model().layers);
    for (uint32_t i = 0; i < image.model().layers; ++i) {
      const spec::LayerDescriptor &a = s.layers[i], &b = image.layer(i);
      for (const spec::Norm norm : spec::kEveryNorm) {
        EXPECT_EQ(place(a.norm[norm]), place(b.norm[norm]));
        EXPECT_EQ(a.norm[norm].count, b.norm[norm].count);
      }
      for (const spec::Part part : spec::kEveryPart) expect_matrix(a.matrix[part], b.matrix[part]);
      // The caches begin a little earlier, since there is no tokenizer, and lie apart alike.
      EXPECT_EQ(image.model().cache_offset - s.model.cache_offset, b.k_cache - a.k_cache);
      EXPECT_EQ(image.model().cache_offset - s.model.cache_offset, b.v_scales - a.v_scales);
    }
    expect_matrix(s.model.head, image.model().head);
    EXPECT_EQ(s.model.rope_table, image.model().rope_table);
    EXPECT_EQ(s.model.embedding_group, image.model().embedding_group);
    EXPECT_EQ(s.model.embedding.offset, image.model().embedding.offset);
    EXPECT_EQ(s.model.head_shift, image.model().head_shift);
    EXPECT_EQ(s.model.score_scale.m, image.model().score_scale.m);
    // And that of the image itself has what the firmware reads.
    const Skeleton whole = skeleton_of(image);
    for (const auto& [at, bytes] : whole.parts())
      EXPECT_TRUE(std::ranges::equal(bytes, image.bytes().subspan(at, bytes.size())));
  }
}

}  // namespace
}  // namespace tern::io
