// SPDX-License-Identifier: Apache-2.0
// The presets: where their values come from, and what they reach.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "checked.hpp"
#include "dram/characterise.hpp"
#include "io/error.hpp"

namespace tern::dram::test {
namespace {

constexpr uint64_t kRequests = 400'000;

double sequential(const Config& config) {
  return 100 * measure(config, Pattern::kSequentialReads, kRequests).utilisation();
}

// The figures of DRAMsim3 (saturated sequential reads, in percent of the peak), within 3 points.
TEST(AgainstDramsim3, Ddr4WithARowAfterTheOther) {
  Config config = find_preset("ddr4-2400");
  config.mapping = "row-channel-rank-bank-bankgroup-column";
  EXPECT_NEAR(sequential(config), 77.6, 3.0);
}

TEST(AgainstDramsim3, Ddr4WithBankGroupsInTurn) {
  EXPECT_NEAR(sequential(find_preset("ddr4-2400")), 95.5, 3.0);
}

TEST(AgainstDramsim3, Lpddr4) { EXPECT_NEAR(sequential(find_preset("lpddr4-3200")), 93.7, 3.0); }

TEST(Presets, EveryValueHasASourceThatExists) {
  EXPECT_GE(preset_names().size(), 7u);
  for (const std::string& name : preset_names()) {
    const Preset preset = load_preset(name);
    // Besides the timings: rate, transfers a clock, geometry, mapping, and perhaps the controller.
    EXPECT_GE(preset.values.size(), std::size(kTimingFields) + 4) << name;
    for (const Preset::Value& value : preset.values) {
      const std::string key = value.source.substr(0, value.source.find_first_of(",:; "));
      EXPECT_TRUE(key == "ours" || !describe_source(key).empty())
          << name << " " << value.name << ": " << value.source;
    }
  }
}

TEST(Presets, PeaksAreThoseOfTheirNames) {
  const std::pair<const char*, double> peaks[] = {
      {"sdr-133", 0.266},     {"ddr3-1600", 12.8},  {"ddr4-2400", 19.2}, {"lpddr4-3200", 25.6},
      {"lpddr5x-8533", 68.3}, {"hbm2e-3600", 57.6}, {"hbm3-6400", 51.2}};
  for (const auto& [name, peak] : peaks) {
    const Config config = find_preset(name);
    EXPECT_NEAR(config.peak_gb_per_second(), peak, 0.01 * peak) << name;
    // A burst takes as long on the bus as its transfers do.
    EXPECT_EQ(config.geometry.burst_length,
              static_cast<uint32_t>(config.timing.burst) * config.beats_per_clock)
        << name;
  }
}

TEST(Presets, LoseToRefreshWhatTheTimingSaysAndLittleElseInAStream) {
  for (const std::string& name : preset_names()) {
    Config config = find_preset(name);
    config.controller.refresh_banks = false;
    const double refresh = 100.0 * config.timing.rfc / config.timing.refi;
    const double reached = sequential(config);
    EXPECT_LE(reached, 100 - refresh + 0.1) << name;
    EXPECT_GE(reached, 100 - refresh - 3) << name;
    Config still = config;
    still.timing.refi = 0;
    EXPECT_NEAR(sequential(still) - reached, refresh, 2.5) << name;
  }
}

TEST(Presets, RefreshingSingleBanksCostsAStreamLess) {
  for (const std::string& name : preset_names()) {
    Config config = find_preset(name);
    if (config.timing.rfc_pb == 0) continue;
    config.controller.refresh_banks = false;
    const double ranks = sequential(config);
    config.controller.refresh_banks = true;
    EXPECT_GT(sequential(config), ranks + 3) << name;
  }
}

TEST(Characterise, AgreesWithWhatTheTimingsSay) {
  for (const std::string& name : preset_names()) {
    SCOPED_TRACE(name);
    const Config config = find_preset(name);
    const Characteristics c = characterise(config);
    const Timing& t = config.timing;
    const double cycle = 1e3 / config.clock_mhz();
    EXPECT_NEAR(c.idle_latency_ns, (t.rcd + t.cl + t.burst) * cycle, 1e-3 * c.idle_latency_ns);
    EXPECT_NEAR(c.row_hit_latency_ns, (t.cl + t.burst) * cycle, 1e-3 * c.row_hit_latency_ns);
    EXPECT_LE(c.random, c.sequential + 0.001);
    EXPECT_GT(c.random, 0.05);
    // A group of writes costs the idle bus of its two turns at least, and at most a closed row with
    // each of them besides.
    const double turns = (t.rtw - (t.cl + t.burst - t.cwl)) + t.cwl + t.wtr_s;
    EXPECT_GT(c.turnaround_ns, 0.8 * turns * cycle);
    EXPECT_LT(c.turnaround_ns, 2 * (t.rp + t.rcd + turns) * cycle);
    // A stream does not outrun the refreshes of its rank, but for those done ahead of time.
    EXPECT_LE(c.sequential, 1 - c.refresh + 0.02);
  }
}

class PresetFile : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = (std::filesystem::path(testing::TempDir()) / "memories.yaml").string();
    std::ofstream(path) << text;
    return path;
  }
  std::string error(const std::string& name) {
    try {
      load_preset(name);
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }
  void expect_error(const std::string& text, const std::string& part) {
    const std::string message = error(write(text));
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  /// presets.yaml with one place changed.
  std::string changed(const std::string& from, const std::string& to) {
    std::ifstream in(std::string(TERN_SOURCE_DIR) + "/sim/dram/presets.yaml");
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
};

TEST_F(PresetFile, IsReadLikeTheBuiltInOnes) {
  const std::string path = write(changed("CL: {nCK: 3,", "CL: {nCK: 2,"));
  EXPECT_EQ(find_preset(path + ":sdr-133").timing.cl, 2);
  EXPECT_EQ(find_preset(path + ":ddr4-2400").timing.cl, find_preset("ddr4-2400").timing.cl);
  EXPECT_NE(error(path).find(":NAME"), std::string::npos) << error(path);
}

TEST_F(PresetFile, ErrorsSayWhatAndWhere) {
  EXPECT_NE(error("ddr9").find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error("/nowhere/x.yaml").find("cannot be read"), std::string::npos);
  expect_error("presets: [1, 2]", "has no map");
  expect_error("a: [1, 2", "memories.yaml");
  const auto first = [&](const std::string& from, const std::string& to) {
    return error(write(changed(from, to)) + ":sdr-133");
  };
  EXPECT_NE(first("CL: {nCK: 3,", "CL: {nCK: x,").find("\"x\""), std::string::npos);
  EXPECT_NE(first("CL: {nCK: 3,", "CL: {cycles: 3,").find("\"cycles\" is not known"),
            std::string::npos);
  EXPECT_NE(first("CL: {nCK: 3,", "tCL: {nCK: 3,").find("\"tCL\" is not known"), std::string::npos);
  EXPECT_NE(first("rows: 8192", "rows: 8191").find("rows is 8191"), std::string::npos);
  EXPECT_NE(first("      CWL: {nCK: 0, source: \"mt48lc16m16a2, write data comes with the "
                  "command\"}\n",
                  "")
                .find("CWL is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace tern::dram::test
