#include <filesystem>
#include <functional>
#include <random>

#include "chip_bench.hpp"
#include "io/error.hpp"

namespace tern::test {
namespace {

namespace reg = spec::reg;

constexpr uint32_t kBusRead = reg::kErrorBusReadMask << reg::kErrorBusReadLsb;
constexpr uint32_t kBusWrite = reg::kErrorBusWriteMask << reg::kErrorBusWriteLsb;
constexpr uint32_t kIllegalCode = reg::kErrorIllegalCodeMask << reg::kErrorIllegalCodeLsb;
constexpr uint32_t kBadCommand = reg::kErrorBadCommandMask << reg::kErrorBadCommandLsb;
constexpr uint32_t kOverflow = reg::kErrorQueueOverflowMask << reg::kErrorQueueOverflowLsb;

class ChipFaults : public testing::TestWithParam<const char*> {
 protected:
  ChipFaults()
      : bench(options()),
        matrix(bench.chip.config(), shape(), random),
        x(bench.place(matrix.activations())),
        w(bench.place(matrix.matrix())),
        result(bench.allocate(matrix.result().size())) {}

  static sim::ChipOptions options() {
    sim::ChipOptions options;
    options.config = GetParam();
    return options;
  }

  static MatrixCase::Shape shape() {
    return {.planes = 2, .rows = 203, .cols = 150, .block = 8, .tag = 77};
  }

  /// The chip computes the right product, into memory that did not hold it before.
  testing::AssertionResult works() {
    const uint64_t fresh = bench.allocate(matrix.result().size());
    bench.ring(matrix.load(x));
    bench.ring(matrix.matmul(w, fresh));
    if (!bench.wait_done()) return testing::AssertionFailure() << "errors " << bench.errors();
    return bench.check(matrix, fresh);
  }

  std::mt19937_64 random{3};
  ChipBench bench;
  MatrixCase matrix;
  uint64_t x, w, result;
};
INSTANTIATE_TEST_SUITE_P(Chips, ChipFaults, testing::Values("nano", "edge"));

TEST_P(ChipFaults, RefusesCommandsOutOfRangeAndGoesOn) {
  const spec::ChipConfig& c = bench.chip.config();
  using Change = std::function<void(spec::Command&)>;
  const std::vector<Change> changes = {
      [](auto& k) { k.opcode = 0; },
      [](auto& k) { k.opcode = 3; },
      [](auto& k) { k.planes = 0; },
      [](auto& k) { k.planes = 6; },
      [](auto& k) { k.act_columns = 0; },
      [&](auto& k) { k.act_columns = c.act_columns + 1; },
      [](auto& k) { k.beats = 0; },
      [](auto& k) { k.rows = 0; },
      [](auto& k) { k.rows = 5 * k.stripes + 1; },
      [](auto& k) { k.cols = 0; },
      [&](auto& k) { k.cols = c.act_depth * c.columns + 1; },
      [](auto& k) { k.block = 0; },
      [&](auto& k) { k.block = c.acc_depth + 1; },
      [](auto& k) { k.stripes = 0; },
      [](auto& k) { k.reserved0 = 1; },
      [](auto& k) { k.reserved1 = 1; },
      [](auto& k) { k.reserved2 = 1; },
      // Value layout: more planes than one; a block that ends inside an entry; one that does not
      // fit.
      [](auto& k) { k.layout = 1; },
      [](auto& k) { k.layout = 1, k.planes = 1, k.rows = k.stripes, k.block = 8; },
      [&](auto& k) {
        k.layout = 1, k.planes = 1, k.rows = k.stripes, k.block = 5 * c.acc_depth + 5;
      },
      [](auto& k) { k.layout = 1, k.planes = 1, k.block = 5, k.rows = k.stripes + 1; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    spec::Command command = matrix.matmul(w, result);
    changes[i](command);
    bench.ring(command);
    ASSERT_TRUE(bench.chip.wait_interrupt(1000)) << "change " << i;
    bench.chip.run(20);
    EXPECT_EQ(bench.errors(), kBadCommand) << "change " << i;
    EXPECT_TRUE(bench.wait_done(1000, kBadCommand)) << "change " << i;
    EXPECT_EQ(bench.done(), i + 1) << "change " << i;
  }
  EXPECT_EQ(bench.chip.read_register(reg::kBeats), 0u);
  EXPECT_TRUE(works());
}

TEST_P(ChipFaults, StopsWhenBeatsDoNotFitTheShapeAndRecoversBySoftReset) {
  for (int difference : {-1, +1}) {
    for (bool load : {false, true}) {
      spec::Command command = load ? matrix.load(x) : matrix.matmul(w, result);
      command.beats += difference;
      if (!load) bench.ring(matrix.load(x));
      bench.ring(command);
      while (bench.errors() == 0) ASSERT_TRUE(bench.chip.wait_interrupt(20000));
      EXPECT_EQ(bench.errors(), kBadCommand);
      bench.chip.run(5000);
      EXPECT_EQ(bench.chip.read_register(reg::kStatus) & 1, 1u) << "not busy any more";
      ASSERT_TRUE(bench.soft_reset());
      EXPECT_EQ(bench.errors(), 0u);
      EXPECT_EQ(bench.done(), 0u);
      EXPECT_TRUE(works()) << "difference " << difference << " load " << load;
    }
  }
}

TEST_P(ChipFaults, ReportsAReadErrorAndRecovers) {
  bench.chip.inject_errors({w + 1000});
  bench.ring(matrix.load(x));
  bench.ring(matrix.matmul(w, result));
  EXPECT_TRUE(bench.wait_done(100000, kBusRead)) << "the command does not end";
  bench.ring(matrix.matmul(w, result));
  EXPECT_FALSE(bench.wait_done());
  EXPECT_EQ(bench.errors(), kBusRead);
  ASSERT_TRUE(bench.soft_reset());
  bench.chip.inject_errors({});
  EXPECT_TRUE(works());
}

TEST_P(ChipFaults, ReportsAWriteErrorAndRecovers) {
  bench.chip.inject_errors({result + 130});
  bench.ring(matrix.load(x));
  bench.ring(matrix.matmul(w, result));
  while (bench.done() < 2) {
    bench.chip.run(50);
    ASSERT_LT(bench.chip.cycles(), 100000u);
  }
  EXPECT_EQ(bench.errors(), kBusWrite);
  ASSERT_TRUE(bench.soft_reset());
  bench.chip.inject_errors({});
  EXPECT_TRUE(works());
}

TEST_P(ChipFaults, ReportsAnAddressWithoutMemory) {
  bench.ring(matrix.load(uint64_t{1} << 37));
  EXPECT_TRUE(bench.wait_done(10000, kBusRead));
  bench.ring(matrix.matmul(w, uint64_t{1} << 37));
  EXPECT_FALSE(bench.wait_done(10000));
  EXPECT_EQ(bench.errors(), kBusWrite);
}

TEST_P(ChipFaults, DropsEverythingOnASoftResetInTheMiddleOfACommand) {
  sim::MemoryTiming timing;
  timing.stall = 0.3;
  bench.chip.set_timing(timing);
  for (uint64_t cycles = 1; cycles < 2000; cycles = cycles * 3 / 2 + 7) {
    bench.ring(matrix.load(x));
    bench.ring(matrix.matmul(w, result));
    bench.ring(matrix.matmul(w, result));
    bench.chip.run(cycles);
    ASSERT_TRUE(bench.soft_reset());
    EXPECT_EQ(bench.done(), 0u);
    EXPECT_EQ(bench.space(), bench.chip.config().cmd_depth);
    EXPECT_TRUE(works()) << "reset after " << cycles << " cycles";
  }
}

TEST_P(ChipFaults, CountsCommandsInOrderAlsoWhenALaterOneIsRefused) {
  bench.ring(matrix.load(x));
  bench.ring(matrix.matmul(w, result));
  bench.ring(spec::Command{});
  bench.ring(matrix.load(x));
  uint32_t last = 0;
  while (last < 4) {
    const uint32_t done = bench.done();
    ASSERT_GE(done, last);
    if (done >= 2 && last < 2) {
      EXPECT_TRUE(bench.check(matrix, result));
    }
    last = done;
    ASSERT_LT(bench.chip.cycles(), 100000u);
  }
  bench.chip.run(100);
  EXPECT_EQ(bench.done(), 4u);
}

TEST_P(ChipFaults, FlagsADoorbellIntoAFullQueueAndKeepsTheRest) {
  uint32_t rung = 0;
  while (bench.space() > 0) {
    bench.ring(matrix.load(x));
    if (++rung == 1) bench.chip.set_timing({.read_latency = 20000});
    ASSERT_LT(rung, 40u);
  }
  const spec::Command::Words words = matrix.load(x).pack();
  bench.chip.write_register(reg::kCmd, words.w[0]);
  bench.chip.write_register(reg::kDoorbell, 1);
  EXPECT_EQ(bench.errors(), kOverflow);
  bench.chip.set_timing({});
  EXPECT_TRUE(bench.wait_done(1'000'000, kOverflow));
  EXPECT_EQ(bench.done(), rung);
}

TEST_P(ChipFaults, CountsIllegalCodesAndBeats) {
  MatrixCase::Shape wrong = shape();
  wrong.illegal = 0.05;
  const MatrixCase damaged(bench.chip.config(), wrong, random);
  ASSERT_GT(damaged.illegal_codes(), 0u);
  const uint64_t target = bench.allocate(damaged.result().size());
  const spec::Command load = damaged.load(bench.place(damaged.activations()));
  const spec::Command command = damaged.matmul(bench.place(damaged.matrix()), target);
  bench.ring(load);
  bench.ring(command);
  EXPECT_TRUE(bench.wait_done(100000, kIllegalCode));
  EXPECT_TRUE(bench.check(damaged, target));
  EXPECT_EQ(bench.chip.read_register(reg::kIllegal), damaged.illegal_codes());
  EXPECT_EQ(bench.chip.read_register(reg::kBeats), command.beats);
  EXPECT_EQ(bench.chip.read_register(reg::kLoadBeats), load.beats);
  EXPECT_EQ(bench.chip.read_register(reg::kResultBeats),
            damaged.result().size() / bench.chip.config().columns);
}

TEST_P(ChipFaults, GivesUpWaitingAfterTheCyclesItWasTold) {
  const uint64_t start = bench.chip.cycles();
  EXPECT_FALSE(bench.chip.wait_interrupt(500));
  EXPECT_EQ(bench.chip.cycles() - start, 500u);
}

TEST(VerilatedChip, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(sim::VerilatedChip({.config = "huge"}), Error);
  EXPECT_THROW(sim::VerilatedChip({.body = "thin"}), Error);
  EXPECT_THROW(sim::VerilatedChip({.timing = {.read_latency = 0}}), Error);
  EXPECT_THROW(sim::VerilatedChip({.timing = {.stall = 1.0}}), Error);
  EXPECT_THROW(sim::VerilatedChip({.trace_file = "fast.fst"}), Error);
  sim::VerilatedChip chip({.config = "nano"});
  chip.reserve_memory(1000);
  std::vector<std::byte> bytes(64);
  EXPECT_THROW(chip.write_memory(4090, bytes), Error);
  EXPECT_THROW(chip.read_memory(~uint64_t{0}, bytes), Error);
}

TEST(VerilatedChip, KeepsItsMemoryWhenItGrows) {
  sim::VerilatedChip chip({.config = "nano"});
  chip.reserve_memory(5000);
  const std::vector<std::byte> bytes(100, std::byte{42});
  chip.write_memory(4900, bytes);
  chip.reserve_memory(uint64_t{1} << 33);
  std::vector<std::byte> found(100);
  chip.read_memory(4900, found);
  EXPECT_EQ(found, bytes);
}

TEST(VerilatedChip, RecordsATraceOfTheTreeBody) {
  const std::filesystem::path file = testing::TempDir() + "tern_chip_trace.fst";
  std::filesystem::remove(file);
  {
    sim::VerilatedChip chip({.config = "nano", .body = "tree", .trace_file = file});
    chip.run(1000);
  }
  EXPECT_GT(std::filesystem::file_size(file), 1000u);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace tern::test
