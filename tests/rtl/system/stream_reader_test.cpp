// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <set>

#include "../engine/bits.hpp"
#include "Vstream_reader_narrow.h"
#include "Vstream_reader_wide.h"
#include "clocked.hpp"

namespace tern::test {
namespace {

struct Narrow {
  using Block = Vstream_reader_narrow;
  static constexpr uint32_t kColumns = 8, kFifoBeats = 32, kBurstBeats = 8;
};
struct Wide {
  using Block = Vstream_reader_wide;
  static constexpr uint32_t kColumns = 64, kFifoBeats = 64, kBurstBeats = 16;
};

/// Byte of the simulated memory: any function of the address that differs between neighbours and
/// pages.
uint8_t byte_at(uint64_t address) {
  return static_cast<uint8_t>((address * 0x9e3779b97f4a7c15u) >> 53);
}

struct Segment {
  uint64_t address;
  uint32_t beats;
};

struct Rates {
  double ar = 1, r = 1, beat = 1, segment = 1;
  uint32_t latency = 1;
};

template <typename Variant>
class StreamReader : public testing::Test {
 protected:
  static constexpr uint32_t kColumns = Variant::kColumns;
  static constexpr uint32_t kAddrBits = 40;

  struct Burst {
    uint64_t address;
    uint32_t beats;
    uint64_t ready;
  };

  StreamReader() {
    reader->stop_i = 0;
    reader->seg_valid_i = 0;
    reader->ar_ready_i = 0;
    reader->r_valid_i = 0;
    reader->beat_ready_i = 0;
  }

  /// One cycle: drives all sides, checks whatever the reader does against the segments that were
  /// given.
  void step(const Rates& rates) {
    if (!reader->seg_valid_i && !to_offer.empty() && dice.chance(rates.segment)) {
      reader->seg_valid_i = 1;
      reader->seg_addr_i = to_offer.front().address;
      reader->seg_beats_i = to_offer.front().beats;
    }
    reader->ar_ready_i = dice.chance(rates.ar);
    reader->beat_ready_i = dice.chance(rates.beat);
    if (!reader->r_valid_i && !bursts.empty() && bursts.front().ready <= reader.cycle() &&
        dice.chance(rates.r)) {
      uint8_t data[kColumns];
      for (uint32_t i = 0; i < kColumns; ++i) data[i] = byte_at(bursts.front().address + i);
      std::memcpy(&reader->r_data_i, data, kColumns);
      reader->r_valid_i = 1;
      reader->r_last_i = bursts.front().beats == 1;
      for (uint32_t i = 0; i < kColumns; ++i) {
        set_bit(reader->r_parity_i, i, std::popcount(data[i]) % 2 == 0);
      }
      // One bit of the data or of its parity is wrong, anywhere.
      if (flipped.contains(bursts.front().address)) {
        const auto at = static_cast<uint32_t>(dice.between(0, 9 * kColumns - 1));
        if (at < kColumns) {
          set_bit(reader->r_parity_i, at, !(get_word(reader->r_parity_i, at / 32) >> at % 32 & 1));
        } else {
          flip(at - kColumns);
        }
      }
      reader->r_resp_i = bad.contains(bursts.front().address) ? 2 : 0;
    }
    reader.settle();
    const bool seg_taken = reader->seg_valid_i && reader->seg_ready_o;
    const bool r_taken = reader->r_valid_i && reader->r_ready_o;
    errors += reader->error_o;
    parity_errors += reader->parity_error_o;
    if (reader->ar_valid_o && reader->ar_ready_i) check_request(rates);
    if (reader->beat_valid_o && reader->beat_ready_i) check_beat();
    refused = reader->r_valid_i && !r_taken ? refused + 1 : 0;
    ASSERT_LE(refused, 3) << "the reader asked for beats that it has no room for";
    if (r_taken) {
      bursts.front().address += kColumns;
      if (--bursts.front().beats == 0) bursts.pop_front();
    }
    if (seg_taken) {
      to_request.push_back(to_offer.front());
      to_deliver.push_back(to_offer.front());
      to_offer.pop_front();
    }
    reader.tick();
    if (seg_taken) reader->seg_valid_i = 0;
    if (r_taken) reader->r_valid_i = 0;
  }

  void flip(uint32_t bit) {
    const uint32_t word = get_word(reader->r_data_i, bit / 32);
    set_word(reader->r_data_i, bit / 32, word ^ 1u << bit % 32);
  }

  void check_request(const Rates& rates) {
    const uint64_t address = reader->ar_addr_o;
    const uint32_t beats = reader->ar_len_o + 1u;
    ASSERT_FALSE(to_request.empty()) << "a request without a segment";
    ASSERT_EQ(address, to_request.front().address);
    ASSERT_LE(beats, to_request.front().beats) << "a burst leaves its segment";
    ASSERT_LE(beats, Variant::kBurstBeats);
    ASSERT_EQ(address / 4096, (address + beats * kColumns - 1) / 4096) << "a burst crosses 4 KiB";
    to_request.front().address += beats * kColumns;
    to_request.front().beats -= beats;
    if (to_request.front().beats == 0) to_request.pop_front();
    bursts.push_back({address, beats, reader.cycle() + rates.latency});
    requested += beats;
    ASSERT_LE(requested - delivered, Variant::kFifoBeats) << "more requested than the FIFO holds";
  }

  void check_beat() {
    ASSERT_FALSE(to_deliver.empty()) << "a beat without a segment";
    Segment& segment = to_deliver.front();
    uint8_t data[kColumns], expected[kColumns];
    std::memcpy(data, &reader->beat_data_o, kColumns);
    for (uint32_t i = 0; i < kColumns; ++i) expected[i] = byte_at(segment.address + i);
    if (!flipped.contains(segment.address)) {
      ASSERT_EQ(std::memcmp(data, expected, kColumns), 0) << "address " << segment.address;
    }
    ASSERT_EQ(reader->beat_last_o, segment.beats == 1) << "address " << segment.address;
    segment.address += kColumns;
    if (--segment.beats == 0) to_deliver.pop_front();
    ++delivered;
  }

  bool finished() const { return to_offer.empty() && to_request.empty() && to_deliver.empty(); }

  void run(const Rates& rates, uint64_t limit) {
    for (uint64_t i = 0; i < limit && !finished() && !this->HasFatalFailure(); ++i) step(rates);
    ASSERT_TRUE(finished()) << "not all beats came within " << limit << " cycles";
  }

  /// Anywhere in the 40 bits of an address; every third one ends at, begins at or crosses a
  /// multiple of a power of two from 4 KiB to the last byte.
  Segment random_segment() {
    const auto beats =
        static_cast<uint32_t>(dice.chance(0.5) ? dice.between(1, 20) : dice.between(1, 300));
    constexpr uint64_t kAll = uint64_t{1} << kAddrBits;
    if (dice.between(0, 2) == 0) {
      const uint64_t line = uint64_t{1} << dice.between(12, kAddrBits);
      return crossing(dice.between(1, kAll / line) * line, beats,
                      static_cast<uint32_t>(dice.between(0, beats)));
    }
    return {dice.between(0, kAll / kColumns - beats) * kColumns, beats};
  }
  /// A segment with `before` of its beats before a line; it ends with the address range at the
  /// latest.
  static Segment crossing(uint64_t line, uint32_t beats, uint32_t before) {
    const uint64_t last = (uint64_t{1} << kAddrBits) - uint64_t{beats} * kColumns;
    return {std::min(line - uint64_t{before} * kColumns, last), beats};
  }

  Clocked<typename Variant::Block> reader;
  Dice dice{Variant::kColumns};
  std::deque<Segment> to_offer, to_request, to_deliver;
  std::deque<Burst> bursts;
  std::set<uint64_t> bad, flipped;
  uint64_t requested = 0, delivered = 0, errors = 0, parity_errors = 0;
  int refused = 0;
};
using Variants = testing::Types<Narrow, Wide>;
TYPED_TEST_SUITE(StreamReader, Variants);

TYPED_TEST(StreamReader, DeliversRandomSegmentsInOrder) {
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 12; ++i) this->to_offer.push_back(this->random_segment());
    const auto rate = [&] { return 0.1 * static_cast<double>(this->dice.between(2, 10)); };
    const Rates rates{rate(), rate(), rate(), rate(),
                      static_cast<uint32_t>(this->dice.between(1, 80))};
    this->run(rates, 200000);
    ASSERT_FALSE(this->HasFatalFailure());
  }
  EXPECT_EQ(this->errors, 0u);
  EXPECT_EQ(this->parity_errors, 0u);
}

/// A carry runs through every bit of the address, within a burst's page and from one to the next.
TYPED_TEST(StreamReader, GoesOnAcrossEveryLineOfTheAddressRange) {
  constexpr uint32_t kBits = TestFixture::kAddrBits;
  for (uint32_t bit = 12; bit <= kBits; ++bit) {
    const uint64_t line = uint64_t{1} << bit;
    for (const uint32_t before : {1u, 3u, 8u, 40u, 48u}) {
      this->to_offer.push_back(this->crossing(line, 48, before));
      // All higher bits are ones, and the carry runs to the last of them.
      const uint64_t ones = (uint64_t{1} << kBits) - line;
      if (ones != 0) this->to_offer.push_back(this->crossing(ones, 48, before));
    }
  }
  this->run({.r = 0.9, .latency = 5}, 100000);
}

TYPED_TEST(StreamReader, DeliversABeatInEveryCycleFromAFastMemory) {
  this->to_offer.push_back({4096 - 3 * TypeParam::kColumns, 2000});
  this->run({.latency = 10}, 2000 + 30);
}

/// A head of 128,256 rows is a segment of five million beats.
TYPED_TEST(StreamReader, CountsTheBeatsOfALongSegment) {
  constexpr uint32_t kBeats = (1 << 20) / (TypeParam::kColumns / 8) + 37;
  this->to_offer.push_back({uint64_t{1} << 33, kBeats});
  this->run({.latency = 10}, kBeats + 40);
}

TYPED_TEST(StreamReader, RequestsNoMoreThanItsFifoHoldsWhileNobodyTakes) {
  this->to_offer.push_back({0, 1000});
  for (int i = 0; i < 500; ++i) this->step({.beat = 0});
  EXPECT_EQ(this->requested, TypeParam::kFifoBeats);
  this->run({}, 2000);
}

TYPED_TEST(StreamReader, RunsAheadAcrossSegments) {
  for (uint64_t i = 0; i < 6; ++i) this->to_offer.push_back({i << 16, 5});
  for (int i = 0; i < 200; ++i) this->step({.beat = 0});
  EXPECT_EQ(this->requested, 30u);
}

TYPED_TEST(StreamReader, FlagsEveryBadResponseAndDeliversItsBeat) {
  for (int i = 0; i < 7; ++i) this->bad.insert((100 + 3 * i) * TypeParam::kColumns);
  this->to_offer.push_back({0, 200});
  this->run({.r = 0.7, .beat = 0.7}, 5000);
  EXPECT_EQ(this->errors, 7u);
  EXPECT_EQ(this->delivered, 200u);
}

TYPED_TEST(StreamReader, FlagsEveryBeatWithAWrongBit) {
  for (int i = 0; i < 400; i += 2) this->flipped.insert((100 + i) * TypeParam::kColumns);
  this->to_offer.push_back({0, 600});
  this->run({.r = 0.7, .beat = 0.7}, 5000);
  this->step({});
  EXPECT_EQ(this->parity_errors, 200u);
  EXPECT_EQ(this->errors, 0u);
  EXPECT_EQ(this->delivered, 600u);
}

TYPED_TEST(StreamReader, IgnoresTheParityOfBeatsThatItDrops) {
  for (uint64_t i = 0; i < 1000; ++i) this->flipped.insert(i * TypeParam::kColumns);
  this->to_offer.push_back({0, 1000});
  for (int i = 0; i < 20; ++i) this->step({.latency = 30});
  this->reader->stop_i = 1;
  for (int i = 0; i < 300; ++i) this->step({});
  EXPECT_EQ(this->reader->idle_o, 1);
  EXPECT_EQ(this->parity_errors, 0u);
}

TYPED_TEST(StreamReader, BecomesIdleWhenItIsStoppedInTheMiddle) {
  this->to_offer.push_back({0, 1000});
  for (int i = 0; i < 60; ++i) this->step({.beat = 0.5, .latency = 20});
  EXPECT_EQ(this->reader->idle_o, 0);
  this->reader->stop_i = 1;
  for (int i = 0; i < 300; ++i) this->step({.r = 0.5, .beat = 0, .latency = 20});
  EXPECT_TRUE(this->bursts.empty());
  EXPECT_EQ(this->reader->idle_o, 1);
  EXPECT_LT(this->requested, 1000u);
}

}  // namespace
}  // namespace tern::test
