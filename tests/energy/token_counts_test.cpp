// SPDX-License-Identifier: Apache-2.0
#include "token_counts.hpp"

#include <gtest/gtest.h>

#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/image.hpp"

namespace tern::energy {
namespace {

// The image's own count of a token's weights is made from its descriptors. Keys and values of a
// head are read once for all of its queries where there are activation columns for them; with one
// column keys once for each query, and values for each query and limb.
TEST(TokenCounts, StreamWhatTheImageOfTheDemoModelStreams) {
  const io::Gguf gguf(TERN_DEMO_MODEL);
  const struct {
    const char* config;
    uint64_t key_reads, value_reads;
  } cases[] = {{"edge", 1, 1}, {"nano", 2, 4}};
  for (const auto& [name, key_reads, value_reads] : cases) {
    const spec::ChipConfig& chip = io::find_config(name);
    const io::Image image = io::Image::from_bytes(io::convert(gguf, chip), "demo");
    for (uint32_t context : {1u, 100u, 512u}) {
      const Counts c = token_counts(io::find_preset("demo"), chip, context, load_dram("ddr4"), 1e9);
      const uint64_t keys = (context + chip.key_block - 1) / chip.key_block * chip.key_block * 64;
      const uint64_t values = (context + chip.columns - 1) / chip.columns * chip.columns * 64;
      EXPECT_EQ((c.plane.beats + c.value.beats) * chip.columns,
                image.stream_bytes(0) + 5 * 2 * (key_reads * keys + value_reads * values))
          << name << " context " << context;
    }
  }
}

// docs and README: weights, head, K and V of 30 layers in beats of 64 bytes.
TEST(TokenCounts, Bitnet2b4tByHand) {
  const spec::ChipConfig& chip = io::find_config("edge");
  const Counts c =
      token_counts(io::find_preset("bitnet-2b4t"), chip, 512, load_dram("ddr4"), 300e6);
  const uint64_t layer = (512 + 512 / 4 * 2) * 40  // q 2560, k and v 640 rows each: stripes x tiles
                         + 512 * 40                // output
                         + 2 * 1383 * 40 + 512 * 108;  // gate, up, down
  EXPECT_EQ(c.plane.beats, 30 * layer);
  // K: 520 rows of whole blocks of 20, 2 tiles; V: 128 rows, 8 tiles; 5 KV heads.
  EXPECT_EQ(c.value.beats, 128256u * 40 + 30 * 5 * (520 * 2 + 128 * 8));
  EXPECT_EQ(c.plane.column_beats, c.plane.beats);
  EXPECT_EQ(c.value.column_beats, 128256u * 40 + 30 * 5 * (520 * 2 * 4 + 128 * 8 * 8));
  EXPECT_EQ(c.tag, Tag::kDerived);
}

// Blocks of 40 rows, which a tile of 64 columns has in five beats and five trees take in eight
// cycles; a beat of scales for every block and 128 columns.
TEST(TokenCounts, Bonsai8bIsOfSignsWithScales) {
  const Counts c = token_counts(io::find_preset("bonsai-8b"), io::find_config("edge"), 256,
                                load_dram("ddr4"), 300e6);
  const uint64_t narrow =
      2 * 103 + 2 * 26 + 2 * 308;  // q and output, k and v, gate and up: 64 tiles
  const uint64_t wide = 103;       // down: 192 tiles
  const uint64_t head = 3799;
  const uint64_t tiles = 36 * (64 * narrow + 192 * wide) + 64 * head;
  EXPECT_EQ(c.plane.beats, 0u);
  EXPECT_EQ(c.sign.beats, 8 * tiles);
  EXPECT_EQ(c.scale_beats, tiles / 2);
  // K: 260 tokens of 2 tiles; V: 128 rows of 4 tiles; 8 KV heads.
  EXPECT_EQ(c.value.beats, 36u * 8 * (260 * 2 + 128 * 4));
  // The stream in memory, keys and values, and 2 int32 a position and KV head; gains and embedding
  // are the rest.
  const uint64_t matrices = 64 * (5 * tiles + tiles / 2 + c.value.beats) + 36 * 8 * 8 * 256;
  EXPECT_NEAR(static_cast<double>(c.dram.read_bytes), static_cast<double>(matrices), 2e6);

  spec::ChipConfig eight = io::find_config("edge");
  eight.trees = 8;
  EXPECT_EQ(
      token_counts(io::find_preset("bonsai-8b"), eight, 256, load_dram("ddr4"), 300e6).sign.beats,
      5 * tiles);
}

TEST(TokenCounts, TernaryBonsai8bIsOfTritsWithScales) {
  const Counts c = token_counts(io::find_preset("ternary-bonsai-8b"), io::find_config("edge"), 256,
                                load_dram("ddr4"), 300e6);
  EXPECT_EQ(c.sign.beats, 0u);
  // Stripes of five rows: 820 of 4096, 205 of 1024, 2458 of 12288, 30388 of the head.
  const uint64_t stripes = 2 * 820 + 2 * 205 + 2 * 2458;
  EXPECT_EQ(c.plane.beats, 36 * (64 * stripes + 192 * 820) + 64u * 30388);
}

// What the performance model counts for this token: `tern perf --preset bitnet-2b4t --context 512
// --tokens 4 --activity`, docs/energy.md.
TEST(TokenCounts, TheControllerWorksAsLongAsThePerformanceModelSays) {
  const Counts c = token_counts(io::find_preset("bitnet-2b4t"), io::find_config("edge"), 512,
                                load_dram("ddr4"), 300e6);
  EXPECT_NEAR(static_cast<double>(c.controller_cycles), 92'048, 100);
  const auto rest = static_cast<double>(c.cycles - c.controller_cycles);
  EXPECT_NEAR(static_cast<double>(c.controller_polls) / rest, 0.189, 0.001);
  EXPECT_NEAR(static_cast<double>(c.controller_stalls) / rest, 0.811, 0.001);
}

TEST(TokenCounts, TimeIsThatOfTheSlowerOfChipAndMemory) {
  const spec::ChipConfig& chip = io::find_config("edge");
  const Dram ddr4 = load_dram("ddr4");
  const auto at = [&](double hz) {
    return token_counts(io::find_preset("bitnet-2b4t"), chip, 512, ddr4, hz);
  };
  const Counts slow = at(100e6), fast = at(2e9);
  EXPECT_NEAR(slow.seconds * 100e6,
              static_cast<double>(slow.plane.beats + slow.value.beats + slow.load_beats), 1);
  const double rate =
      static_cast<double>(fast.dram.read_bytes + fast.dram.written_bytes) / fast.seconds;
  EXPECT_NEAR(rate, ddr4.channel_bytes_per_second * (1 - 420.0 / 9360), 1e3);
}

}  // namespace
}  // namespace tern::energy
