// SPDX-License-Identifier: Apache-2.0
// The checker by itself: streams of commands written by hand, at the limit and one cycle before it.
#include "dram/checker.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "checked.hpp"

namespace tern::dram::test {
namespace {

using enum CommandKind;

struct Case {
  const char* name;               ///< What one cycle less breaks.
  std::vector<Command> commands;  ///< The last one is at the limit.
};

std::vector<Case> cases() {
  const Timing t = busy_config().timing;
  const Cycle write_end = t.cwl + t.burst;
  const Command open{100, kActivate, 0, 0, 1};
  const Cycle ready = 100 + t.rcd;
  const auto then = [](Cycle at, CommandKind kind, uint8_t rank = 0, uint8_t bank = 0,
                       uint32_t row = 1) {
    return Command{at, kind, rank, bank, row};
  };
  // Banks 0 and 1 are in one group, 2 and 3 in the other. Later than tRCD of all four:
  const std::vector<Command> all = {open, then(100 + t.rrd_l, kActivate, 0, 1),
                                    then(200, kActivate, 0, 2), then(210, kActivate, 0, 3),
                                    then(212, kActivate, 1, 0)};
  const auto after_all = [&](std::vector<Command> more) {
    std::vector<Command> commands = all;
    commands.insert(commands.end(), more.begin(), more.end());
    return commands;
  };
  return {
      {"tRCD", {open, then(ready, kRead)}},
      {"tRCD", {open, then(ready, kWrite)}},
      {"tRAS", {open, then(100 + t.ras, kPrecharge)}},
      {"tRC", {open, then(100 + t.ras, kPrecharge), then(100 + t.rc, kActivate, 0, 0, 2)}},
      {"tRP", {open, then(140, kPrecharge), then(140 + t.rp, kActivate, 0, 0, 2)}},
      {"tRP", {open, then(140, kPrechargeAll), then(140 + t.rp, kRefresh)}},
      {"tRRD_L", {open, then(100 + t.rrd_l, kActivate, 0, 1)}},
      {"tRRD_S", {open, then(100 + t.rrd_s, kActivate, 0, 2)}},
      {"tCCD_L", after_all({then(300, kRead), then(300 + t.ccd_l, kRead, 0, 1)})},
      {"tCCD_S", after_all({then(300, kRead), then(300 + t.ccd_s, kRead, 0, 2)})},
      {"tCCD_L", after_all({then(300, kWrite), then(300 + t.ccd_l, kWrite)})},
      {"tWTR_L", after_all({then(300, kWrite), then(300 + write_end + t.wtr_l, kRead)})},
      {"tWTR_S", after_all({then(300, kWrite), then(300 + write_end + t.wtr_s, kRead, 0, 2)})},
      {"tRTW", after_all({then(300, kRead), then(300 + t.rtw, kWrite, 0, 3)})},
      {"tRTRS", after_all({then(300, kRead), then(300 + t.burst + t.rtrs, kRead, 1, 0)})},
      {"tRTRS", after_all({then(300, kWrite), then(300 + t.burst + t.rtrs, kWrite, 1, 0)})},
      {"tRTP", {open, then(130, kRead), then(130 + t.rtp, kPrecharge)}},
      {"tWR", {open, then(130, kWrite), then(130 + write_end + t.wr, kPrechargeAll)}},
      {"tRFCpb", {then(100, kRefreshBank), then(100 + t.rfc_pb, kActivate)}},
      {"tRFCpb", {then(100, kRefreshBank), then(100 + t.rfc_pb, kRefreshBank, 0, 3)}},
      {"tRRD_L", {then(100, kRefreshBank), then(100 + t.rrd_l, kActivate, 0, 1)}},
      {"tRRD_S", {open, then(100 + t.rrd_s, kRefreshBank, 0, 2)}},
      {"tRP", {open, then(140, kPrecharge), then(140 + t.rp, kRefreshBank)}},
      {"tRFC", {then(100, kRefresh), then(100 + t.rfc, kActivate)}},
      {"tRFC", {then(100, kRefresh), then(100 + t.rfc, kRefresh)}},
  };
}

TEST(TimingChecker, AcceptsTheLimitAndNamesWhatOneCycleLessBreaks) {
  const Config config = busy_config();
  int number = 0;
  for (Case c : cases()) {
    SCOPED_TRACE(testing::Message() << c.name << ", case " << number++);
    const bool banks =
        std::any_of(c.commands.begin(), c.commands.end(),
                    [](const Command& command) { return command.kind == kRefreshBank; });
    TimingChecker at_limit(config.geometry, config.timing, banks);
    for (const Command& command : c.commands) at_limit.observe(command);
    EXPECT_EQ(at_limit.violations(), 0u) << at_limit.messages().at(0);

    --c.commands.back().cycle;
    TimingChecker below(config.geometry, config.timing, banks);
    for (const Command& command : c.commands) below.observe(command);
    EXPECT_EQ(below.broken().empty() ? "" : below.broken().front(), c.name);
  }
}

TEST(TimingChecker, CountsTheFifthActivateOfAWindow) {
  Config config = busy_config();
  config.geometry.banks_per_group = 4;
  const Timing& t = config.timing;
  for (const Cycle early : {0, 1}) {
    TimingChecker checker(config.geometry, t);
    // Alternating groups, tRRD_S apart: the fifth would come after 4 tRRD_S < tFAW.
    for (int i = 0; i < 4; ++i)
      checker.observe(
          {100 + i * t.rrd_s, kActivate, 0, static_cast<uint8_t>(i % 2 * 4 + i / 2), 1});
    checker.observe({100 + t.faw - early, kActivate, 0, 2, 1});
    EXPECT_EQ(checker.violations(), static_cast<uint64_t>(early));
    if (early) {
      EXPECT_EQ(checker.broken().front(), "tFAW");
    }
  }
}

TEST(TimingChecker, SeesClosedAndWrongRowsAndOpenRowsUnderRefresh) {
  const Config config = busy_config();
  const auto broken = [&](std::vector<Command> commands) {
    TimingChecker checker(config.geometry, config.timing);
    for (const Command& command : commands) checker.observe(command);
    return checker.broken();
  };
  EXPECT_EQ(broken({{100, kRead, 0, 0, 1}}), std::vector<std::string>{"another row"});
  EXPECT_EQ(broken({{100, kActivate, 0, 0, 1}, {200, kRead, 0, 0, 2}}),
            std::vector<std::string>{"another row"});
  EXPECT_EQ(broken({{100, kActivate, 0, 0, 1}, {200, kActivate, 0, 0, 2}}),
            std::vector<std::string>{"an open row"});
  EXPECT_EQ(broken({{100, kActivate, 0, 3, 1}, {200, kRefresh, 0, 0, 0}}),
            std::vector<std::string>{"an open row"});
}

TEST(TimingChecker, MissesRefreshes) {
  const Config config = busy_config();
  TimingChecker checker(config.geometry, config.timing);
  checker.finish(Cycle{config.timing.refi} * 9 - 1);
  EXPECT_EQ(checker.violations(), 0u) << "eight may be postponed";
  checker.finish(Cycle{config.timing.refi} * 9);
  EXPECT_EQ(checker.violations(), config.geometry.ranks);
  EXPECT_EQ(checker.broken(), std::vector<std::string>{"tREFI"});
}

/// A scheduler that keeps to one cycle less of one timing must be found out.
class EveryTiming : public testing::TestWithParam<TimingField> {};

TEST_P(EveryTiming, IsMissedWhenTheSchedulerBreaksIt) {
  Config right = busy_config();
  right.geometry.banks_per_group = 4;  // enough for five ACT in a window
  Config wrong = right;
  int32_t& value = wrong.timing.*GetParam().member;
  GetParam().member == & Timing::refi ? value *= 2 : --value;
  // In tests a timing that config.cpp would refuse has to reach the scheduler.
  if (GetParam().member == &Timing::burst) wrong.timing.rtw = right.timing.rtw;

  uint64_t violations = 0;
  for (const char* mapping : {"row-bank-column-rank-bankgroup", "row-column-bank-bankgroup-rank",
                              "row-rank-bank-bankgroup-column"}) {
    wrong.mapping = mapping;
    for (const Pattern pattern : kPatterns) {
      wrong.controller.refresh_banks = !wrong.controller.refresh_banks;
      CheckedMemory checked(wrong, right.timing);
      PatternSource source(pattern, wrong, 3);
      saturate(checked.memory, source, 4000);
      run_bursty(checked.memory, 1000, 5);
      violations += checked.violations();
    }
  }
  EXPECT_GT(violations, 0u) << GetParam().name;
}

std::string field_name(const testing::TestParamInfo<TimingField>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Broken, EveryTiming, testing::ValuesIn(kTimingFields), field_name);

}  // namespace
}  // namespace tern::dram::test
