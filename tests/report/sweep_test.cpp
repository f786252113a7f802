// SPDX-License-Identifier: Apache-2.0
// `tern sweep` as a user runs it: what it combines, what cannot run, what goes on where, and what
// goes wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "process.hpp"

namespace tern::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class Sweep : public testing::Test {
 protected:
  fs::path write(const std::string& text) {
    const fs::path file = folder / "plan.yaml";
    std::ofstream(file) << text;
    return file;
  }
  std::string read(const fs::path& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }
  const fs::path folder = testing::TempDir();
};

/// Fields of the lines of a CSV file by the names in its head.
std::vector<std::map<std::string, std::string>> csv_rows(const std::string& text) {
  const auto fields = [](const std::string& line) {
    std::vector<std::string> out(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        out.emplace_back();
      else
        out.back() += c;
    }
    return out;
  };
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  const std::vector<std::string> names = fields(line);
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> values = fields(line);
    EXPECT_EQ(values.size(), names.size()) << line;
    auto& row = rows.emplace_back();
    for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i)
      row[names[i]] = values[i];
  }
  return rows;
}

constexpr const char* kPlan =
    "models: [demo]\nparameters:\n  lanes: [16, 32]\n  act_columns: [1, 8]\n"
    "drams: [ddr4-2400, lpddr4-3200]\ncontexts: [10, 200]\n";

TEST_F(Sweep, RunsAllCombinationsAndGoesOnWhereItWasInterrupted) {
  const fs::path plan = write(kPlan);
  const fs::path out = folder / "out";
  const json first = run_tern_json({"sweep", plan.string(), "-o", out.string()});
  ASSERT_EQ(first.at("points").size(), 16u);
  EXPECT_GE(first.at("pareto").size(), 1u);
  for (const json& p : first.at("points"))
    EXPECT_GT(p.at("tokens_per_second").get<double>(), 0) << p;
  EXPECT_EQ(std::ranges::count(read(out / "sweep.csv"), '\n'), 17);

  // As if the program had been killed in the middle of a line.
  const std::string journal = read(out / "points.jsonl");
  const std::string csv = read(out / "sweep.csv"), page = read(out / "sweep.html");
  std::ofstream(out / "points.jsonl") << journal.substr(0, journal.size() / 2);
  const Result again = run_tern({"sweep", plan.string(), "-o", out.string(), "--json"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(again.out), first);
  EXPECT_NE(again.err.find("of 16 points are in"), std::string::npos) << again.err;
  EXPECT_EQ(read(out / "sweep.csv"), csv);
  EXPECT_EQ(read(out / "sweep.html"), page);
}

TEST_F(Sweep, KeepsPointsThatCannotRunWithTheReason) {
  const fs::path plan = write(
      "models: [demo]\npositions: [512]\ncontexts: [10]\nparameters: {scratch_words: [4096, "
      "163840]}\n");
  const json all = run_tern_json({"sweep", plan.string(), "-o", (folder / "out").string()});
  ASSERT_EQ(all.at("points").size(), 2u);
  EXPECT_NE(all["points"][0].at("error").get<std::string>().find("scratchpad"), std::string::npos)
      << all;
  EXPECT_GT(all["points"][1].at("tokens_per_second").get<double>(), 0);
}

TEST_F(Sweep, GivesSignsAsManyTreesAsThePlanSays) {
  const fs::path plan = write(
      "models: [bonsai-8b]\nlayers: [2]\npositions: [1024]\ncontexts: [10]\nparameters: {trees: "
      "[5, 8, 6]}\n");
  const json all = run_tern_json({"sweep", plan.string(), "-o", (folder / "out").string()});
  ASSERT_EQ(all.at("points").size(), 3u);
  const double five = all["points"][0].at("cycles_per_token"),
               eight = all["points"][1].at("cycles_per_token");
  EXPECT_LT(
      eight,
      0.8 * five);  // its beats take five cycles in place of eight, where the memory gives them
  EXPECT_GT(eight, 0.6 * five);
  EXPECT_NE(all["points"][2].at("error").get<std::string>().find("trees is 6"), std::string::npos)
      << all;
}

TEST_F(Sweep, NamesFileAndLineOfWhatItDoesNotUnderstand) {
  const auto error = [&](const std::string& text) {
    const Result r = run_tern({"sweep", write(text).string(), "-o", (folder / "out").string()});
    EXPECT_EQ(r.status, 1);
    return r.err;
  };
  EXPECT_NE(error("models: [demo]\ncolour: [1]\n").find("plan.yaml:2: \"colour\""),
            std::string::npos);
  EXPECT_NE(error("contexts: 5\n").find("plan.yaml:1: contexts: expected a list"),
            std::string::npos);
  EXPECT_NE(error("contexts: [a]\n").find("plan.yaml:1"), std::string::npos);
  EXPECT_NE(error("parameters: {rows: [1]}\n").find("act_columns"), std::string::npos);
  EXPECT_NE(error("drams: [ddr9]\n").find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error("[").find("plan.yaml"), std::string::npos);
}

/// One point runs, one does not.
constexpr const char* kHalfFails =
    "models: [demo]\npositions: [512]\ncontexts: [10]\nparameters: {scratch_words: [4096, "
    "163840]}\nclock_mhz: [300]\n";

TEST_F(Sweep, LeavesCellsOfFailedPointsEmpty) {
  const Result r = run_tern({"sweep", write(kHalfFails).string(), "-o", (folder / "out").string()});
  EXPECT_EQ(r.status, 0) << r.err;
  EXPECT_NE(r.err.find("1 of 2 points cannot run:\n  1: "), std::string::npos) << r.err;
  const auto rows = csv_rows(read(folder / "out" / "sweep.csv"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("ok"), "false");
  EXPECT_NE(rows[0].at("reason").find("scratchpad"), std::string::npos);
  EXPECT_EQ(rows[0].at("scratch_words"), "4096");
  EXPECT_EQ(rows[0].at("clock_mhz"), "300");
  for (const char* empty : {"cycles_per_token", "tokens_per_second", "joules_per_token", "watts",
                            "memory_share", "joules_core", "joules_dram"})
    EXPECT_EQ(rows[0].at(empty), "") << empty;
  EXPECT_EQ(rows[1].at("ok"), "true");
  EXPECT_EQ(rows[1].at("reason"), "");
  EXPECT_EQ(rows[1].at("columns"), "64");
  EXPECT_GT(std::stod(rows[1].at("tokens_per_second")), 0);
}

TEST_F(Sweep, CountsFailedPointsByReason) {
  const fs::path plan = write(
      "models: [demo]\npositions: [512]\ncontexts: [10, 20, 600]\nparameters: {scratch_words: "
      "[4096, 163840]}\n");
  const json all = run_tern_json({"sweep", plan.string(), "-o", (folder / "out").string()});
  ASSERT_GE(all.at("failures").size(), 2u);
  int failed = 0;
  for (const json& f : all.at("failures")) failed += f.at("points").get<int>();
  EXPECT_EQ(failed, 4);  // three for the scratchpad, and one for the context
  for (const json& p : all.at("points")) {
    EXPECT_EQ(p.at("ok").get<bool>(), !p.contains("error")) << p;
    EXPECT_EQ(p.at("ok").get<bool>(), p.contains("tokens_per_second")) << p;
  }
  const std::string page = read(folder / "out" / "sweep.html");
  EXPECT_NE(page.find("6 points, 4 of which cannot run"), std::string::npos);
  EXPECT_NE(page.find("contexts: [10, 20, 600]"), std::string::npos);  // the plan
}

TEST_F(Sweep, ThatRunsNothingFails) {
  const Result r = run_tern({"sweep", write("models: [demo]\ncontexts: [600]\n").string(), "-o",
                             (folder / "out").string()});
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("no point can run, of 1"), std::string::npos) << r.err;
}

TEST_F(Sweep, ThatWasInterruptedGivesTheSameFilesWithItsFailures) {
  const std::string plan = write(kHalfFails).string();
  const fs::path out = folder / "out";
  ASSERT_EQ(run_tern({"sweep", plan, "-o", out.string()}).status, 0);
  std::map<std::string, std::string> files;
  for (const char* name : {"sweep.csv", "sweep.json", "sweep.html"}) files[name] = read(out / name);
  // All but the head and one result are lost; then everything is there; then the head is half.
  const std::string journal = read(out / "points.jsonl");
  const std::size_t second = journal.find('\n', journal.find('\n') + 1) + 1;
  for (const std::size_t length : {second, journal.size(), std::size_t{20}}) {
    std::ofstream(out / "points.jsonl") << journal.substr(0, length);
    ASSERT_EQ(run_tern({"sweep", plan, "-o", out.string()}).status, 0);
    for (const auto& [name, text] : files)
      EXPECT_EQ(read(out / name), text) << name << " " << length;
  }
}

TEST_F(Sweep, DoesNotOverwriteAnotherPlansResults) {
  const std::string out = (folder / "out").string();
  ASSERT_EQ(run_tern({"sweep", write(kHalfFails).string(), "-o", out}).status, 0);
  const std::string csv = read(folder / "out" / "sweep.csv");
  for (const char* other :
       {"models: [demo]\ncontexts: [10]\n", "models: [demo]\ncontexts: [10, 20]\n"}) {
    const Result r = run_tern({"sweep", write(other).string(), "-o", out});
    EXPECT_EQ(r.status, 1);
    EXPECT_NE(r.err.find("results of another plan, of 2 points"), std::string::npos) << r.err;
    EXPECT_EQ(read(folder / "out" / "sweep.csv"), csv);
  }
  // Results that nobody knows the plan of.
  fs::remove(folder / "out" / "points.jsonl");
  EXPECT_EQ(run_tern({"sweep", write(kHalfFails).string(), "-o", out}).status, 1);
  EXPECT_EQ(read(folder / "out" / "sweep.csv"), csv);
}

TEST_F(Sweep, CountsPointsBeforeItMakesThem) {
  const auto error = [&](const std::string& text) {
    const Result r = run_tern({"sweep", write(text).string(), "-o", (folder / "out").string()}, 30);
    EXPECT_EQ(r.status, 1);
    EXPECT_FALSE(fs::exists(folder / "out"));
    return r.err;
  };
  std::string bomb;
  for (const char* list : {"contexts", "layers", "positions", "clock_mhz"}) {
    bomb += std::string(list) + ": [";
    for (int i = 1; i <= 63; ++i) bomb += std::to_string(i) + (i < 63 ? ", " : "]\n");
  }
  EXPECT_NE(
      error(bomb).find("15752961 points (63 layers x 63 positions x 63 clock_mhz x 63 contexts)"),
      std::string::npos)
      << error(bomb);
  std::string models = "models: [";
  for (int i = 0; i < 100'000; ++i) models += "m, ";
  EXPECT_NE(error(models + "m]\n").find("100001 points"), std::string::npos);
  std::string more = bomb;
  for (const char* list : {"batches", "drams"}) {
    more += std::string(list) + ": [";
    for (int i = 1; i <= 1000; ++i) more += std::to_string(i) + (i < 1000 ? ", " : "]\n");
  }
  more += "parameters: {";
  for (const char* name : {"lanes", "columns", "trees", "key_block"}) {
    more += std::string(name) + ": [";
    for (int i = 1; i <= 500; ++i) more += std::to_string(i) + (i < 500 ? ", " : "], ");
  }
  EXPECT_NE(error(more + "act_depth: [1]}\n").find("18446744073709551615 points"),
            std::string::npos);  // as many as can be told
}

TEST_F(Sweep, RefusesNumbersOutOfTheirRanges) {
  const auto error = [&](const std::string& text) {
    const Result r = run_tern(
        {"sweep", write("models: [demo]\n" + text).string(), "-o", (folder / "out").string()});
    EXPECT_EQ(r.status, 1) << text;
    return r.err;
  };
  for (const char* clock : {"-5", ".nan", "1e99", ".inf", "1e-300", "20001"})
    EXPECT_NE(
        error(std::string("clock_mhz: [300, ") + clock + "]\n").find("plan.yaml:2: clock_mhz"),
        std::string::npos)
        << clock;
  for (const char* other : {"batches: [0]", "batches: [1025]", "contexts: [-1]",
                            "contexts: [4294967296]", "layers: [5000]", "positions: [2000000]",
                            "parameters: {columns: [0]}", "parameters: {lanes: [-4]}"})
    EXPECT_NE(error(std::string(other) + "\n").find("plan.yaml:2: "), std::string::npos) << other;
}

TEST_F(Sweep, SaysWhichPointsHaveAClockThatTheTechnologyMisses) {
  const fs::path plan = write("models: [demo]\ncontexts: [10]\ntechnologies: [osu018, asap7]\n");
  const Result r = run_tern({"sweep", plan.string(), "-o", (folder / "out").string()});
  EXPECT_NE(r.err.find("WARNING: 1 of 2 points: 300 MHz is more than blocks of osu018 meet"),
            std::string::npos)
      << r.err;
  const auto rows = csv_rows(read(folder / "out" / "sweep.csv"));
  EXPECT_EQ(rows.at(0).at("clock_met"), "false");
  EXPECT_EQ(rows.at(1).at("clock_met"), "true");
}

// Half the columns with the same activations: twice the depth.
TEST_F(Sweep, KeepsTheActivationsOfAConfigurationWithOtherColumns) {
  const fs::path plan =
      write("models: [demo]\ncontexts: [10]\nparameters: {columns: [32, 64], lanes: [16]}\n");
  ASSERT_EQ(run_tern({"sweep", plan.string(), "-o", (folder / "out").string()}).status, 0);
  const auto rows = csv_rows(read(folder / "out" / "sweep.csv"));
  EXPECT_EQ(rows.at(0).at("act_depth"), "512");
  EXPECT_EQ(rows.at(1).at("act_depth"), "256");
}

/// The first block of docs/report.md that begins with a list of models.
std::string documented_plan() {
  std::ifstream in(std::string(TERN_SOURCE_DIR) + "/docs/report.md");
  std::string plan;
  for (std::string line; std::getline(in, line);) {
    if (!plan.empty() && line == "```") break;
    if (!plan.empty() || line.starts_with("models:")) plan += line + "\n";
  }
  return plan;
}

TEST_F(Sweep, RunsThePlanOfTheDocumentationInFull) {
  const std::string plan = documented_plan();
  ASSERT_NE(plan.find("act_columns"), std::string::npos);
  const json all = run_tern_json({"sweep", write(plan).string(), "-o", (folder / "out").string()});
  EXPECT_EQ(all.at("points").size(), 144u);
  EXPECT_EQ(all.at("failures").size(), 0u) << all.at("failures");
}

}  // namespace
}  // namespace tern::test
