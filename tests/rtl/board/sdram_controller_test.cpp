// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "Vsdram_100.h"
#include "Vsdram_133.h"
#include "sdram_bench.hpp"

namespace tern::test {
namespace {

struct At100 {
  using Bench = SdramBench<Vsdram_100, 0>;
  static constexpr SdramTiming kTiming = kMicron75At100;
  /// Clocks from the last word to the first one behind a refresh: tWR, tRP, tRFC, tRCD, and one.
  static constexpr uint64_t kRefreshGap = 2 + 2 + 7 + 2 + 1;
};
struct At133 {
  using Bench = SdramBench<Vsdram_133, 1>;
  static constexpr SdramTiming kTiming = kMicron75At133;
  static constexpr uint64_t kRefreshGap = 2 + 3 + 9 + 3 + 1;
};
constexpr uint64_t kBytes = At100::Bench::kBytes;

/// Random accesses: most of them where rows of one bank or neighbouring rows meet.
AxiAccess random_access(Dice& dice) {
  AxiAccess access;
  access.write = dice.chance(0.5);
  const uint64_t row_bytes = 1024;
  switch (dice.between(0, 3)) {
    case 0:
      access.address = dice.between(0, kBytes - 1);
      break;
    case 1:
      access.address = dice.between(0, 16 * row_bytes - 1);
      break;
    case 2:  // one bank, some rows
      access.address = dice.between(0, 7) * 4 * row_bytes + dice.between(0, row_bytes - 1);
      break;
    default:  // around the ends of rows
      access.address = dice.between(1, 64) * row_bytes - dice.between(1, 64);
  }
  if (dice.chance(0.005))
    access.address += kBytes * dice.between(1, (uint64_t{1} << 40) / kBytes - 1);
  access.address &= ~uint64_t{7};
  access.beats = dice.chance(0.5) ? 1 : static_cast<uint32_t>(dice.between(1, 16));
  const uint64_t to_end = (4096 - access.address % 4096) / 8;
  if (access.beats > to_end) access.beats = static_cast<uint32_t>(to_end);
  if (!access.write) return access;
  const bool all = dice.chance(0.5);
  const bool damaged = dice.chance(0.01);
  for (uint32_t i = 0; i < access.beats; ++i) {
    access.data.push_back(dice.between(0, ~uint64_t{0}));
    access.strobes.push_back(all ? 0xff : static_cast<uint8_t>(dice.between(0, 255)));
    if (damaged) access.bad_parity.push_back(static_cast<uint8_t>(dice.between(0, 255)));
  }
  access.early_last = access.beats > 1 && dice.chance(0.002);
  return access;
}

AxiRates random_rates(Dice& dice) {
  const auto rate = [&] {
    return dice.chance(0.4) ? 1.0 : 0.05 * static_cast<double>(dice.between(1, 20));
  };
  return {dice.chance(0.1) ? 0.003 : rate(), rate(), rate(), rate()};
}

template <typename Bench>
void run_random(Bench& bench, uint64_t accesses) {
  AxiRates rates;
  AxiAccess next = random_access(bench.dice);
  uint64_t added = 0, cycles = 0, quiet = 0;
  while (added < accesses) {
    if (added % 2000 == 0) rates = random_rates(bench.dice);
    const uint64_t before = added;
    while (added < accesses && bench.room(next.write) && !bench.conflicts(next)) {
      bench.add(next);
      next = random_access(bench.dice);
      ++added;
    }
    bench.step(rates);
    ++cycles;
    quiet = added == before ? quiet + 1 : 0;
    ASSERT_FALSE(testing::Test::HasFatalFailure()) << "access " << added;
    ASSERT_LT(quiet, 100000u) << "nothing moves";
  }
  bench.run({}, 100000);
}

uint64_t accesses_to_do(uint64_t normally) {
  const char* text = std::getenv("TERN_SDRAM_ACCESSES");
  return text ? std::strtoull(text, nullptr, 10) : normally;
}

template <typename Variant>
class SdramController : public testing::Test {
 protected:
  typename Variant::Bench bench{Variant::kTiming, 7};
};
using Variants = testing::Types<At100, At133>;
TYPED_TEST_SUITE(SdramController, Variants);

TYPED_TEST(SdramController, DoesRandomAccessesWithoutATimingViolation) {
  const uint64_t accesses = accesses_to_do(30000);
  run_random(this->bench, accesses);
  ASSERT_FALSE(this->HasFatalFailure());
  EXPECT_EQ(this->bench.chip.violations(), 0u) << this->bench.messages();
  EXPECT_EQ(this->bench.read_bursts + this->bench.written_bursts, accesses);
  EXPECT_GT(this->bench.chip.activates(), accesses / 4);
  this->bench.check_memory();
  this->RecordProperty("cycles", std::to_string(this->bench.chip.edges()));
  this->RecordProperty("refreshes", std::to_string(this->bench.chip.refreshes()));
}

/// Bursts that follow each other without a gap but for refreshes; gives the share of the cycles in
/// which the data bus is in use.
template <typename Variant>
double stream(typename Variant::Bench& bench, bool write, uint32_t beats,
              uint64_t (*address)(uint64_t)) {
  while (bench.chip.refreshes() < 9) bench.step({});  // initialised
  const uint64_t edges = bench.chip.edges(), data = bench.data_cycles;
  const uint64_t refreshes = bench.chip.refreshes();
  const uint32_t bursts = 64000 / beats;
  for (uint32_t i = 0; i < bursts; ++i) {
    AxiAccess access{.write = write, .address = address(i), .beats = beats};
    if (write) {
      access.data.assign(beats, 0x0123456789abcdef * (i + 1));
      access.strobes.assign(beats, 0xff);
    }
    while (!bench.room(write)) bench.step({});
    bench.add(access);
  }
  bench.run({}, 10000);
  const uint64_t cycles = bench.chip.edges() - edges, used = bench.data_cycles - data;
  EXPECT_EQ(used, 256000u);
  EXPECT_LE(cycles - used, Variant::kRefreshGap * (bench.chip.refreshes() - refreshes) + 40);
  EXPECT_EQ(bench.chip.violations(), 0u) << bench.messages();
  return static_cast<double>(used) / static_cast<double>(cycles);
}

TYPED_TEST(SdramController, MovesSequentialBurstsAtNinetyPercentOfTheBus) {
  for (const bool write : {false, true}) {
    const double share =
        stream<TypeParam>(this->bench, write, 16, [](uint64_t i) { return i * 128; });
    EXPECT_GE(share, 0.90);
    EXPECT_LE(share, 1.0);
    this->RecordProperty(write ? "write_share" : "read_share", std::to_string(share));
  }
  this->bench.check_memory();
}

TYPED_TEST(SdramController, OpensTheRowOfTheNextBankBehindTheBurstUnderWay) {
  // Each burst of four beats in another row of the next bank.
  for (const bool write : {false, true}) {
    stream<TypeParam>(this->bench, write, 4,
                      [](uint64_t i) { return i % 8192 * 4096 + i % 4 * 1024 + i / 8192 * 32; });
  }
  this->bench.check_memory();
}

TYPED_TEST(SdramController, TakesBurstsLongerThanItsBuffers) {
  auto& bench = this->bench;
  for (uint32_t i = 0; i < 60; ++i) {
    AxiAccess access{.write = i % 2 == 0,
                     .address = uint64_t{i} * 4096 + 8 * bench.dice.between(0, 256),
                     .beats = static_cast<uint32_t>(bench.dice.between(33, 256))};
    for (uint32_t k = 0; access.write && k < access.beats; ++k) {
      access.data.push_back(bench.dice.between(0, ~uint64_t{0}));
      access.strobes.push_back(0xff);
    }
    for (int cycle = 0; !bench.room(access.write) && cycle < 50000; ++cycle) {
      bench.step({.w = 0.7, .r = 0.7});
    }
    bench.add(access);
  }
  bench.run({.w = 0.7, .r = 0.7}, 100000);
  EXPECT_EQ(bench.read_bursts, 30u);
  EXPECT_EQ(bench.written_bursts, 30u);
  EXPECT_EQ(bench.chip.violations(), 0u) << bench.messages();
  bench.check_memory();
}

TYPED_TEST(SdramController, RefreshesAnIdleChip) {
  for (int i = 0; i < 200000; ++i) this->bench.step({});
  const double time = (200000 - 20000) * TypeParam::kTiming.clock;
  EXPECT_GE(static_cast<double>(this->bench.chip.refreshes()), time / 7812.5);
  EXPECT_EQ(this->bench.chip.violations(), 0u) << this->bench.messages();
}

TYPED_TEST(SdramController, ReadsWhileAWriterKeepsItsData) {
  AxiAccess write{.write = true, .address = 0, .beats = 2};
  write.data = {1, 2};
  write.strobes = {0xff, 0x0f};
  this->bench.add(write);
  for (uint32_t i = 0; i < 100; ++i) {
    this->bench.add({.address = 4096 + 128 * i, .beats = 16});
    for (int cycle = 0; cycle < 200; ++cycle) this->bench.step({.w = 0});
  }
  EXPECT_GT(this->bench.read_bursts, 20u);
  EXPECT_EQ(this->bench.written_bursts, 0u);
  this->bench.run({}, 50000);
  EXPECT_EQ(this->bench.written_bursts, 1u);
  EXPECT_EQ(this->bench.chip.violations(), 0u) << this->bench.messages();
  this->bench.check_memory();
}

TYPED_TEST(SdramController, AnswersWithTheCauseOfAFailure) {
  const auto write = [](uint64_t address, std::vector<uint8_t> bad_parity, bool early_last) {
    return AxiAccess{.write = true,
                     .address = address,
                     .beats = 3,
                     .data = {11, 22, 33},
                     .strobes = {0xff, 0xf0, 0x01},
                     .bad_parity = std::move(bad_parity),
                     .early_last = early_last};
  };
  this->bench.keep_responses = true;
  this->bench.add(write(0, {}, false));
  this->bench.add(write(64, {0, 0x0f, 0}, false));  // wrong where nothing is written
  this->bench.add(write(128, {0, 0x10, 0}, false));
  this->bench.add(write(256, {}, true));
  this->bench.add(write(kBytes, {}, false));  // just outside
  this->bench.add(write(kBytes - 24, {}, false));
  this->bench.add({.address = kBytes * 1000, .beats = 5});
  this->bench.run({}, 50000);
  EXPECT_EQ(this->bench.responses, (std::vector<uint32_t>{0, 0, 2, 2, 3, 0}));
  this->bench.check_memory();
}

/// A chip that is slower than what the controller was set for by a clock or so: each limit is
/// reached somewhere in the random accesses, and the checker sees it.
struct SlowChip {
  const char* name;
  void (*slow_down)(SdramTiming&);
  SdramRule rule;
};
class SdramTooFast : public testing::TestWithParam<SlowChip> {};

TEST_P(SdramTooFast, IsCaught) {
  SdramTiming timing = kMicron75At100;
  GetParam().slow_down(timing);
  At100::Bench bench(timing, 3);
  run_random(bench, 15000);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_GT(bench.chip.violations(GetParam().rule), 0u);
  EXPECT_EQ(bench.chip.violations(GetParam().rule), bench.chip.violations()) << bench.messages();
}

INSTANTIATE_TEST_SUITE_P(
    Limits, SdramTooFast,
    testing::Values(SlowChip{"tRCD", [](SdramTiming& t) { t.rcd += 10; }, SdramRule::kRcd},
                    SlowChip{"tRP", [](SdramTiming& t) { t.rp += 10; }, SdramRule::kRp},
                    SlowChip{"tRAS", [](SdramTiming& t) { t.ras += 10; }, SdramRule::kRas},
                    SlowChip{"tRC", [](SdramTiming& t) { t.rc += 10; }, SdramRule::kRc},
                    SlowChip{"tRFC", [](SdramTiming& t) { t.rfc += 10; }, SdramRule::kRfc},
                    SlowChip{"tRRD", [](SdramTiming& t) { t.rrd += 10; }, SdramRule::kRrd},
                    SlowChip{"tWR", [](SdramTiming& t) { t.wr += 10; }, SdramRule::kWr},
                    SlowChip{"tMRD", [](SdramTiming& t) { t.mrd += 1; }, SdramRule::kMrd},
                    SlowChip{"refresh", [](SdramTiming& t) { t.refi -= 100; }, SdramRule::kRefresh},
                    SlowChip{"power_up", [](SdramTiming& t) { t.power_up += 100; },
                             SdramRule::kInit}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tern::test
