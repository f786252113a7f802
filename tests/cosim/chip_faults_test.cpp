// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "command_bench.hpp"
#include "io/error.hpp"

/// What goes wrong around the chip: each fault sets its bit, and after a soft reset the chip works
/// as if nothing had been.
namespace tern::test {
namespace {

namespace reg = spec::reg;
using Kind = sim::MemoryFault::Kind;

constexpr uint64_t kCodes = 0, kWords = 1 << 20, kOutput = 2 << 20, kMemory = 3 << 20;

constexpr uint32_t bit(uint32_t lsb) { return 1u << lsb; }

class ChipFaults : public testing::TestWithParam<const char*> {
 protected:
  ChipFaults() : bench({GetParam(), "fast", {}, {}}, kMemory) {
    std::mt19937_64 random(3);
    std::vector<std::byte> data(1 << 20);
    for (std::byte& b : data) b = static_cast<std::byte>(random() % spec::kT5Codes);
    bench.write_memory(kCodes, data);
    for (std::byte& b : data) b = static_cast<std::byte>(random());
    bench.write_memory(kWords, data);
  }

  spec::LoadCommand load(uint32_t words, uint32_t dst) {
    spec::LoadCommand c;
    c.read_addr = kWords / spec::kAddrUnit;
    c.beats = (4 * words + columns() - 1) / columns();
    c.count = words;
    c.dst = dst;
    return c;
  }
  spec::VectorCommand activations(uint32_t n) {
    spec::VectorCommand c;
    c.op = static_cast<uint32_t>(spec::VectorOp::kCopy);
    c.dest = static_cast<uint32_t>(spec::Dest::kAct);
    c.n = n;
    c.rows = 1;
    c.act_group = 1;
    return c;
  }
  spec::MatmulCommand matmul(uint32_t rows, uint32_t cols) {
    spec::MatmulCommand c;
    c.planes = 1;
    c.act_columns = 1;
    c.rows = rows;
    c.cols = cols;
    c.stripes = (rows + 4) / 5;
    c.block = bench.chip.config().row_block;
    c.beats = (cols + columns() - 1) / columns() * c.stripes;
    c.dst = 4096;
    return c;
  }
  spec::StoreCommand store(uint32_t words) {
    spec::StoreCommand c;
    c.addr_low = kOutput;
    c.count = words;
    c.rows = 1;
    c.beat_stride = 1;
    c.src = 4096;
    return c;
  }

  /// LOAD, activations, MATMUL, STORE: given to the chip, and to the machine with it.
  void give() {
    const auto issue = [&](auto c, spec::Unit unit) {
      bench.after_all(c, random_);
      ASSERT_TRUE(bench.issue(c.pack(), unit)) << bench.refusal;
    };
    issue(load(512, 0), spec::Unit::kLoad);
    issue(activations(500), spec::Unit::kVector);
    issue(matmul(203, 500), spec::Unit::kMatmul);
    issue(store(203), spec::Unit::kStore);
  }

  /// The whole way gives the machine's bytes.
  testing::AssertionResult works() {
    const std::vector<std::byte> blank(1024, std::byte{0});
    bench.write_memory(kOutput, blank);
    give();
    if (!bench.wait_done(2000)) return testing::AssertionFailure() << "hangs";
    if (bench.errors() != 0) return testing::AssertionFailure() << "errors " << bench.errors();
    return bench.same_memory(kOutput, 1024);
  }

  testing::AssertionResult recovers() {
    bench.chip.inject({});
    bench.chip.write_register(reg::kCtrl, reg::kCtrlSoftResetMask);
    bench.machine.soft_reset();
    bench.issued = {};
    for (int i = 0; bench.chip.read_register(reg::kStatus) & reg::kStatusBusyMask; ++i) {
      if (i == 1000) return testing::AssertionFailure() << "stays busy after a soft reset";
      bench.chip.run(10);
    }
    if (bench.errors() != 0) return testing::AssertionFailure() << "errors after a soft reset";
    return works();
  }

  /// Straight to the chip; the machine would refuse.
  void give_chip(const spec::CommandWords& words) {
    for (uint32_t i = 0; i < spec::kCommandWords; ++i)
      bench.write_device(spec::mmio::cmd::word(i), words.w[i]);
    bench.write_device(spec::mmio::kIssue, 1);
    bench.chip.run(8);  // the check
  }

  uint32_t columns() const { return bench.chip.config().columns; }

  CommandBench bench;

 private:
  std::mt19937_64 random_{1};
};
INSTANTIATE_TEST_SUITE_P(Chips, ChipFaults, testing::Values("nano", "edge"));

TEST_P(ChipFaults, WorksWithoutOne) {
  EXPECT_TRUE(works());
  EXPECT_TRUE(works());
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, BusErrors) {
  for (const uint64_t at : {0u, 5u, 40u}) {
    bench.chip.inject({Kind::kReadError, bench.chip.read_beats() + at, 0, 0});
    give();
    bench.wait_done(200);
    EXPECT_EQ(bench.errors(), bit(reg::kErrorBusReadLsb));
    EXPECT_EQ(bench.chip.read_register(reg::kBusErrors), 1u);
    EXPECT_TRUE(recovers());
  }
  bench.chip.inject({Kind::kWriteError, bench.chip.write_beats() + 3, 0, 0});
  give();
  bench.wait_done(200);
  EXPECT_EQ(bench.errors(), bit(reg::kErrorBusWriteLsb));
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, FlippedBits) {
  std::mt19937_64 random(9);
  for (int i = 0; i < 20; ++i) {
    const auto where = static_cast<uint32_t>(random() % (8 * columns()));
    bench.chip.inject({Kind::kFlipRead, bench.chip.read_beats() + random() % 60, where, 0});
    give();
    bench.wait_done(200);
    // A flipped code may be an illegal one as well.
    EXPECT_TRUE(bench.errors() & bit(reg::kErrorParityLsb));
    EXPECT_EQ(bench.errors() & ~(bit(reg::kErrorParityLsb) | bit(reg::kErrorIllegalCodeLsb)), 0u);
    EXPECT_TRUE(recovers());
  }
  bench.chip.inject({Kind::kFlipWrite, bench.chip.write_beats() + 2, 17, 0});
  give();
  bench.wait_done(200);
  EXPECT_EQ(bench.errors(), bit(reg::kErrorBusWriteLsb)) << "the memory checks what it is sent";
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, IllegalCodes) {
  const std::byte illegal{243};
  bench.write_memory(kCodes + 100, {&illegal, 1});
  give();
  ASSERT_TRUE(bench.wait_done());
  EXPECT_EQ(bench.errors(), bit(reg::kErrorIllegalCodeLsb));
  EXPECT_EQ(bench.machine.error(), bench.errors());
  EXPECT_EQ(bench.chip.read_register(reg::kIllegal), 1u);
  const std::byte legal{121};
  bench.write_memory(kCodes + 100, {&legal, 1});
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, BadCommands) {
  give_chip(spec::CommandWords{});
  EXPECT_EQ(bench.errors(), bit(reg::kErrorBadCommandLsb));
  EXPECT_TRUE(recovers());

  // Beats that do not fit the shape: the engine finds out.
  for (const int change : {-1, 1}) {
    give_chip(load(512, 0).pack());
    spec::VectorCommand x = activations(500);
    x.wait_load = 1;
    give_chip(x.pack());
    spec::MatmulCommand m = matmul(203, 500);
    m.wait_vector = 1;
    m.beats += static_cast<uint32_t>(change);
    give_chip(m.pack());
    bench.chip.run(5000);
    EXPECT_EQ(bench.errors(), bit(reg::kErrorBadCommandLsb));
    EXPECT_TRUE(recovers());
  }

  // An activation outside of the buffer.
  give_chip(load(512, 0).pack());
  spec::VectorCommand x = activations(500);
  x.wait_load = 1;
  x.act_tile = bench.chip.config().act_depth - 1;
  give_chip(x.pack());
  bench.chip.run(2000);
  EXPECT_EQ(bench.errors(), bit(reg::kErrorBadCommandLsb));
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, MemoryThatStopsForAWhile) {
  for (const Kind kind : {Kind::kStuckAddress, Kind::kStuckData, Kind::kStuckResponse}) {
    bench.chip.inject({kind, bench.chip.cycles() + 100, 0, 5000});
    EXPECT_TRUE(works()) << "it only takes longer";
  }
}

TEST_P(ChipFaults, WatchdogTellsOfAHangingMemory) {
  bench.chip.write_register(reg::kWatchdog, 2000);
  for (const Kind kind : {Kind::kStuckAddress, Kind::kStuckData, Kind::kStuckResponse}) {
    bench.write_device(spec::mmio::kWorking, 1);
    bench.chip.inject({kind, bench.chip.cycles() + 20, 0, 1'000'000});
    give();
    EXPECT_TRUE(bench.chip.wait_interrupt(20'000));
    EXPECT_EQ(bench.errors(), bit(reg::kErrorWatchdogLsb));
    EXPECT_TRUE(recovers());
  }
}

/// All 32 bits of the limit count: one whose low bits are small is not reached soon.
TEST_P(ChipFaults, WatchdogWaitsForItsWholeLimit) {
  bench.chip.inject({Kind::kStuckAddress, bench.chip.cycles() + 20, 0, 10'000'000});
  give();
  const auto quiet_for = [&](uint32_t limit, uint64_t cycles) {
    bench.chip.write_register(reg::kWatchdog, limit);
    bench.write_device(spec::mmio::kWorking, 0);  // begins the count again
    bench.write_device(spec::mmio::kWorking, 1);
    bench.chip.run(cycles);
    return bench.errors() == 0;
  };
  EXPECT_FALSE(quiet_for(100, 500));
  bench.write_device(spec::mmio::kWorking, 0);
  bench.chip.write_register(reg::kError, bit(reg::kErrorWatchdogLsb));
  for (uint32_t high = 10; high < 32; ++high)
    EXPECT_TRUE(quiet_for((1u << high) + 100, 500)) << "bit " << high;
  EXPECT_TRUE(quiet_for(0xffffffff, 500));
  EXPECT_TRUE(quiet_for(0, 500)) << "0 is no limit";
  EXPECT_TRUE(recovers());
}

/// Whatever moves is progress: a limit that is longer than the pauses and far shorter than the work
/// is not reached, whichever unit works.
TEST_P(ChipFaults, WatchdogSeesTheProgressOfEveryUnit) {
  bench.write_device(spec::mmio::kWorking, 1);
  const auto works_within = [&](uint32_t limit, uint32_t done) {
    bench.chip.write_register(reg::kWatchdog, limit);
    const uint64_t start = bench.chip.cycles();
    while (bench.read_device(spec::mmio::kDone) != done && bench.chip.cycles() - start < 50'000) {
    }
    bench.chip.write_register(reg::kWatchdog, 1'000'000);
    return bench.errors() == 0 && bench.read_device(spec::mmio::kDone) == done &&
           bench.chip.cycles() - start > 3 * uint64_t{limit};
  };
  using namespace spec::mmio::done;
  give_chip(load(12000, 0).pack());
  EXPECT_TRUE(works_within(12000 / columns(), kLoad.put(1)));
  give_chip(store(8000).pack());
  EXPECT_TRUE(works_within(8000 / columns(), kLoad.put(1) | kStore.put(1)));
  // Vector commands that each take a while, with nothing to be issued meanwhile.
  spec::VectorCommand x = activations(500);
  x.dest = static_cast<uint32_t>(spec::Dest::kScratch);
  x.dst = 4096;
  x.rows = 10 * bench.chip.config().lanes / 8;
  for (int i = 0; i < 7; ++i) give_chip(x.pack());
  EXPECT_TRUE(works_within(800, kLoad.put(1) | kVector.put(7) | kStore.put(1)));
}

/// A limit may be set at any time, below the present count too.
TEST_P(ChipFaults, WatchdogTakesALimitThatHasPassed) {
  bench.chip.write_register(reg::kWatchdog, 1'000'000);
  bench.chip.inject({Kind::kStuckData, bench.chip.cycles() + 20, 0, 10'000'000});
  bench.write_device(spec::mmio::kWorking, 1);
  give();
  bench.chip.run(5000);
  EXPECT_EQ(bench.errors(), 0u);
  bench.chip.write_register(reg::kWatchdog, 1000);
  EXPECT_TRUE(bench.chip.wait_interrupt(20));
  EXPECT_EQ(bench.errors(), bit(reg::kErrorWatchdogLsb));
  // Who clears it is told again for as long as nothing moves.
  bench.chip.write_register(reg::kError, bit(reg::kErrorWatchdogLsb));
  EXPECT_EQ(bench.errors(), bit(reg::kErrorWatchdogLsb));
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, SoftResetAtAnyTime) {
  for (uint64_t cycles = 0; cycles < 1500; cycles += 61) {
    give();
    bench.chip.run(cycles);
    ASSERT_TRUE(recovers()) << "after " << cycles << " cycles";
  }
}

TEST_P(ChipFaults, TrapsOfTheController) {
  const auto window = [&](uint32_t address, uint32_t value) {
    bench.chip.write_register(reg::kWindowAddr, address);
    bench.chip.write_register(reg::kWindowData, value);
  };
  window(0, 0x00000013);  // nop
  window(4, 0xffffffff);  // no instruction
  bench.chip.write_register(reg::kCtrl, reg::kCtrlRunMask << reg::kCtrlRunLsb);
  ASSERT_TRUE(bench.chip.wait_interrupt(1000));
  EXPECT_EQ(bench.errors(), bit(reg::kErrorTrapLsb));
  EXPECT_EQ(bench.chip.read_register(reg::kTrapCause), 2u);
  EXPECT_EQ(bench.chip.read_register(reg::kTrapPc), 4u);
  EXPECT_EQ(bench.chip.read_register(reg::kTrapValue), 0xffffffffu);
  EXPECT_TRUE(recovers());

  // A device that is not there.
  window(0, 0x800000b7);  // lui x1, 0x80000
  window(4, 0x3000a103);  // lw x2, 0x300(x1)
  bench.chip.write_register(reg::kCtrl, reg::kCtrlRunMask << reg::kCtrlRunLsb);
  ASSERT_TRUE(bench.chip.wait_interrupt(1000));
  EXPECT_EQ(bench.errors(), bit(reg::kErrorTrapLsb));
  EXPECT_EQ(bench.chip.read_register(reg::kTrapCause), 5u);
  EXPECT_EQ(bench.chip.read_register(reg::kTrapValue), 0x80000300u);
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, WindowAccessesThatCannotBe) {
  const auto read = [&](uint32_t address) {
    bench.chip.write_register(reg::kWindowAddr, address);
    return bench.chip.read_register(reg::kWindowData);
  };
  EXPECT_THROW(read(0x20000000), Error);
  EXPECT_THROW(read(spec::kMmioBase + 0x300), Error);
  // While the controller runs, its instructions and devices are its own; its data can be read.
  bench.chip.write_register(reg::kWindowAddr, 0);
  bench.chip.write_register(reg::kWindowData, 0x0000006f);  // jump to itself
  bench.chip.write_register(reg::kCtrl, reg::kCtrlRunMask << reg::kCtrlRunLsb);
  EXPECT_THROW(read(0), Error);
  EXPECT_THROW(read(spec::kMmioBase + spec::mmio::kDone), Error);
  EXPECT_NO_THROW(read(spec::kDataBase));
  EXPECT_TRUE(recovers());
}

TEST_P(ChipFaults, MailThatFindsNoRoom) {
  for (uint32_t i = 0; i < spec::kMailDepth; ++i) bench.chip.write_register(reg::kMailIn, i);
  EXPECT_EQ(bench.errors(), 0u);
  EXPECT_EQ(bench.chip.read_register(reg::kMailState), 0u);
  bench.chip.write_register(reg::kMailIn, 1);
  EXPECT_EQ(bench.errors(), bit(reg::kErrorMailOverflowLsb));
  EXPECT_TRUE(recovers());
}

class ChipRate : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Chips, ChipRate, testing::Values("nano", "edge"));

/// From the issue to the last result in the scratchpad, as the chip's own counters have it.
TEST_P(ChipRate, UsesABeatIn98PercentOfTheCyclesOfALargeMatrix) {
  const std::string config = GetParam();
  CommandBench bench({config, "fast", {}, {}}, 8 << 20);
  const std::vector<std::byte> codes(8 << 20, std::byte{121});
  bench.write_memory(0, codes);
  const uint32_t columns = bench.chip.config().columns;
  const uint32_t size = columns == 64 ? 2560 : 640;
  spec::MatmulCommand c;
  c.planes = c.act_columns = 1;
  c.rows = c.cols = size;
  c.stripes = size / 5;
  c.block = bench.chip.config().row_block;
  c.beats = size / columns * c.stripes;
  for (uint32_t i = 0; i < spec::kCommandWords; ++i)
    bench.write_device(spec::mmio::cmd::word(i), c.pack().w[i]);
  bench.write_device(spec::mmio::kWorking, 1);
  bench.chip.write_register(reg::kWindowAddr, spec::kMmioBase + spec::mmio::kIssue);
  bench.chip.write_register(reg::kWindowData, 1);
  const uint64_t start = bench.chip.cycles();
  while (bench.read_device(spec::mmio::kDone) == 0) {
    ASSERT_LT(bench.chip.cycles() - start, 2 * c.beats);
  }
  const double cycles = static_cast<double>(bench.chip.cycles() - start);
  EXPECT_EQ(bench.chip.read_register(reg::kBeats), c.beats);
  EXPECT_GE(c.beats / cycles, 0.98) << c.beats << " beats in " << cycles << " cycles";
}

}  // namespace
}  // namespace tern::test
