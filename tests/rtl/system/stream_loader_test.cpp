// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "../engine/bits.hpp"
#include "Vloader_64x16.h"
#include "Vloader_64x8.h"
#include "Vloader_8x8.h"
#include "clocked.hpp"
#include "spec/generated/spec.hpp"

namespace tern::test {
namespace {

using spec::Format;
constexpr Format kFormats[] = {Format::kWord, Format::kHalf, Format::kTrit};

struct Nano {
  using Block = Vloader_8x8;
  static constexpr uint32_t kColumns = 8, kLanes = 8;
};
struct Edge {
  using Block = Vloader_64x16;
  static constexpr uint32_t kColumns = 64, kLanes = 16;
};
struct FewLanes {
  using Block = Vloader_64x8;
  static constexpr uint32_t kColumns = 64, kLanes = 8;
};

template <typename Variant>
class StreamLoader : public testing::Test {
 protected:
  static constexpr uint32_t kColumns = Variant::kColumns;
  static constexpr uint32_t kLanes = Variant::kLanes;

  StreamLoader() {
    loader->start_i = 0;
    loader->beat_valid_i = 0;
    loader->wr_ready_i = 0;
  }

  static constexpr uint32_t elements(Format format) {
    return format == Format::kTrit ? 5 * kColumns : kColumns / (format == Format::kHalf ? 2 : 4);
  }
  /// Elements of a write: as many as there are lanes, or as many codes as fit, a power of two.
  static constexpr uint32_t at_once(Format format) {
    if (format != Format::kTrit) return std::min(elements(format), kLanes);
    uint32_t codes = 1;
    while (10 * codes <= kLanes && 2 * codes <= kColumns / 2) codes *= 2;
    return 5 * codes;
  }

  /// One LOAD; returns the cycles from its start to its done pulse.
  uint64_t load(Format format, uint32_t beats, uint32_t count, uint32_t dst, double beat_rate,
                double write_rate) {
    std::vector<uint8_t> bytes(beats * kColumns);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(dice.between(0, 255));
    std::map<uint32_t, uint32_t> written, expected;
    uint32_t illegal = 0, illegal_expected = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (format == Format::kTrit) {
        uint32_t rest = bytes[i / 5] > 242 ? 121 : bytes[i / 5];
        illegal_expected += i % 5 == 0 && bytes[i / 5] > 242;
        for (uint32_t k = 0; k < i % 5; ++k) rest /= 3;
        expected[dst + i] = rest % 3 - 1;
        continue;
      }
      const bool half = format == Format::kHalf;
      const uint32_t low = half ? 2 * i : 4 * i;
      const uint32_t pair = bytes[low] | uint32_t{bytes[low + 1]} << 8;
      expected[dst + i] =
          half ? static_cast<uint32_t>(static_cast<int16_t>(pair))
               : pair | uint32_t{bytes[low + 2]} << 16 | uint32_t{bytes[low + 3]} << 24;
    }
    for (uint32_t i = 0; i < 8; ++i) set_word(loader->cmd_i, i, 0);
    set_word(loader->cmd_i, 0, 1 | static_cast<uint32_t>(format) << 8);
    set_word(loader->cmd_i, 4, count);
    set_word(loader->cmd_i, 5, dst);
    loader->start_i = 1;
    loader.settle();
    EXPECT_EQ(loader->idle_o, 1);
    loader.tick();
    loader->start_i = 0;
    const uint64_t start = loader.cycle();
    uint32_t given = 0;
    while (loader.cycle() - start < 100000) {
      if (!loader->beat_valid_i && given < beats && dice.chance(beat_rate)) {
        loader->beat_valid_i = 1;
        for (uint32_t i = 0; i < kColumns; ++i) {
          const uint32_t shift = 8 * (i % 4);
          const uint32_t word = get_word(loader->beat_data_i, i / 4);
          set_word(loader->beat_data_i, i / 4,
                   (word & ~(0xffu << shift)) | uint32_t{bytes[given * kColumns + i]} << shift);
        }
        loader->beat_last_i = given + 1 == beats;
      }
      loader->wr_ready_i = dice.chance(write_rate);
      loader.settle();
      if (loader->done_o) break;  // and not with the write of the same cycle
      if (loader->wr_valid_o && loader->wr_ready_i) {
        EXPECT_NE(get_word(loader->wr_mask_o, 0), 0u);
        for (uint32_t i = 0; i < kLanes; ++i) {
          if (!(loader->wr_mask_o >> i & 1)) continue;
          EXPECT_TRUE(written.emplace(loader->wr_addr_o + i, get_word(loader->wr_data_o, i)).second)
              << "word " << loader->wr_addr_o + i << " twice";
        }
      }
      illegal += loader->illegal_o;
      const bool taken = loader->beat_valid_i && loader->beat_ready_o;
      loader.tick();
      if (taken) {
        loader->beat_valid_i = 0;
        ++given;
      }
    }
    EXPECT_EQ(given, beats);
    EXPECT_EQ(written, expected);
    EXPECT_EQ(illegal, illegal_expected);
    const uint64_t cycles = loader.cycle() - start;
    loader.tick();
    EXPECT_EQ(loader->done_o, 0);
    return cycles;
  }

  Clocked<typename Variant::Block> loader;
  Dice dice{Variant::kColumns + Variant::kLanes};
};
using Variants = testing::Types<Nano, Edge, FewLanes>;
TYPED_TEST_SUITE(StreamLoader, Variants);

TYPED_TEST(StreamLoader, WritesTheCountedElementsOfRandomLoadsAndNoOthers) {
  for (int round = 0; round < 300; ++round) {
    const Format format = kFormats[this->dice.between(0, 2)];
    const auto beats = static_cast<uint32_t>(this->dice.between(1, 12));
    const uint32_t most = beats * this->elements(format);
    const auto count = static_cast<uint32_t>(this->dice.between(1, most));
    const auto dst = static_cast<uint32_t>(this->dice.between(0, 0xf0000));
    const double beat_rate = this->dice.between(0, 2) ? 1.0 : 0.3;
    const double write_rate = this->dice.between(0, 2) ? 1.0 : 0.3;
    this->load(format, beats, count, dst, beat_rate, write_rate);
    ASSERT_FALSE(this->HasFailure()) << "round " << round;
  }
}

TYPED_TEST(StreamLoader, WritesInEveryCycle) {
  for (const Format format : kFormats) {
    const uint32_t elements = this->elements(format);
    const uint32_t writes = elements / this->at_once(format);
    EXPECT_LE(this->load(format, 100, 100 * elements, 5, 1, 1), 100 * writes + 2);
    EXPECT_LE(this->load(format, 100, 1, 5, 1, 1), 100 + 2);  // the rest is dropped at full rate
  }
}

}  // namespace
}  // namespace tern::test
