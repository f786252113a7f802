// SPDX-License-Identifier: Apache-2.0
// Whole chips with a DRAM: what they compute stays the same, when it is done is the DRAM's.
#include "platform/platform.hpp"

#include <fmt/format.h>

#include "child.hpp"
#include "command_bench.hpp"
#include "spec/generated/spec.hpp"

namespace tern::test {
namespace {

constexpr uint64_t kMemory = 3 << 20;
using Kind = sim::MemoryFault::Kind;

sim::ChipOptions options(const std::string& config, const std::string& dram, double mhz = 0,
                         bool run_ahead = true) {
  sim::ChipOptions o;
  o.config = config;
  o.platform.dram = dram;
  o.platform.clock_mhz = mhz;
  o.platform.run_ahead = run_ahead;
  return o;
}

/// Words loaded from memory and stored elsewhere, twice over 64 KB.
class Copier {
 public:
  explicit Copier(const sim::ChipOptions& o) : bench(o, kMemory) {
    std::mt19937_64 random(3);
    std::vector<std::byte> data(1 << 20);
    for (std::byte& b : data) b = static_cast<std::byte>(random());
    bench.write_memory(0, data);
  }
  void copy(uint32_t words) {
    std::mt19937_64 random(1);
    spec::LoadCommand load;
    load.beats = 4 * words / bench.chip.config().columns;
    load.count = words;
    bench.issue(load.pack(), spec::Unit::kLoad);
    spec::StoreCommand store;
    store.addr_low = 2 << 20;
    store.count = words;
    store.rows = 1;
    store.beat_stride = 1;
    bench.after_all(store, random);
    bench.issue(store.pack(), spec::Unit::kStore);
  }
  bool same(uint32_t words) {
    std::vector<std::byte> a(4 * words), b(4 * words);
    bench.chip.read_memory(0, a);
    bench.chip.read_memory(2 << 20, b);
    return a == b;
  }
  CommandBench bench;
};

/// The chip's cycles of one copy, or what went wrong.
std::string copy_with(const sim::ChipOptions& o, double stall = 0) {
  constexpr uint32_t kWords = 8192;
  sim::ChipOptions with = o;
  with.timing.stall = stall;
  Copier copier(with);
  const uint64_t before = copier.bench.chip.cycles();
  copier.copy(kWords);
  if (!copier.bench.wait_done()) return "not done";
  const uint64_t cycles = copier.bench.chip.cycles() - before;
  copier.bench.chip.run(5000);  // the last writes reach the DRAM
  if (!copier.same(kWords)) return "the copy differs";
  const auto report = copier.bench.chip.memory_report();
  if (!report) return fmt::format("{}", cycles);
  const MemoryReport& m = *report;
  const uint64_t idle = m["idle_no_request"] + m["idle_refresh"] + m["idle_turnaround"] +
                        m["idle_bank_group"] + m["idle_row"] + m["idle_other"];
  if (m["data_busy"] + idle != m["cycles"]) return "the accounts do not add up";
  const dram::Geometry g = dram::find_preset(o.platform.dram).geometry;
  const uint64_t bursts = 4 * kWords / g.burst_bytes();
  if (m["reads"] < bursts || m["writes"] < bursts)
    return fmt::format("{} reads and {} writes for {} bursts", m["reads"], m["writes"], bursts);
  return fmt::format("{}", cycles);
}

TEST(Platform, CopiesTheSameBytesOnEveryDram) {
  for (const char* config : {"edge", "nano"}) {
    for (const std::string& dram : dram::preset_names()) {
      SCOPED_TRACE(std::string(config) + " on " + dram);
      const std::string cycles = in_child([&] { return copy_with(options(config, dram)); });
      EXPECT_GT(std::atoi(cycles.c_str()), 0) << cycles;
    }
  }
}

TEST(Platform, RunningAheadOfTheKernelChangesNoCycle) {
  for (const double mhz : {77.0, 300.0, 1000.0}) {
    for (const double stall : {0.0, 0.3}) {
      const auto cycles = [&](bool run_ahead) {
        return in_child(
            [&] { return copy_with(options("edge", "ddr4-2400", mhz, run_ahead), stall); });
      };
      const std::string strict = cycles(false);
      EXPECT_GT(std::atoi(strict.c_str()), 0) << strict;
      EXPECT_EQ(strict, cycles(true)) << mhz << " MHz";
    }
  }
}

TEST(Platform, AFasterChipWaitsMoreCycles) {
  const auto cycles = [](double mhz) {
    const std::string text = in_child([&] { return copy_with(options("edge", "ddr4-2400", mhz)); });
    return std::atoi(text.c_str());
  };
  const int slow = cycles(100), fast = cycles(600);
  EXPECT_GT(slow, 0);
  EXPECT_GT(fast, slow);
}

TEST(Platform, FaultsAreTheSameWithADram) {
  const auto errors = [](Kind kind) {
    return in_child([&] {
      Copier copier(options("edge", "ddr4-2400"));
      copier.bench.chip.inject({kind, kind == Kind::kFlipWrite ? 3u : 100u, 77, 0});
      copier.copy(4096);
      copier.bench.chip.run(20'000);
      return fmt::format("{:x}", copier.bench.errors());
    });
  };
  namespace reg = spec::reg;
  EXPECT_EQ(errors(Kind::kNone), "0");
  EXPECT_EQ(errors(Kind::kReadError), fmt::format("{:x}", 1u << reg::kErrorBusReadLsb));
  EXPECT_EQ(errors(Kind::kFlipRead), fmt::format("{:x}", 1u << reg::kErrorParityLsb));
  EXPECT_EQ(errors(Kind::kFlipWrite), fmt::format("{:x}", 1u << reg::kErrorBusWriteLsb));
}

TEST(Platform, ASecondOneInAProcessIsRefused) {
  EXPECT_EQ(in_child([] {
              sim::VerilatedChip first(options("edge", "ddr4-2400"));
              try {
                sim::VerilatedChip second(options("edge", "ddr4-2400"));
              } catch (const Error& e) {
                sim::VerilatedChip without(options("edge", ""));
                return std::string(e.what());
              }
              return std::string("two");
            }).substr(0, 44),
            "a second chip with a DRAM in one process: Sy");
}

TEST(Platform, ImpossibleClocksAndMemoriesAreRefused) {
  const auto message = [](const sim::ChipOptions& o) {
    return in_child([&] {
      sim::VerilatedChip chip(o);
      chip.reserve_memory(uint64_t{64} << 20);
      chip.wait_interrupt(10);
      return std::string("opened");
    });
  };
  EXPECT_NE(message(options("edge", "ddr4-2400", -5)).find("-5 MHz"), std::string::npos);
  EXPECT_NE(message(options("edge", "ddr5")).find("there are sdr-133"), std::string::npos);
  EXPECT_NE(message(options("edge", "", 300)).find("without a DRAM"), std::string::npos);
  EXPECT_NE(message(options("nano", "sdr-133")).find("64 MB of memory, sdr-133 has 32"),
            std::string::npos);
  EXPECT_EQ(message(options("edge", "ddr4-2400")), "opened");
}

}  // namespace
}  // namespace tern::test
