// SPDX-License-Identifier: Apache-2.0
// What a token takes: the performance model's counts against counts by hand, and parts that must
// add up.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "estimate.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/image.hpp"
#include "io/synth.hpp"

namespace tern::estimate {
namespace {

/// A chip on DDR4 at 300 MHz that runs a preset.
class OfPreset {
 public:
  OfPreset(std::string_view preset, const spec::ChipConfig& chip)
      : OfPreset(io::skeleton_for(io::find_preset(preset), {}, chip), chip) {}
  OfPreset(io::Skeleton model, const spec::ChipConfig& chip)
      : estimator(std::move(model), {.chip = chip}, memory(), 300, technology_, dram_) {}

  static const Memory& memory() {
    static const Memory ddr4 = load_memory("ddr4-2400");
    return ddr4;
  }
  energy::Counts counts(uint32_t context) { return estimator.counts(estimator.decode(context)); }

 private:
  const energy::Technology technology_ = energy::load_technology("osu018");
  const energy::Dram dram_ = energy::load_dram("ddr4");

 public:
  Estimator estimator;
};

spec::ChipConfig edge_with(uint32_t trees) {
  spec::ChipConfig chip = io::find_config("edge");
  chip.trees = trees;
  return chip;
}

// The image's own count of a token's weights is made from its descriptors. Keys and values of a
// head are read once for all of its queries where there are activation columns for them; with one
// column keys once for each query, and values for each query and limb. The token reads its own too.
TEST(Token, StreamsWhatTheImageOfTheDemoModelStreams) {
  const io::Gguf gguf(TERN_DEMO_MODEL);
  const struct {
    const char* config;
    uint64_t key_reads, value_reads;
  } cases[] = {{"edge", 1, 1}, {"nano", 2, 4}};
  for (const auto& [name, key_reads, value_reads] : cases) {
    const spec::ChipConfig& chip = io::find_config(name);
    const io::Image image = io::Image::from_bytes(io::convert(gguf, chip), "demo");
    OfPreset demo(io::skeleton_of(image), chip);
    for (uint32_t context : {1u, 100u, 511u}) {
      const energy::Counts c = demo.counts(context);
      const uint64_t keys = spec::ceil_div(context + 1, chip.key_block) * chip.key_block * 64;
      const uint64_t values = spec::ceil_div(context + 1, chip.columns) * chip.columns * 64;
      EXPECT_EQ((c.plane.beats + c.value.beats) * chip.columns,
                image.stream_bytes(0) + 5 * 2 * (key_reads * keys + value_reads * values))
          << name << " context " << context;
    }
  }
}

// docs and README: weights, head, K and V of 30 layers in beats of 64 bytes.
TEST(Token, OfBitnet2b4tByHand) {
  const energy::Counts c = OfPreset("bitnet-2b4t", io::find_config("edge")).counts(512);
  const uint64_t layer = (512 + 512 / 4 * 2) * 40  // q 2560, k and v 640 rows each: stripes x tiles
                         + 512 * 40                // output
                         + 2 * 1383 * 40 + 512 * 108;  // gate, up, down
  EXPECT_EQ(c.plane.beats, 30 * layer);
  // 513 positions. K: 520 rows of whole blocks of 20, 2 tiles; V: 128 rows, 9 tiles; 5 KV heads.
  EXPECT_EQ(c.value.beats, 128256u * 40 + 30 * 5 * (520 * 2 + 128 * 9));
  // Four queries share keys, and their two limbs values.
  EXPECT_EQ(c.plane.column_beats, c.plane.beats);
  EXPECT_EQ(c.value.column_beats, 128256u * 40 + 30 * 5 * (520 * 2 * 4 + 128 * 9 * 8));
  EXPECT_EQ(c.sign.beats, 0u);
  EXPECT_EQ(c.scale_beats, 0u);
  EXPECT_EQ(c.tag, energy::Tag::kDerived);
}

// Blocks of 40 rows, which a tile of 64 columns has in five beats and five trees take in eight
// cycles; a beat of scales for every block and 128 columns.
TEST(Token, OfBonsai8bIsOfSignsWithScales) {
  const energy::Counts c = OfPreset("bonsai-8b", edge_with(5)).counts(256);
  const uint64_t narrow =
      2 * 103 + 2 * 26 + 2 * 308;  // q and output, k and v, gate and up: 64 tiles
  const uint64_t wide = 103;       // down: 192 tiles
  const uint64_t head = 3799;
  const uint64_t tiles = 36 * (64 * narrow + 192 * wide) + 64 * head;
  EXPECT_EQ(c.plane.beats, 0u);
  EXPECT_EQ(c.sign.beats, 8 * tiles);
  EXPECT_EQ(c.sign.column_beats, c.sign.beats);
  EXPECT_EQ(c.scale_beats, tiles / 2);
  // 257 positions. K: 260 rows of 2 tiles; V: 128 rows of 5 tiles; 8 KV heads.
  EXPECT_EQ(c.value.beats, 36u * 8 * (260 * 2 + 128 * 5));
  // The stream in memory, keys and values, and 2 int32 a position and KV head; gains and embedding
  // are the rest.
  const uint64_t matrices = 64 * (5 * tiles + tiles / 2 + c.value.beats) + 36 * 8 * 8 * 257;
  EXPECT_NEAR(static_cast<double>(c.dram.read_bytes), static_cast<double>(matrices), 2e6);

  EXPECT_EQ(OfPreset("bonsai-8b", edge_with(8)).counts(256).sign.beats, 5 * tiles);
}

TEST(Token, OfTernaryBonsai8bIsOfTritsWithScales) {
  const energy::Counts c = OfPreset("ternary-bonsai-8b", io::find_config("edge")).counts(256);
  EXPECT_EQ(c.sign.beats, 0u);
  // Stripes of five rows: 820 of 4096, 205 of 1024, 2458 of 12288, 30388 of the head.
  const uint64_t stripes = 2 * 820 + 2 * 205 + 2 * 2458;
  EXPECT_EQ(c.plane.beats, 36 * (64 * stripes + 192 * 820) + 64u * 30388);
}

/// Every cycle of the controller is one of work, of polls or of waits.
TEST(Token, HasTheControllersCycles) {
  OfPreset demo("demo", io::find_config("edge"));
  const Token token = demo.estimator.decode(100);
  const energy::Counts c = demo.estimator.counts(token);
  EXPECT_EQ(static_cast<double>(c.cycles), token.cycles);
  EXPECT_EQ(c.controller_cycles + c.controller_polls + c.controller_stalls, c.cycles);
  EXPECT_EQ(c.controller_polls, token.controller.controller_polls);
  EXPECT_DOUBLE_EQ(c.seconds, token.seconds);
}

void expect_parts_add_up(const Estimator& estimator, const Token& token, const std::string& what) {
  tlm::Activity activity = token.controller;
  double joules = token.other_joules;
  for (const Share& share : token.operations) {
    activity += share.activity;
    joules += share.joules;
  }
  EXPECT_EQ(named(activity), named(token.activity)) << what;
  EXPECT_NEAR(joules, token.energy.joules(), 1e-12 * joules) << what;
  // Every beat is one of a matrix, of its scales or of a load. Signs are counted in steps.
  const energy::Counts c = estimator.counts(token);
  const uint64_t trees = estimator.chip().chip.trees;
  EXPECT_EQ(c.plane.beats + c.value.beats + c.sign.beats * trees / 8 + c.scale_beats + c.load_beats,
            token.activity.fifo_beats)
      << what;
}

// Every layout of weights that a configuration takes, on five trees and on eight.
TEST(Token, IsTheSumOfItsPartsOnEveryConfiguration) {
  for (spec::ChipConfig chip : spec::kConfigs) {
    for (const uint32_t trees : {5u, 8u}) {
      if (trees == 8 && !chip.sign_weights) continue;
      chip.trees = trees;
      for (const char* name : {"demo", "tiny-bitnet", "tiny-qwen3", "tiny-signs", "tiny-groups"}) {
        const io::SynthPreset& preset = io::find_preset(name);
        if (preset.weights.group != spec::Group::kNone && !chip.group_scales) continue;
        OfPreset run(name, chip);
        const std::string what = fmt::format("{} on {} with {} trees", name, chip.name, trees);
        for (const uint32_t context : {0u, 3u, 100u}) {
          const Token token = run.estimator.decode(context);
          expect_parts_add_up(run.estimator, token, what);
          // The commands of one token, no more and no less.
          EXPECT_EQ(token.activity.commands, token.counters.commands) << what;
        }
        expect_parts_add_up(run.estimator, run.estimator.prefill(7, 13), what);
      }
    }
  }
}

TEST(Token, OfABatchIsTheSumOfItsParts) {
  OfPreset run("demo", io::find_config("edge"));
  const Token one = run.estimator.decode(100);
  for (const uint32_t sequences : {3u, 8u, 20u}) {
    const Token token = run.estimator.batch(one, sequences);
    double joules = token.other_joules;
    for (const Share& share : token.operations) joules += share.joules;
    EXPECT_NEAR(joules, token.energy.joules(), 1e-12 * joules);
    EXPECT_LT(joules, one.energy.joules());
  }
}

}  // namespace
}  // namespace tern::estimate
