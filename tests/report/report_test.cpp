// `tern report` and `tern sweep` as a user runs them: sums that must add up, and what goes wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "process.hpp"

namespace tern::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

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
    // Operations leave out the controller's accesses and what is lost in DRAM bursts.
    EXPECT_NEAR(sum(figure(r, "energy_operations").at("rows"), "millijoules"), 1e3 * joules,
                0.1 * 1e3 * joules);
    EXPECT_NEAR(s.at("tokens_per_second").get<double>() * cycles,
                s.at("chip_mhz").get<double>() * 1e6, 1);
  }
}

TEST(Report, TrafficIsThatOfTheShape) {
  const json r = report({"--context", "100"});
  const json& rows = figure(r, "traffic").at("rows");
  const json info = run_tern_json({"info", "--config", "edge"});
  for (const json& row : rows) {
    if (row.at("name") != "weights") continue;
    // `tern info` counts the same from the descriptors.
    const double weights = info.at("weight_bytes_per_token").get<double>() * 1e-6;
    EXPECT_NEAR(row.at("megabytes").get<double>(), weights, 0.03 * weights);
  }
}

TEST(Report, FollowsContextMemoryAndBatch) {
  const auto speed = [](const json& r) { return r.at("summary").at("tokens_per_second").get<double>(); };
  const double base = speed(report({"--context", "100"}));
  EXPECT_GT(base, speed(report({"--context", "500"})));
  EXPECT_GT(base, 2 * speed(report({"--context", "100", "--dram", "sdr-133"})));
  EXPECT_LT(base, speed(report({"--context", "100", "--batch", "4"})));
  const json rows = figure(report(), "context").at("rows");
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
  for (const json& row : figure(r, "peers").at("rows")) EXPECT_TRUE(known(row.at("tag"))) << row;
}

TEST(Report, SaysWhatIsWrong) {
  const auto error = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "report");
    const Result r = run_tern(arguments);
    EXPECT_NE(r.status, 0);
    return r.err;
  };
  EXPECT_NE(error({"--preset", "demo", "--context", "512"}).find("--context 512"), std::string::npos);
  EXPECT_NE(error({"--preset", "nothing"}).find("bitnet-2b4t"), std::string::npos);
  EXPECT_NE(error({"--dram", "ddr9"}).find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error({"--preset", "bitnet-2b4t", "--config", "nano"}).find("tern: error"), std::string::npos);
}

class Sweep : public testing::Test {
 protected:
  Sweep()
      : folder(fs::path(testing::TempDir()) /
               ("tern_sweep_" +
                std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(folder);
    fs::create_directories(folder);
  }
  ~Sweep() override { fs::remove_all(folder); }

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
  const fs::path folder;
};

constexpr const char* kPlan =
    "models: [demo]\nparameters:\n  lanes: [16, 32]\n  act_columns: [1, 8]\n"
    "drams: [ddr4-2400, lpddr4-3200]\ncontexts: [10, 200]\n";

TEST_F(Sweep, RunsAllCombinationsAndGoesOnWhereItWasInterrupted) {
  const fs::path plan = write(kPlan);
  const fs::path out = folder / "out";
  const json first = run_tern_json({"sweep", plan.string(), "-o", out.string()});
  ASSERT_EQ(first.at("points").size(), 16u);
  EXPECT_GE(first.at("pareto").size(), 1u);
  for (const json& p : first.at("points")) EXPECT_GT(p.at("tokens_per_second").get<double>(), 0) << p;
  EXPECT_EQ(std::ranges::count(read(out / "sweep.csv"), '\n'), 17);

  // As if the program had been killed in the middle of a line.
  const std::string journal = read(out / "points.jsonl");
  std::ofstream(out / "points.jsonl") << journal.substr(0, journal.size() / 2);
  const Result again = run_tern({"sweep", plan.string(), "-o", out.string(), "--json"});
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(json::parse(again.out), first);
  EXPECT_NE(again.err.find("of 16 points are in"), std::string::npos) << again.err;
}

TEST_F(Sweep, KeepsPointsThatCannotRunWithTheReason) {
  const fs::path plan = write("models: [demo]\ncontexts: [10]\nparameters: {scratch_words: [4096, 163840]}\n");
  const json all = run_tern_json({"sweep", plan.string(), "-o", (folder / "out").string()});
  ASSERT_EQ(all.at("points").size(), 2u);
  EXPECT_NE(all["points"][0].at("error").get<std::string>().find("scratchpad"), std::string::npos) << all;
  EXPECT_GT(all["points"][1].at("tokens_per_second").get<double>(), 0);
}

TEST_F(Sweep, GivesSignsAsManyTreesAsThePlanSays) {
  const fs::path plan = write(
      "models: [bonsai-8b]\nlayers: [2]\npositions: [1024]\ncontexts: [10]\nparameters: {trees: [5, 8, 6]}\n");
  const json all = run_tern_json({"sweep", plan.string(), "-o", (folder / "out").string()});
  ASSERT_EQ(all.at("points").size(), 3u);
  const double five = all["points"][0].at("cycles_per_token"), eight = all["points"][1].at("cycles_per_token");
  EXPECT_LT(eight, 0.8 * five);  // its beats take five cycles in place of eight, where the memory gives them
  EXPECT_GT(eight, 0.6 * five);
  EXPECT_NE(all["points"][2].at("error").get<std::string>().find("trees is 6"), std::string::npos) << all;
}

TEST_F(Sweep, NamesFileAndLineOfWhatItDoesNotUnderstand) {
  const auto error = [&](const std::string& text) {
    const Result r = run_tern({"sweep", write(text).string(), "-o", (folder / "out").string()});
    EXPECT_EQ(r.status, 1);
    return r.err;
  };
  EXPECT_NE(error("models: [demo]\ncolour: [1]\n").find("plan.yaml:2: colour"), std::string::npos);
  EXPECT_NE(error("contexts: 5\n").find("plan.yaml:1: contexts: expected a list"), std::string::npos);
  EXPECT_NE(error("contexts: [a]\n").find("plan.yaml:1"), std::string::npos);
  EXPECT_NE(error("parameters: {rows: [1]}\n").find("act_columns"), std::string::npos);
  EXPECT_NE(error("drams: [ddr9]\n").find("ddr4-2400"), std::string::npos);
  EXPECT_NE(error("[").find("plan.yaml"), std::string::npos);
}

}  // namespace
}  // namespace tern::test
