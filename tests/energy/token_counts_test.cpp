#include "token_counts.hpp"

#include <gtest/gtest.h>

#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/image.hpp"

namespace tern::energy {
namespace {

// The image's own count of a token's bytes is made from its descriptors.
TEST(TokenCounts, StreamWhatTheImageOfTheDemoModelStreams) {
  const io::Gguf gguf(TERN_DEMO_MODEL);
  for (const char* name : {"edge", "nano"}) {
    const spec::ChipConfig& chip = io::find_config(name);
    const io::Image image = io::Image::from_bytes(io::convert(gguf, chip), "demo");
    for (uint32_t context : {1u, 100u, 512u}) {
      // With M = 1 the cache of a KV head is read for each query head and V for each limb.
      if (chip.act_columns == 1) continue;
      const Counts c =
          token_counts(io::find_preset("demo"), chip, context, load_dram("ddr4"), 1e9);
      EXPECT_EQ((c.plane.beats + c.value.beats) * chip.columns, image.stream_bytes(context))
          << name << " context " << context;
    }
  }
}

// docs and README: weights, head, K and V of 30 layers in beats of 64 bytes.
TEST(TokenCounts, Bitnet2b4tByHand) {
  const spec::ChipConfig& chip = io::find_config("edge");
  const Counts c =
      token_counts(io::find_preset("bitnet-2b4t"), chip, 512, load_dram("ddr4"), 300e6);
  const uint64_t layer = (512 + 512 / 4 * 2) * 40     // q 2560, k and v 640 rows each: stripes x tiles
                         + 512 * 40                   // output
                         + 2 * 1383 * 40 + 512 * 108;  // gate, up, down
  EXPECT_EQ(c.plane.beats, 30 * layer);
  // K: 520 rows of whole blocks of 20, 2 tiles; V: 128 rows, 8 tiles; 5 KV heads.
  EXPECT_EQ(c.value.beats, 128256u * 40 + 30 * 5 * (520 * 2 + 128 * 8));
  EXPECT_EQ(c.plane.column_beats, c.plane.beats);
  EXPECT_EQ(c.value.column_beats, 128256u * 40 + 30 * 5 * (520 * 2 * 4 + 128 * 8 * 8));
  EXPECT_EQ(c.tag, Tag::kDerived);
}

TEST(TokenCounts, TheControllerWorksOrWaitsInEveryCycle) {
  const spec::ChipConfig& chip = io::find_config("edge");
  const Counts c =
      token_counts(io::find_preset("bitnet-2b4t"), chip, 512, load_dram("ddr4"), 300e6);
  EXPECT_GT(c.controller_cycles, 30u * 1000);
  EXPECT_LT(c.controller_cycles, c.cycles / 50);
  EXPECT_GT(c.controller_stalls, c.controller_polls);
  EXPECT_EQ(c.controller_cycles + c.controller_polls + c.controller_stalls, c.cycles);
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
