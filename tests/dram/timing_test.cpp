// SPDX-License-Identifier: Apache-2.0
// The scheduler under its checker, and its accounts.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "checked.hpp"
#include "io/error.hpp"

namespace tern::dram::test {
namespace {

void expect_accounts(CheckedMemory& checked) {
  Memory& memory = checked.memory;
  const Timing& t = memory.config().timing;
  for (uint32_t i = 0; i < memory.channels(); ++i) {
    const Counters c = memory.counters(i);
    EXPECT_EQ(c.data_busy + c.idle(), c.cycles);
    EXPECT_EQ(c.data_busy, (c.reads + c.writes) * static_cast<uint64_t>(t.burst));
    EXPECT_EQ(c.row_hits + c.row_misses + c.row_conflicts, c.reads + c.writes);
    EXPECT_EQ(c.active_standby + c.precharge_standby,
              static_cast<uint64_t>(memory.now()) * memory.config().geometry.ranks);
    EXPECT_GE(c.activates, c.precharges);
    EXPECT_LE(c.activates - c.precharges,
              memory.config().geometry.ranks * memory.config().geometry.banks());
  }
}

class Patterns : public testing::TestWithParam<Pattern> {};

TEST_P(Patterns, KeepEveryTimingOfABusyMemory) {
  for (const char* mapping : {"row-bank-column-rank-bankgroup", "row-column-bank-bankgroup-rank",
                              "row-rank-bank-bankgroup-column"}) {
    SCOPED_TRACE(mapping);
    for (const bool banks : {false, true}) {
      Config config = busy_config();
      config.mapping = mapping;
      config.controller.refresh_banks = banks;
      CheckedMemory checked(config);
      PatternSource source(GetParam(), config, 11);
      saturate(checked.memory, source, 20'000);
      run_bursty(checked.memory, 5'000, 12);
      checked.memory.drain();
      checked.expect_clean();
      expect_accounts(checked);
      const Counters c = checked.memory.counters();
      EXPECT_EQ(c.refreshes == 0, banks);
      EXPECT_EQ(c.bank_refreshes != 0, banks);
    }
  }
}

TEST_P(Patterns, KeepEveryTimingOfThePresets) {
  for (const std::string& name : preset_names()) {
    SCOPED_TRACE(name);
    Config config = find_preset(name);
    // Both ways of refreshing, each with some of the patterns.
    if (GetParam() == Pattern::kRandomMixed)
      config.controller.refresh_banks =
          !config.controller.refresh_banks && config.timing.rfc_pb != 0;
    CheckedMemory checked(config);
    PatternSource source(GetParam(), checked.memory.config(), 21);
    saturate(checked.memory, source, 20'000);
    checked.memory.drain();
    checked.expect_clean();
    expect_accounts(checked);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Patterns, testing::ValuesIn(kPatterns),
                         [](const testing::TestParamInfo<Pattern>& info) {
                           std::string name = name_of(info.param);
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

TEST(Memory, AnswersEveryReadOnceAndNotBeforeItCan) {
  CheckedMemory checked(busy_config());
  Memory& memory = checked.memory;
  const Timing& t = memory.config().timing;
  std::map<uint64_t, Cycle> pushed;
  std::map<uint64_t, Cycle> done;
  PatternSource source(Pattern::kRandomMixed, memory.config(), 4);
  const auto collect = [&] {
    for (const Completion& c : memory.completions()) {
      EXPECT_TRUE(done.emplace(c.id, c.done).second) << c.id << " came twice";
    }
    memory.completions().clear();
  };
  for (uint64_t i = 0; i < 10'000; ++i) {
    const PatternSource::Request r = source.next();
    while (!memory.accepts(r.address, r.write)) memory.advance(memory.next() + 1);
    if (r.write) {
      memory.push_write(r.address);
    } else {
      memory.push_read(i, r.address);
      pushed[i] = memory.now();
    }
    collect();
  }
  memory.drain();
  collect();
  ASSERT_EQ(done.size(), pushed.size());
  const Counters c = memory.counters();
  EXPECT_EQ(c.reads + c.forwarded, pushed.size());
  EXPECT_GT(c.forwarded, 0u) << "a memory this small is hit while a write waits";
  uint64_t quick = 0;
  for (const auto& [id, at] : done) {
    const Cycle latency = at - pushed[id];
    EXPECT_GT(latency, 0);
    quick += latency < t.cl + t.burst;
  }
  EXPECT_LE(quick, c.forwarded);
  checked.expect_clean();
}

TEST(Memory, LatencyOfASingleReadIsTheSumOfItsSteps) {
  Config config = busy_config();
  config.timing.refi = 0;
  const Timing& t = config.timing;
  Memory memory(config);
  memory.advance(50);
  memory.push_read(1, 0);
  memory.drain();
  EXPECT_EQ(memory.completions().at(0).done, 50 + t.rcd + t.cl + t.burst);
  // The same row again, and then another row of the bank.
  memory.completions().clear();
  memory.advance(500);
  memory.push_read(2, 0);
  memory.drain();
  EXPECT_EQ(memory.completions().at(0).done, 500 + t.cl + t.burst);
  memory.completions().clear();
  memory.advance(1000);
  const uint64_t row_bytes = config.geometry.channel_bytes() / config.geometry.rows;
  memory.push_read(3, row_bytes);
  memory.drain();
  EXPECT_EQ(memory.completions().at(0).done, 1000 + t.rp + t.rcd + t.cl + t.burst);
  const Counters c = memory.counters();
  EXPECT_EQ(c.row_misses, 1u);
  EXPECT_EQ(c.row_hits, 1u);
  EXPECT_EQ(c.row_conflicts, 1u);
}

TEST(Memory, OfWhatIsPossibleAtOnceDataComesFirstAndThenTheOlderRequest) {
  Config config = busy_config();
  config.timing.refi = 0;
  const Timing& t = config.timing;
  Memory memory(config);
  constexpr uint64_t kOther = 64;    // the other bank group
  constexpr uint64_t kThird = 2048;  // another bank of the first group
  const auto run = [&](std::initializer_list<uint64_t> addresses) {
    memory.advance(memory.now() + 500);
    memory.completions().clear();
    const Cycle start = memory.now();
    uint64_t id = 0;
    for (const uint64_t address : addresses) memory.push_read(id++, address);
    memory.drain();
    std::vector<std::pair<uint64_t, Cycle>> done;
    for (const Completion& c : memory.completions()) done.emplace_back(c.id, c.done - start);
    return done;
  };
  run({0, kOther});  // opens both rows
  const Cycle first = t.cl + t.burst;
  using Done = std::vector<std::pair<uint64_t, Cycle>>;
  EXPECT_EQ(run({kOther, 0}), (Done{{0, first}, {1, first + t.ccd_s}}));
  EXPECT_EQ(run({0, kOther}), (Done{{0, first}, {1, first + t.ccd_s}}));
  // The older one needs ACT, which is possible at once too.
  EXPECT_EQ(run({kThird, kOther}), (Done{{1, first}, {0, 1 + t.rcd + first}}));
}

TEST(Memory, ServesRowHitsBeforeOlderRequestsAndNothingStarves) {
  Config config = busy_config();
  config.timing.refi = 0;
  config.controller.starve = 300;
  Memory memory(config);
  const uint64_t row_bytes = config.geometry.channel_bytes() / config.geometry.rows;
  memory.push_read(1, 0);
  memory.push_read(2, row_bytes);
  memory.push_read(3, 0);
  memory.drain();
  std::vector<uint64_t> order;
  for (const Completion& c : memory.completions()) order.push_back(c.id);
  EXPECT_EQ(order, (std::vector<uint64_t>{1, 3, 2}));

  // Hits without end, and one request for another row.
  memory.completions().clear();
  const Cycle start = memory.now();
  memory.push_read(1'000'000, 2 * row_bytes);
  for (uint64_t i = 0; i < 2000; ++i) {
    while (!memory.accepts(row_bytes, false)) memory.advance(memory.next() + 1);
    memory.push_read(i, row_bytes);
  }
  memory.drain();
  Cycle other = 0;
  for (const Completion& c : memory.completions()) {
    if (c.id == 1'000'000) other = c.done - start;
  }
  EXPECT_GT(other, 300);
  EXPECT_LT(other, 500);
}

TEST(Memory, RefreshAloneCostsWhatTheTimingSays) {
  Config config = busy_config();
  config.controller.refresh_ahead = 0;
  Memory memory(config);
  memory.advance(Cycle{config.timing.refi} * 100);
  const Counters c = memory.counters();
  EXPECT_EQ(c.refreshes, 2u * 100 - 1) << "two ranks, staggered; the last one is due now";
  EXPECT_EQ(c.idle_no_request, c.cycles);
  EXPECT_EQ(c.active_standby, 0u);
}

TEST(Memory, RefreshesAheadWhileNothingIsAskedFor) {
  Config config = busy_config();
  CheckedMemory checked(config);
  Memory& memory = checked.memory;
  memory.advance(config.timing.refi - 100);
  const Counters before = memory.counters();
  EXPECT_EQ(before.refreshes, 2u * 8 + 1) << "eight each, and one was due in the first rank";
  // What was done ahead need not be done later: a stream meets none.
  PatternSource source(Pattern::kSequentialReads, config);
  while (memory.now() < 6 * config.timing.refi) saturate(memory, source, 100);
  EXPECT_EQ(memory.counters().refreshes, before.refreshes);
  EXPECT_EQ(memory.counters().idle_refresh, 0u);
  checked.expect_clean();
}

TEST(Memory, TimeWithoutRequestsIsNobodysFault) {
  // Single reads and writes of one row, a long time apart.
  Config config = busy_config();
  config.timing.refi = 0;
  Memory memory(config);
  for (int i = 0; i < 200; ++i) {
    memory.advance(memory.now() + 500);
    i % 3 == 0 ? memory.push_read(0, 0) : memory.push_write(0);
  }
  memory.drain();
  const Counters c = memory.counters();
  EXPECT_EQ(c.idle_other + c.idle_refresh + c.idle_turnaround + c.idle_bank_group, 0u);
  EXPECT_EQ(c.idle_row, static_cast<uint64_t>(config.timing.rcd)) << "the first one opens it";
  EXPECT_EQ(c.data_busy + c.idle_row + c.idle_no_request, c.cycles);
}

TEST(Memory, AnImpossibleConfigurationIsRefused) {
  const auto message = [](auto change) {
    Config config = busy_config();
    change(config);
    try {
      Memory memory(config);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto expect = [&](auto change, const char* part) {
    EXPECT_NE(message(change).find(part), std::string::npos) << message(change);
  };
  expect([](Config& c) { c.geometry.rows = 100; }, "rows is 100");
  expect(
      [](Config& c) {
        c.geometry.banks_per_group = 16;
        c.geometry.ranks = 4;
      },
      "128 banks");
  expect([](Config& c) { c.timing.rcd = -1; }, "tRCD is -1");
  expect([](Config& c) { c.timing.rtw = 5; }, "tRTW");
  expect([](Config& c) { c.timing.rfc = 1490; }, "tRFC");
  expect(
      [](Config& c) {
        c.controller.refresh_banks = true;
        c.timing.rfc_pb = 0;
      },
      "tRFCpb");
  expect(
      [](Config& c) {
        c.controller.refresh_banks = true;
        c.timing.rfc_pb = 400;
      },
      "4 banks");
  expect([](Config& c) { c.controller.write_low = 24; }, "write_low");
  expect([](Config& c) { c.controller.read_queue = 0; }, "queues");
  expect([](Config& c) { c.mapping = "row-bank-rank-bankgroup"; }, "leaves out 3 bits of column");
  expect([](Config& c) { c.mapping = "row-row-column"; }, "twice");
  expect([](Config& c) { c.mapping = "row-bank-lane"; }, "\"lane\"");
  expect([](Config& c) { c.mapping = "row-column:x-bank"; }, "number of bits");
  expect([](Config& c) { c.mapping = "row-column:9-bank"; }, "more than there are");
}

TEST(AddressMap, PutsFieldsWhereTheOrderSays) {
  Config config = busy_config();  // 2 ranks, 2 groups, 2 banks, 64 rows, 8 bursts a row, 64 bytes
  const AddressMap map(config.geometry, "row-rank-bank-column-bankgroup-column:1", "test");
  const auto at = [&](uint64_t burst) { return map.locate(burst * 64 + 17); };
  EXPECT_EQ(at(1).column, 1u);
  EXPECT_EQ(at(2).bank, 2u);  // the second group
  EXPECT_EQ(at(4).column, 2u);
  EXPECT_EQ(at(16).bank, 1u);
  EXPECT_EQ(at(32).bank, 4u);  // the second rank
  EXPECT_EQ(at(64).row, 1u);
  EXPECT_EQ(at(64 * 64).row, 0u) << "wraps";
}

TEST(AddressMap, IsOneToOne) {
  const Config config = busy_config();
  for (const char* order : {"row-bank-column-rank-bankgroup",
                            "bank:1-column:2-row:3-rank-column-"
                            "row-bankgroup"}) {
    const AddressMap map(config.geometry, order, "test");
    std::map<std::tuple<uint32_t, uint32_t, uint32_t>, uint64_t> seen;
    const uint64_t bursts = config.geometry.bytes() / 64;
    for (uint64_t burst = 0; burst < bursts; ++burst) {
      const Location l = map.locate(burst * 64);
      EXPECT_TRUE(seen.emplace(std::tuple(l.bank, l.row, l.column), burst).second);
    }
    EXPECT_EQ(seen.size(), bursts);
  }
}

}  // namespace
}  // namespace tern::dram::test
