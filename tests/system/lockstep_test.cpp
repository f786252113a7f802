// SPDX-License-Identifier: Apache-2.0
// The simulated chips against the golden model, through the whole program.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>

#include "process.hpp"
#include "waves.hpp"

namespace tern::test {
namespace {

void expect_pass(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "verify");
  const Result r = run_tern(arguments, 800);
  EXPECT_EQ(r.status, 0) << r.out << r.err;
  EXPECT_NE(r.out.find("PASS"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find(" 0 vectors differ"), std::string::npos) << r.out;
}

TEST(Lockstep, EdgeAgrees) { expect_pass({"--backend", "rtl:edge", "--tokens", "16"}); }

/// A comparison that leaves something out agrees as well: the device is asked for as many vectors
/// as the golden model has.
TEST(Lockstep, ComparesAsMuchAsTheGoldenModelTraces) {
  const auto counts = [](const char* backend) {
    const nlohmann::json j =
        run_tern_json({"verify", "--backend", backend, "--tokens", "1", "--prompt", "The"});
    return std::pair{j.at("vectors").get<int64_t>(), j.at("elements").get<int64_t>()};
  };
  const auto expected = counts("golden:");
  EXPECT_EQ(counts("rtl:edge"), expected);
  EXPECT_EQ(counts("rtl:nano"), expected);
}

TEST(Lockstep, AgreesAtTheEndOfALongContext) {
  const std::string image = (std::filesystem::path(testing::TempDir()) / "long.tern").string();
  const Result synth = run_tern({"synth", "--preset", "tiny-qwen3", "--layers", "2", "--context",
                                 "4096", "--config", "edge", "-o", image, "--quiet"});
  ASSERT_EQ(synth.status, 0) << synth.err;
  for (const char* position : {"3000", "4090"}) {
    expect_pass({"--backend", "rtl:edge", "--model", image, "--prompt", "ab", "--tokens", "0",
                 "--position", position});
  }
}

TEST(Lockstep, NanoAgrees) { expect_pass({"--backend", "rtl:nano", "--tokens", "4"}); }
TEST(Lockstep, TheBoardsChipAgrees) {
  expect_pass({"--backend", "rtl:ulx3s", "--tokens", "2", "--dram", "sdr-133"});
}
TEST(Lockstep, TheKv260sChipAgrees) {
  expect_pass({"--backend", "rtl:k26", "--tokens", "4", "--dram", "ddr4-2400"});
}

TEST(LockstepLong, EdgeAgreesForAHundredAndTwentyEightTokens) {
  expect_pass({"--backend", "rtl:edge", "--tokens", "128"});
  expect_pass({"--backend", "rtl:edge", "--tokens", "128", "--group", "1"});
}

TEST(LockstepLong, NanoAgreesForThirtyTwoTokens) {
  expect_pass({"--backend", "rtl:nano", "--tokens", "32"});
}

TEST(Lockstep, TreeBodiesAgree) {
  expect_pass({"--backend", "rtl:edge", "--body", "tree", "--tokens", "1", "--prompt", "The"});
  expect_pass({"--backend", "rtl:nano", "--body", "tree", "--tokens", "1", "--prompt", "The"});
}

TEST(Lockstep, AgreesWithASlowAndStallingMemory) {
  expect_pass({"--backend", "rtl:edge", "--tokens", "3", "--stall", "0.3", "--latency", "150",
               "--seed", "5"});
  expect_pass({"--backend", "rtl:nano", "--tokens", "1", "--stall", "0.2", "--latency", "3",
               "--seed", "6"});
}

TEST(Lockstep, AgreesWithADram) {
  expect_pass({"--backend", "rtl:edge", "--tokens", "2", "--dram", "ddr4-2400"});
  expect_pass({"--backend", "rtl:edge", "--tokens", "1", "--dram", "hbm3-6400", "--clock-mhz",
               "900", "--stall", "0.2"});
  expect_pass({"--backend", "rtl:nano", "--tokens", "1", "--prompt", "The", "--dram", "sdr-133"});
}

TEST(Lockstep, ADramChangesTheTimeAndNotTheText) {
  std::vector<std::string> job = {"run", "--backend", "rtl:edge", "--tokens", "6"};
  const nlohmann::json fixed = run_tern_json(job);
  EXPECT_FALSE(fixed.contains("memory"));
  job.insert(job.end(), {"--dram", "lpddr4-3200", "--clock-mhz", "800"});
  const nlohmann::json dram = run_tern_json(job);
  EXPECT_EQ(fixed.at("ids"), dram.at("ids"));
  EXPECT_NE(fixed.at("cycles"), dram.at("cycles"));
  const nlohmann::json& m = dram.at("memory");
  uint64_t sum = 0;
  for (const auto& [name, value] : m.items()) {
    if (name.starts_with("idle_") || name == "data_busy") sum += value.get<uint64_t>();
  }
  EXPECT_EQ(sum, m.at("cycles").get<uint64_t>());
  EXPECT_GT(m.at("reads").get<uint64_t>(), 0u);
  EXPECT_EQ(m.at("chip_mhz"), 800.0);
}

TEST(Lockstep, AgreesWhenThePromptComesOneTokenAtATime) {
  expect_pass({"--backend", "rtl:edge", "--tokens", "2", "--group", "1"});
}

TEST(Lockstep, AgreesFarIntoTheContext) {
  expect_pass({"--backend", "rtl:edge", "--tokens", "2", "--prompt", "The", "--position", "500"});
}

/// What differs between families of models, and between forms of matrices.
TEST(Lockstep, TheFamiliesAgree) {
  for (const char* preset :
       {"tiny-bitnet", "tiny-llama", "tiny-qwen3", "tiny-signs", "tiny-groups"}) {
    for (const char* config : {"nano", "edge"}) {
      SCOPED_TRACE(testing::Message() << preset << " on " << config);
      const std::string image = (std::filesystem::path(testing::TempDir()) /
                                 (std::string(preset) + "-" + config + ".tern"))
                                    .string();
      const Result synth =
          run_tern({"synth", "--preset", preset, "--config", config, "-o", image, "--quiet"}, 60);
      ASSERT_EQ(synth.status, 0) << synth.err;
      expect_pass({"--backend", std::string("rtl:") + config, "--model", image, "--prompt", "abc",
                   "--tokens", "2"});
    }
  }
}

TEST(LockstepLong, AWholeTokenOfTwoBillionWeightsBehindFiveHundredOthers) {
  const std::string image = (std::filesystem::path(testing::TempDir()) / "2b4t.tern").string();
  const Result synth = run_tern(
      {"synth", "--preset", "bitnet-2b4t", "--config", "edge", "-o", image, "--quiet"}, 300);
  ASSERT_EQ(synth.status, 0) << synth.err;
  expect_pass({"--backend", "rtl:edge", "--model", image, "--prompt", "a", "--tokens", "0",
               "--position", "511"});
}

TEST(LockstepLong, AgreesUpToTheEndOfTheContext) {
  std::string prompt;
  for (int i = 0; i < 200; ++i) prompt += "The cat sat. ";
  prompt.resize(1300);
  const int used = run_tern_json({"run", "--tokens", "1", "--prompt", prompt}).at("prompt_tokens");
  ASSERT_GT(used, 450);
  ASSERT_LE(used, 512);
  expect_pass(
      {"--backend", "rtl:edge", "--tokens", std::to_string(512 - used), "--prompt", prompt});
}

TEST(Lockstep, BothBodiesTakeTheSameCycles) {
  const std::vector<std::string> job = {"verify",  "--backend", "rtl:edge", "--tokens", "0",
                                        "--stall", "0.1",       "--prompt", "The"};
  std::vector<std::string> tree = job;
  tree.insert(tree.end(), {"--body", "tree"});
  EXPECT_EQ(run_tern_json(job).at("cycles"), run_tern_json(tree).at("cycles"));
}

TEST(Story, GoldenAndChipTellTheSame) {
  const std::vector<std::string> job = {"run", "--tokens", "100", "--seed", "7", "--backend"};
  std::vector<std::string> golden = job, chip = job;
  golden.push_back("golden:");
  chip.push_back("rtl:edge");
  EXPECT_EQ(run_tern_json(golden).at("ids"), run_tern_json(chip).at("ids"));
}

/// The chip's ports in a trace: a clock of every cycle, and on the buses what the counters say.
TEST(Waveforms, ShowEveryCycleAndEveryTransfer) {
  const auto path = std::filesystem::path(testing::TempDir()) / "waves.fst";
  const nlohmann::json j = run_tern_json({"run", "--backend", "rtl:nano", "--prompt", "",
                                          "--tokens", "1", "--trace", path.string(), "--quiet"});
  const Waves waves = read_waves(path, "chip");
  ASSERT_TRUE(waves.signals.contains("chip.clk_i"));
  // Values in the order of time; clock edges sample what was there before.
  std::map<uint64_t, std::map<std::string, std::string>> changes;
  for (const auto& [name, values] : waves.signals) {
    for (const auto& [time, value] : values) changes[time][name] = value;
  }
  uint64_t cycles = 0, bursts = 0, beats = 0, interrupts = 0;
  std::map<std::string, std::string> now;
  for (const auto& [time, values] : changes) {
    const auto clock = values.find("chip.clk_i");
    if (clock != values.end() && clock->second == "1") {
      ++cycles;
      const auto both = [&](const char* a, const char* b) {
        const std::string port = "chip.m_axi_";
        return now[port + a] == "1" && now[port + b] == "1";
      };
      bursts += both("arvalid_o", "arready_i");
      beats += both("rvalid_i", "rready_o");
    }
    const auto irq = values.find("chip.irq_o");
    interrupts += irq != values.end() && irq->second == "1";
    for (const auto& [name, value] : values) now[name] = value;
  }
  EXPECT_GE(cycles, j.at("cycles").get<uint64_t>());
  // But for the reset's, which are not recorded.
  EXPECT_NEAR(static_cast<double>(waves.end), 2.0 * static_cast<double>(cycles), 16);
  EXPECT_GE(beats, j.at("beats").get<uint64_t>());
  EXPECT_GT(bursts, beats / 16);
  EXPECT_LT(bursts, beats);
  EXPECT_GT(interrupts, 0u);
  std::ofstream(path) << "no waves";
  EXPECT_THROW(read_waves(path, "chip"), std::runtime_error);
}

}  // namespace
}  // namespace tern::test
