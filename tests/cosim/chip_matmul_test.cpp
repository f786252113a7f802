#include <fmt/format.h>

#include <deque>
#include <random>

#include "chip_bench.hpp"

namespace tern::test {
namespace {

struct Variant {
  const char* config;
  const char* body;
};

void PrintTo(const Variant& variant, std::ostream* out) {
  *out << variant.config << "_" << variant.body;
}

std::string name_of(const testing::TestParamInfo<Variant>& info) {
  return std::string(info.param.config) + "_" + info.param.body;
}

uint32_t between(std::mt19937_64& random, uint32_t low, uint32_t high) {
  return std::uniform_int_distribution<uint32_t>(low, high)(random);
}

sim::MemoryTiming random_timing(std::mt19937_64& random) {
  sim::MemoryTiming timing;
  timing.read_latency = between(random, 1, 150);
  timing.write_latency = between(random, 1, 60);
  timing.max_outstanding = between(random, 1, 32);
  timing.stall = 0.1 * between(random, 0, 6);
  timing.seed = random();
  return timing;
}

/// Queues a few loads and products at once, as fast as the queue takes them, and checks every
/// result. Returns the clock.
uint64_t run_batch(ChipBench& bench, std::mt19937_64& random) {
  struct Expected {
    MatrixCase matrix;
    std::vector<uint64_t> results;
  };
  bench.release_all();
  bench.chip.set_timing(random_timing(random));
  std::deque<Expected> batch;
  std::vector<spec::Command> commands;
  bool illegal = false;
  const uint32_t pairs = between(random, 1, 5);
  for (uint32_t i = 0; i < pairs; ++i) {
    const spec::ChipConfig& config = bench.chip.config();
    MatrixCase matrix(config, MatrixCase::random_shape(config, random), random);
    const uint64_t matrix_address = bench.place(matrix.matrix());
    commands.push_back(matrix.load(bench.place(matrix.activations())));
    illegal |= matrix.illegal_codes() != 0;
    std::vector<uint64_t> results;
    const uint32_t repeats = between(random, 1, 2);
    for (uint32_t r = 0; r < repeats; ++r) {
      results.push_back(bench.allocate(matrix.result().size()));
      commands.push_back(matrix.matmul(matrix_address, results.back()));
    }
    batch.push_back({std::move(matrix), std::move(results)});
  }
  for (const spec::Command& command : commands) bench.ring(command);
  const uint32_t illegal_bit = spec::reg::kErrorIllegalCodeMask << spec::reg::kErrorIllegalCodeLsb;
  EXPECT_TRUE(bench.wait_done(3'000'000, illegal ? illegal_bit : 0))
      << "errors " << bench.errors() << ", done " << bench.done() << ", cycle "
      << bench.chip.cycles();
  const uint64_t cycles = bench.chip.cycles();
  for (const Expected& expected : batch) {
    for (uint64_t address : expected.results) {
      EXPECT_TRUE(bench.check(expected.matrix, address));
    }
  }
  return cycles;
}

std::vector<uint64_t> run_batches(const Variant& variant, uint64_t seed, int batches) {
  sim::ChipOptions options;
  options.config = variant.config;
  options.body = variant.body;
  ChipBench bench(options);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> cycles;
  for (int i = 0; i < batches; ++i) {
    cycles.push_back(run_batch(bench, random));
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "batch " << i << " of seed " << seed;
      break;
    }
  }
  return cycles;
}

class ChipMatmul : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Chips, ChipMatmul,
                         testing::Values(Variant{"nano", "fast"}, Variant{"nano", "tree"},
                                         Variant{"edge", "fast"}, Variant{"edge", "tree"}),
                         name_of);

TEST_P(ChipMatmul, AgreesWithTheDefinitionOnRandomCommandsAndMemories) {
  const bool slow = std::string(GetParam().body) == "tree";
  run_batches(GetParam(), 11, slow ? 25 : 150);
}

class ChipBodies : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Chips, ChipBodies, testing::Values("nano", "edge"));

TEST_P(ChipBodies, TakeTheSameCycles) {
  const std::vector<uint64_t> fast = run_batches({GetParam(), "fast"}, 23, 12);
  const std::vector<uint64_t> tree = run_batches({GetParam(), "tree"}, 23, 12);
  EXPECT_EQ(fast, tree);
}

struct FullRate {
  Variant variant;
  uint32_t size;
};
class ChipRate : public testing::TestWithParam<FullRate> {};
INSTANTIATE_TEST_SUITE_P(Chips, ChipRate,
                         testing::Values(FullRate{{"edge", "fast"}, 2560},
                                         FullRate{{"edge", "tree"}, 2560},
                                         FullRate{{"nano", "fast"}, 640}));

/// From the doorbell to the interrupt, start-up and last results included.
TEST_P(ChipRate, UsesABeatIn98PercentOfTheCyclesOfALargeMatrix) {
  sim::ChipOptions options;
  options.config = GetParam().variant.config;
  options.body = GetParam().variant.body;
  ChipBench bench(options);
  std::mt19937_64 random(5);
  MatrixCase::Shape shape;
  shape.rows = shape.cols = GetParam().size;
  shape.block = bench.chip.config().row_block;
  const MatrixCase matrix(bench.chip.config(), shape, random);
  const uint64_t address = bench.place(matrix.matrix());
  const uint64_t result = bench.allocate(matrix.result().size());
  bench.ring(matrix.load(bench.place(matrix.activations())));
  ASSERT_TRUE(bench.wait_done());
  const spec::Command command = matrix.matmul(address, result);
  bench.ring(command);
  const uint64_t start = bench.chip.cycles();
  ASSERT_TRUE(bench.chip.wait_interrupt(1'000'000));
  const double used =
      static_cast<double>(command.beats) / static_cast<double>(bench.chip.cycles() - start);
  fmt::print("{} ({} body), {} x {} ternary, M = 1: beats in {:.2f} % of the cycles\n",
             options.config, options.body, shape.rows, shape.cols, 100 * used);
  EXPECT_GE(used, 0.98);
  EXPECT_TRUE(bench.check(matrix, result));

  // The same matrix behind a memory that stalls.
  sim::MemoryTiming timing;
  timing.stall = 0.4;
  bench.chip.set_timing(timing);
  const uint64_t again = bench.allocate(matrix.result().size());
  bench.ring(matrix.matmul(address, again));
  ASSERT_TRUE(bench.wait_done());
  EXPECT_TRUE(bench.check(matrix, again));
}

}  // namespace
}  // namespace tern::test
