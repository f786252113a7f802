// SPDX-License-Identifier: Apache-2.0
// Figures of `tern bench` and `tern eval`: what they depend on, and what not.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "process.hpp"

namespace tern::test {
namespace {

using nlohmann::json;

constexpr bool kRtl = TERN_WITH_RTL;

/// Cycles a token by the name of the measurement.
std::map<std::string, double> cycles(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"bench"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  std::map<std::string, double> out;
  for (const json& r : run_tern_json(arguments)) out[r.at("name")] = r.at("cycles_per_token");
  return out;
}

TEST(Bench, CyclesDoNotDependOnTheTimeItIsGiven) {
  const auto little =
      cycles({"--only", "tlm:edge,tlm:nano", "--seconds", "0.01", "--repetitions", "1"});
  const auto more = cycles({"--only", "tlm:edge,tlm:nano", "--seconds", "1", "--repetitions", "4"});
  EXPECT_EQ(little.size(), 2u);
  EXPECT_EQ(little, more);
}

TEST(Bench, BothBodiesOfTheArrayTakeTheSameCycles) {
  if (!kRtl) GTEST_SKIP() << "no RTL in this build";
  const auto little = cycles({"--only", "rtl:edge", "--seconds", "0.1", "--repetitions", "1"});
  const auto more = cycles({"--only", "rtl:edge", "--seconds", "0.3", "--repetitions", "2"});
  ASSERT_EQ(little.size(), 2u);
  EXPECT_EQ(little.at("rtl:edge (fast body)"), little.at("rtl:edge (tree body)"));
  EXPECT_EQ(little, more);
}

TEST(Bench, RepeatsAndTellsTheSpread) {
  const json all =
      run_tern_json({"bench", "--only", "golden:", "--seconds", "0.1", "--repetitions", "4"});
  ASSERT_EQ(all.size(), 1u);
  const json& r = all[0];
  ASSERT_EQ(r.at("repetitions").size(), 4u);
  double mean = 0, squares = 0;
  for (const json& v : r.at("repetitions")) mean += v.get<double>() / 4;
  for (const json& v : r.at("repetitions"))
    squares += (v.get<double>() - mean) * (v.get<double>() - mean);
  EXPECT_NEAR(r.at("tokens_per_second").get<double>(), mean, 1e-9 * mean);
  EXPECT_NEAR(r.at("tokens_per_second_deviation").get<double>(), std::sqrt(squares / 3),
              1e-6 * mean);
  EXPECT_EQ(r.at("tokens").get<int>() % r.at("window").get<int>(), 0);
}

TEST(Bench, TakesAnyBackend) {
  const auto one = cycles({"--backend", "tlm:edge", "--seconds", "0.01", "--repetitions", "1"});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one, cycles({"--only", "tlm:edge", "--seconds", "0.01", "--repetitions", "1"}));
  EXPECT_EQ(run_tern({"bench", "--backend", "tlm:edge", "--only", "golden:"}).status, 2);
}

json eval(const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"eval", "--text",
                                        TERN_SOURCE_DIR "/tests/data/sampled.txt"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_tern_json(arguments);
}

TEST(Eval, OfABackendIsThatOfItsValues) {
  const json golden = eval({"--tokens", "12"});
  EXPECT_EQ(golden.at("backend"), "golden:");
  for (const char* backend : kRtl ? std::vector<const char*>{"golden:", "rtl:edge"}
                                  : std::vector<const char*>{"golden:"}) {
    const json own = eval({"--tokens", "12", "--backend", backend});
    EXPECT_EQ(own.at("backend"), backend);
    EXPECT_EQ(own.at("backend_perplexity"), golden.at("golden_perplexity")) << backend;
    EXPECT_EQ(own.at("kl_nats"), golden.at("kl_nats")) << backend;
    EXPECT_EQ(own.at("top1_agreement"), golden.at("top1_agreement")) << backend;
  }
  const json reference = eval({"--tokens", "12", "--backend", "reference:"});
  EXPECT_NEAR(reference.at("kl_nats").get<double>(), 0, 1e-6);
}

TEST(Eval, RefusesABackendWithoutValues) {
  const Result r = run_tern({"eval", "--text", TERN_SOURCE_DIR "/tests/data/sampled.txt",
                             "--tokens", "2", "--backend", "tlm:edge"});
  EXPECT_EQ(r.status, 1);
  EXPECT_NE(r.err.find("no values to score"), std::string::npos) << r.err;
}

}  // namespace
}  // namespace tern::test
