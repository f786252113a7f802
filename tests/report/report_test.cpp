// SPDX-License-Identifier: Apache-2.0
// `tern report` as a user runs it: sums that must add up, and what goes wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "process.hpp"

namespace tern::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// The first of this kind; it lives as long as the report, which is no temporary.
const json& figure(json&&, const std::string&) = delete;
const json& figure(const json& report, const std::string& kind) {
  for (const json& f : report.at("figures"))
    if (f.at("kind") == kind) return f;
  throw std::runtime_error("no figure " + kind);
}

double sum(const json& rows, const char* field) {
  double total = 0;
  for (const json& row : rows) total += row.at(field).get<double>();
  return total;
}

json report(std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"report", "--preset", "demo"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_tern_json(arguments);
}

TEST(Report, EveryCycleAndEveryJouleIsSomewhere) {
  for (const std::string context : {"5", "300"}) {
    const json r = report({"--context", context});
    const json& s = r.at("summary");
    const double cycles = s.at("cycles_per_token");
    EXPECT_NEAR(sum(figure(r, "cycles").at("rows"), "cycles"), cycles, 1);
    // Requests begin and end some cycles beside the counted work.
    EXPECT_NEAR(sum(figure(r, "operations").at("rows"), "cycles"), cycles, 0.01 * cycles);
    const double joules = s.at("joules_per_token");
    double parts = 0;
    for (const auto& [name, part] : s.at("joules").items()) parts += part.at("value").get<double>();
    EXPECT_NEAR(parts, joules, 1e-9 * joules);
    EXPECT_NEAR(sum(figure(r, "energy").at("rows"), "millijoules"), 1e3 * joules, 1e-6 * joules);
    EXPECT_NEAR(s.at("tokens_per_second").get<double>() * cycles,
                s.at("chip_mhz").get<double>() * 1e6, 1);
  }
}

/// The row of this name.
const json& row(const json& rows, const std::string& name) {
  for (const json& r : rows)
    if (r.value("name", r.value("what", "")) == name) return r;
  throw std::runtime_error("no row " + name);
}

// Every layout of weights, on five trees and on eight (nano).
TEST(Report, EnergyByOperationIsAllOfTheEnergy) {
  const std::vector<std::vector<std::string>> cases = {
      {"demo"},
      {"demo", "--batch", "4"},
      {"demo", "--config", "nano"},
      {"tiny-qwen3", "--positions", "256"},
      {"tiny-qwen3", "--positions", "256", "--config", "nano"},
      {"tiny-qwen3", "--positions", "256", "--config", "ulx3s"},
      {"tiny-qwen3", "--positions", "256", "--config", "k26"},
      {"tiny-groups", "--positions", "256"},
      {"tiny-groups", "--positions", "256", "--config", "nano"},
      {"tiny-signs", "--positions", "256"},
      {"tiny-signs", "--positions", "256", "--trees", "8"},
      {"tiny-signs", "--positions", "256", "--trees", "8", "--batch", "8"},
      {"tiny-signs", "--positions", "256", "--config", "nano"}};
  for (const std::vector<std::string>& arguments : cases) {
    std::vector<std::string> all = {"report", "--context", "100", "--preset"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const json r = run_tern_json(all);
    const double joules = 1e3 * r.at("summary").at("joules_per_token").get<double>();
    EXPECT_NEAR(sum(figure(r, "energy_operations").at("rows"), "millijoules"), joules,
                1e-12 * joules)
        << testing::PrintToString(arguments);
  }
}

/// What tern_energy says of a token with ASAP7.
json energy_of_token(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--technology", "asap7", "--json"});
  const Result r = run_program(TERN_ENERGY_PROGRAM, arguments);
  if (r.status != 0) throw std::runtime_error(r.err);
  return json::parse(r.out).at(0);
}

// Both take the counts of the performance model.
TEST(EnergyProgram, SaysOfATokenWhatTheReportSays) {
  const std::vector<std::vector<std::string>> cases = {
      {"--preset", "tiny-signs", "--context", "100", "--dram", "ddr4-2400"},
      {"--preset", "tiny-qwen3", "--config", "nano", "--context", "30", "--dram", "sdr-133"}};
  for (std::vector<std::string> arguments : cases) {
    const json token = energy_of_token(arguments);
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), {"--technology", "asap7", "--clock-mhz",
                                       std::to_string(token.at("clock_mhz").get<double>())});
    const json summary = run_tern_json(arguments).at("summary");
    const double joules = summary.at("joules_per_token");
    EXPECT_NEAR(token.at("joules").get<double>(), joules, 1e-9 * joules);
    const double seconds = 1 / summary.at("tokens_per_second").get<double>();
    EXPECT_NEAR(token.at("seconds").get<double>(), seconds, 1e-9 * seconds);
  }
}

// Of one shape, one of signs and the other of trits.
TEST(EnergyProgram, TakesAPresetAsWhatItIs) {
  const auto multiplies = [](const json& token, const std::string& what) {
    return std::ranges::any_of(token.at("terms"), [&](const json& term) {
      return term.at("name") == "array, " + what + ": lanes and trees";
    });
  };
  const json bonsai = energy_of_token({"--preset", "bonsai-8b"});
  EXPECT_TRUE(multiplies(bonsai, "signs"));
  EXPECT_FALSE(multiplies(bonsai, "weights"));
  const json qwen3 = energy_of_token({"--preset", "qwen3-8b"});
  EXPECT_FALSE(multiplies(qwen3, "signs"));
  EXPECT_TRUE(multiplies(qwen3, "weights"));
}

TEST(EnergyProgram, SaysWhatIsWrong) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const Result r = run_program(TERN_ENERGY_PROGRAM, arguments);
    EXPECT_EQ(r.status, 1);
    return r.err;
  };
  EXPECT_NE(error({"--preset", "demo", "--context", "512"}).find("--context 512"),
            std::string::npos);
  EXPECT_NE(error({"--dram", "ddr9"}).find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error({"--preset", "bonsai-8b", "--config", "ulx3s"}).find("group scales"),
            std::string::npos);
}

// Weights and head by hand, in beats of 64 bytes: five layers of 13 matrices' worth of stripes.
TEST(Report, TrafficIsThatOfTheShape) {
  const json r = report({"--context", "100"});
  const json& rows = figure(r, "traffic").at("rows");
  const double stripes =
      2 * 52 + 2 * 26 + 2 * 103 + 52 * 2;  // q, output; k, v; gate, up; down of 8 tiles
  EXPECT_NEAR(row(rows, "weights").at("megabytes").get<double>(), 5 * stripes * 4 * 64 * 1e-6,
              0.03 * 5 * stripes * 4 * 64 * 1e-6);
  EXPECT_NEAR(row(rows, "head").at("megabytes").get<double>(), (1024 * 256 + 4 * 1024) * 1e-6,
              1e-4);
  // 101 tokens in blocks of 20 and tiles of 64, two heads of 64 dimensions; two int32 a token and
  // head, in whole beats.
  EXPECT_NEAR(row(rows, "keys and values").at("megabytes").get<double>(),
              5 * 2 * (64 * (120 + 128) + 2 * 448) * 1e-6, 1e-9);
}

// A DRAM draws power whether bursts come or not: the datasheet's currents, as tern_energy takes
// them.
TEST(Report, DramCostsItsRowsRefreshesAndStandby) {
  const json r = report({"--context", "100", "--dram", "ddr4-2400"});
  double standby = 0;
  for (const json& term : figure(r, "energy").at("rows"))
    if (term.at("name") == "standby, rows open") standby = term.at("millijoules");
  const double seconds = 1 / r.at("summary").at("tokens_per_second").get<double>();
  EXPECT_NEAR(standby, 1e3 * 4 * 1.2 * 0.047 * seconds, 1e-3 * standby);
}

class DramFile : public testing::Test {
 protected:
  /// ddr4-2400 under another name, with another line in place of that of its energies.
  std::string write(const std::string& file, const std::string& name, const std::string& energy) {
    std::ifstream in(std::string(TERN_SOURCE_DIR) + "/sim/dram/presets.yaml");
    std::string text;
    bool copy = false;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("  ") && line[2] != ' ') copy = line == "  ddr4-2400:";
      if (!copy) continue;
      if (line == "  ddr4-2400:") line = "  " + name + ":";
      if (line.starts_with("    energy:")) line = energy;
      text += line + "\n";
    }
    const fs::path path = folder / file;
    std::ofstream(path) << "presets:\n" << text;
    return path.string();
  }
  const fs::path folder = testing::TempDir();
};

TEST_F(DramFile, HasTheEnergiesThatItNames) {
  const json preset = report({"--dram", "ddr4-2400"}).at("summary");
  for (const std::string& dram : {write("one.yaml", "mine", "    energy: ddr4"),
                                  write("my2.yaml", "ddr4-mine", "") + ":ddr4-mine"}) {
    const json own = report({"--dram", dram}).at("summary");
    EXPECT_EQ(own.at("joules"), preset.at("joules")) << dram;
    EXPECT_EQ(own.at("cycles_per_token"), preset.at("cycles_per_token")) << dram;
  }
  const json other =
      report({"--dram", write("one.yaml", "mine", "    energy: ddr3")}).at("summary");
  EXPECT_NE(other.at("joules").at("DRAM"), preset.at("joules").at("DRAM"));
}

TEST_F(DramFile, WithoutEnergiesSaysHowToNameThem) {
  for (const char* energy : {"", "    energy: ddr9"}) {
    const Result r =
        run_tern({"report", "--preset", "demo", "--dram", write("one.yaml", "mine", energy)});
    EXPECT_EQ(r.status, 1);
    EXPECT_NE(r.err.find("`energy: NAME`"), std::string::npos) << r.err;
    EXPECT_NE(r.err.find("lpddr5x"), std::string::npos) << r.err;
  }
}

TEST(Report, SaysWhenTheTechnologyMissesTheClock) {
  const std::vector<std::string> fast = {"report", "--preset", "demo", "--dram", "lpddr5x-8533"};
  const Result missed = run_tern(fast);
  EXPECT_EQ(missed.status, 0) << missed.err;
  EXPECT_NE(missed.err.find("WARNING: 1067 MHz is more than blocks of asap7 meet"),
            std::string::npos)
      << missed.err;
  EXPECT_NE(missed.out.find("tokens/s (projected)"), std::string::npos) << missed.out;
  const json data = run_tern_json(fast);
  EXPECT_EQ(data.at("warnings").size(), 1u);
  EXPECT_EQ(data.at("summary").at("clock_met"), false);
  EXPECT_NEAR(data.at("summary").at("missed_clock").at("controller").get<double>(), 490, 5);

  // 300 MHz, the default memory's, is no clock for 180 nm, but one for the default technology.
  EXPECT_EQ(report({"--technology", "osu018"}).at("warnings").size(), 1u);
  const json met = report();
  EXPECT_EQ(met.at("warnings").size(), 0u);
  EXPECT_EQ(met.at("summary").at("clock_met"), true);
  EXPECT_EQ(met.at("summary").at("time_tag"), "derived");
}

TEST(Report, NoPointLiesAboveItsRoof) {
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
           {"--context", "300"}, {"--context", "300", "--config", "nano"}}) {
    const json r = report(more);
    const json f = figure(r, "roofline");
    const auto gmacs = [&](int point) { return f.at("points")[point].at("gmacs").get<double>(); };
    const auto roof = [&](int line) { return f.at("roofs")[line].at("line")[0][1].get<double>(); };
    const double slope = roof(0) / f.at("from").get<double>();
    for (int point : {0, 1}) {
      EXPECT_LE(gmacs(point), slope * f.at("points")[point].at("intensity").get<double>());
      EXPECT_LE(gmacs(point), roof(2));
      EXPECT_GE(f.at("points")[point].at("intensity").get<double>(), f.at("from").get<double>());
      EXPECT_LE(f.at("points")[point].at("intensity").get<double>(), f.at("to").get<double>());
    }
    EXPECT_LE(gmacs(0), roof(1));  // decoding under its own
    EXPECT_LE(roof(1), roof(2));
  }
}

TEST(Report, NoShareIsMoreThanAll) {
  for (const char* clock : {"0.1", "20000"}) {
    for (const char* dram : {"sdr-133", "hbm3-6400"}) {
      const json s = report({"--context", "5", "--dram", dram, "--clock-mhz", clock}).at("summary");
      EXPECT_GT(s.at("memory_share").get<double>(), 0) << dram << " " << clock;
      EXPECT_LE(s.at("memory_share").get<double>(), 1) << dram << " " << clock;
    }
  }
  const json batch = report({"--batch", "64", "--context", "1", "--dram", "sdr-133"}).at("summary");
  EXPECT_LE(batch.at("memory_share").get<double>(), 1);
  // A token of more cycles than counters of 32 bits hold is no token of fewer.
  const Result slow = run_tern({"report", "--preset", "bitnet-2b4t", "--layers", "20", "--dram",
                                "sdr-133", "--clock-mhz", "20000"});
  EXPECT_EQ(slow.status, 1) << slow.out;
  EXPECT_NE(slow.err.find("counters of 32 bits"), std::string::npos) << slow.err;
}

TEST(Report, ClocksOutOfRangeAreUsageErrors) {
  for (const char* clock : {"1e6", "1e99", "1e-300", "-5", "nan", "inf", "4294967296", "0", ""})
    EXPECT_EQ(run_tern({"report", "--preset", "demo", "--clock-mhz", clock}).status, 2) << clock;
}

TEST(Report, TakesTheParametersOfAChip) {
  const json base = report(), narrow = report({"--columns", "32", "--lanes", "16"});
  const auto cycles = [](const json& r) {
    return r.at("summary").at("cycles_per_token").get<double>();
  };
  EXPECT_GT(cycles(narrow), 1.4 * cycles(base));
  EXPECT_NE(narrow.at("reproduce").get<std::string>().find("--columns 32 --lanes 16"),
            std::string::npos);
  EXPECT_NE(run_tern({"report", "--preset", "demo", "--lanes", "12"}).err.find("lanes is 12"),
            std::string::npos);
}

TEST(Report, SaysWhatMadeItAndCanBeMadeAgain) {
  const json r = report({"--context", "77"});
  EXPECT_FALSE(r.at("made").at("version").get<std::string>().empty());
  EXPECT_FALSE(r.at("made").at("commit").get<std::string>().empty());
  EXPECT_EQ(r.at("made").at("date").get<std::string>().size(), 10u);
  std::istringstream words(r.at("reproduce").get<std::string>());
  std::vector<std::string> arguments;
  for (std::string word; words >> word;) arguments.push_back(word);
  ASSERT_EQ(arguments.at(0), "tern");
  arguments.erase(arguments.begin());
  EXPECT_EQ(run_tern_json(arguments).at("summary"), r.at("summary"));
}

TEST(Report, PeersHaveSourcesAndNoBarBesideNothing) {
  const json r = report();
  for (const json& peer : figure(r, "peers").at("rows")) {
    EXPECT_FALSE(peer.at("source").get<std::string>().empty()) << peer;
    EXPECT_EQ(peer.at("share").is_null(), peer.at("ours").is_null()) << peer;
  }
}

TEST(Report, FollowsContextMemoryAndBatch) {
  const auto speed = [](const json& r) {
    return r.at("summary").at("tokens_per_second").get<double>();
  };
  const double base = speed(report({"--context", "100"}));
  EXPECT_GT(base, speed(report({"--context", "500"})));
  EXPECT_GT(base, 2 * speed(report({"--context", "100", "--dram", "sdr-133"})));
  EXPECT_LT(base, speed(report({"--context", "100", "--batch", "4"})));
  const json r = report();
  const json& rows = figure(r, "context").at("rows");
  for (std::size_t i = 1; i < rows.size(); ++i)
    EXPECT_GT(rows[i].at("cycles").get<double>(), rows[i - 1].at("cycles").get<double>());
}

TEST(Report, EveryNumberHasATag) {
  const json r = report();
  const auto known = [](const json& tag) {
    return tag == "measured" || tag == "derived" || tag == "projected" || tag == "published";
  };
  for (const json& h : r.at("headline")) EXPECT_TRUE(known(h.at("tag"))) << h;
  for (const json& a : r.at("assumptions")) {
    EXPECT_TRUE(known(a.at("tag"))) << a;
    EXPECT_FALSE(a.at("source").get<std::string>().empty()) << a;
  }
  for (const json& row : figure(r, "energy").at("rows")) EXPECT_TRUE(known(row.at("tag"))) << row;
  // What is cited from memory says so, wherever it is shown.
  EXPECT_EQ(row(r.at("assumptions"), "SRAM").at("tag"), "published");
  EXPECT_EQ(row(r.at("assumptions"), "SRAM").at("recalled"), true);
  EXPECT_EQ(r.at("summary").at("joules").at("SRAM").at("recalled"), true);
  EXPECT_EQ(r.at("summary").at("recalled"), true);
  EXPECT_NE(run_tern({"report", "--preset", "demo"}).out.find("projected, recalled"),
            std::string::npos);
  for (const json& row : figure(r, "peers").at("rows")) EXPECT_TRUE(known(row.at("tag"))) << row;
}

TEST(Report, SaysWhatIsWrong) {
  const auto error = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "report");
    const Result r = run_tern(arguments);
    EXPECT_NE(r.status, 0);
    return r.err;
  };
  EXPECT_NE(error({"--preset", "demo", "--context", "512"}).find("--context 512"),
            std::string::npos);
  EXPECT_NE(error({"--preset", "nothing"}).find("bitnet-2b4t"), std::string::npos);
  EXPECT_NE(error({"--dram", "ddr9"}).find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error({"--preset", "bitnet-2b4t", "--config", "nano"}).find("tern: error"),
            std::string::npos);
}

}  // namespace
}  // namespace tern::test
