// SPDX-License-Identifier: Apache-2.0
#include "board/sdram_chip.hpp"

#include <gtest/gtest.h>

namespace tern::test {

using namespace sim;

namespace {

/// Commands by hand, at 100 MHz: tRCD 2, tRP 2, tRAS 5, tRC 7, tRFC 7, tRRD 2, tWR 2, tMRD 2
/// clocks.
class SdramRules : public testing::Test {
 protected:
  explicit SdramRules(const SdramTiming& timing = kMicron75At100) : chip(timing) {
    wait(10000);
    all(precharge, 1 << 10);
    wait(1);
    all(refresh);
    wait(6);
    all(refresh);
    wait(6);
    all(mode, 0x22);
    wait(1);
    EXPECT_EQ(chip.violations(), 0u) << chip.messages().front();
  }

  static constexpr uint32_t activate = 3, read = 5, write = 4, precharge = 2, refresh = 1, mode = 0;

  void edge(uint32_t code, uint32_t bank, uint32_t address, int data, uint32_t mask) {
    chip.edge({.cke = true,
               .cs_n = false,
               .ras_n = (code & 4) != 0,
               .cas_n = (code & 2) != 0,
               .we_n = (code & 1) != 0,
               .ba = bank,
               .a = address,
               .dqm = mask,
               .dq_driven = data >= 0,
               .dq = static_cast<uint16_t>(data)});
  }
  void all(uint32_t code, uint32_t address = 0) { edge(code, 0, address, -1, 0); }
  void to(uint32_t code, uint32_t bank, uint32_t address = 0) { edge(code, bank, address, -1, 0); }
  void wait(uint32_t clocks) {
    for (uint32_t i = 0; i < clocks; ++i) edge(7, 0, 0, -1, 0);
  }
  void write_burst(uint32_t bank, uint32_t column, uint32_t mask = 0) {
    for (int i = 0; i < 4; ++i) edge(i == 0 ? write : 7, bank, column, 0x1110 + i, mask);
  }
  void expect(SdramRule rule) {
    EXPECT_EQ(chip.violations(rule), 1u) << name_of(rule);
    EXPECT_EQ(chip.violations(), 1u) << chip.messages().front();
  }

  SdramChip chip;
};

TEST_F(SdramRules, AllowWhatIsJustLongEnough) {
  to(activate, 1, 5);
  wait(1);
  to(activate, 2, 6);  // tRRD
  write_burst(1, 8);   // tRCD
  wait(1);
  to(precharge, 1);  // tWR
  wait(1);
  to(activate, 1, 7);  // tRP
  to(read, 2, 4);
  wait(3);
  all(precharge, 1 << 10);
  wait(1);
  all(refresh);
  wait(6);
  to(activate, 0, 1);
  EXPECT_EQ(chip.violations(), 0u) << chip.messages().front();
}

TEST_F(SdramRules, ReadsWhatWasWrittenAtItsLatencyAndNotBefore) {
  to(activate, 0, 9);
  wait(1);
  write_burst(0, 4);
  to(read, 0, 4);
  EXPECT_FALSE(chip.drives());
  EXPECT_EQ(chip.dq(), 0xdead);
  wait(1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(chip.drives());
    EXPECT_EQ(chip.dq(), 0x1110 + i);
    wait(1);
  }
  EXPECT_FALSE(chip.drives());
  EXPECT_EQ(chip.violations(), 0u);
}

TEST_F(SdramRules, MaskBytes) {
  to(activate, 0, 9);
  wait(1);
  write_burst(0, 4);
  for (int i = 0; i < 4; ++i) edge(i == 0 ? write : 7, 0, 4, 0xffff, i == 0 ? 1 : 2);
  EXPECT_EQ(chip.word(9 * 4096 + 8), 0xff10);
  EXPECT_EQ(chip.word(9 * 4096 + 10), 0x11ff);
}

TEST_F(SdramRules, Rcd) {
  to(activate, 0);
  to(read, 0);
  expect(SdramRule::kRcd);
}
TEST_F(SdramRules, Rp) {
  to(activate, 0);
  wait(5);
  to(precharge, 0);
  to(activate, 0);
  expect(SdramRule::kRp);
}
TEST_F(SdramRules, Ras) {
  to(activate, 0);
  wait(3);
  to(precharge, 0);
  expect(SdramRule::kRas);
}
TEST_F(SdramRules, RasMax) {
  to(activate, 0);
  for (int i = 0; i < 3; ++i) wait(5000);
  EXPECT_GT(chip.violations(SdramRule::kRefresh), 0u);
  to(precharge, 0);
  EXPECT_EQ(chip.violations(SdramRule::kRasMax), 1u);
}
/// tRAS and tRP together hide tRC of 66 ns.
class SdramRulesOfALongCycle : public SdramRules {
 protected:
  SdramRulesOfALongCycle() : SdramRules({.rc = 75}) {}
};
TEST_F(SdramRulesOfALongCycle, Rc) {
  to(activate, 0);
  wait(4);
  to(precharge, 0);
  wait(1);
  to(activate, 0);
  expect(SdramRule::kRc);
}
TEST_F(SdramRules, Rrd) {
  to(activate, 0);
  to(activate, 1);
  expect(SdramRule::kRrd);
}
TEST_F(SdramRules, Rfc) {
  all(refresh);
  wait(5);
  to(activate, 0);
  expect(SdramRule::kRfc);
}
TEST_F(SdramRules, Wr) {
  to(activate, 0);
  wait(1);
  write_burst(0, 0);
  to(precharge, 0);
  expect(SdramRule::kWr);
}
TEST_F(SdramRules, Mrd) {
  all(mode, 0x22);
  to(activate, 0);
  expect(SdramRule::kMrd);
}
TEST_F(SdramRules, BankStates) {
  to(read, 3);
  expect(SdramRule::kBank);
}
TEST_F(SdramRules, BankIsOpenAlready) {
  to(activate, 0, 1);
  wait(7);
  to(activate, 0, 2);
  expect(SdramRule::kBank);
}
TEST_F(SdramRules, RefreshNeedsClosedBanks) {
  to(activate, 0, 1);
  wait(7);
  all(refresh);
  expect(SdramRule::kBank);
}
TEST_F(SdramRules, RefreshInterval) {
  wait(1600);
  expect(SdramRule::kRefresh);
}
TEST_F(SdramRules, Mode) {
  all(mode, 0x12);  // CAS latency 1
  expect(SdramRule::kMode);
}
TEST_F(SdramRules, AutoPrecharge) {
  to(activate, 0, 1);
  wait(1);
  to(read, 0, 1 << 10);
  expect(SdramRule::kMode);
}
TEST_F(SdramRules, Undriven) {
  to(activate, 0, 1);
  wait(1);
  edge(write, 0, 0, 1, 0);
  edge(7, 0, 0, 2, 0);
  edge(7, 0, 0, -1, 0);
  edge(7, 0, 0, 3, 0);
  expect(SdramRule::kUndriven);
}
TEST_F(SdramRules, ContentionInTheCycleAfterARead) {
  to(activate, 0, 1);
  wait(1);
  to(read, 0, 0);
  wait(5);
  write_burst(0, 0);  // one clock too early
  expect(SdramRule::kContention);
}
TEST_F(SdramRules, NoContentionACycleLater) {
  to(activate, 0, 1);
  wait(1);
  to(read, 0, 0);
  wait(6);
  write_burst(0, 0);
  EXPECT_EQ(chip.violations(), 0u) << chip.messages().front();
}

TEST(SdramInit, NeedsTheWaitThePrechargeTheRefreshesAndTheMode) {
  const auto send = [](SdramChip& chip, uint32_t code, uint32_t address) {
    chip.edge(
        {true, false, (code & 4) != 0, (code & 2) != 0, (code & 1) != 0, 0, address, 3, false, 0});
    for (int i = 0; i < 8; ++i) chip.edge({true, false, true, true, true, 0, 0, 3, false, 0});
  };
  for (const uint32_t missing : {0u, 1u, 2u, 3u}) {
    SdramChip chip(kMicron75At100);
    for (int i = 0; i < (missing == 0 ? 9999 : 10000); ++i) {
      chip.edge({true, false, true, true, true, 0, 0, 3, false, 0});
    }
    if (missing != 1) send(chip, 2, 1 << 10);
    send(chip, 1, 0);
    if (missing != 2) send(chip, 1, 0);
    if (missing != 3) send(chip, 0, 0x22);
    send(chip, 3, 0);
    EXPECT_GT(chip.violations(SdramRule::kInit), 0u) << missing;
    EXPECT_EQ(chip.violations(SdramRule::kInit), chip.violations()) << missing;
  }
}

}  // namespace
}  // namespace tern::test
