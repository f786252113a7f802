// SPDX-License-Identifier: Apache-2.0
#include "timeline.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "io/error.hpp"

namespace tern::sim {
namespace {

nlohmann::json written(const Timeline& timeline, const char* name) {
  const auto file = std::filesystem::path(testing::TempDir()) / name;
  timeline.write(file);
  std::ifstream in(file);
  nlohmann::json j = nlohmann::json::parse(in);
  return j;
}

/// The events of one phase.
std::vector<nlohmann::json> of_phase(const nlohmann::json& j, const char* phase) {
  std::vector<nlohmann::json> out;
  for (const auto& e : j.at("traceEvents")) {
    if (e.at("ph") == phase) out.push_back(e);
  }
  return out;
}

TEST(Timeline, SpansComeBackWithTheirUnits) {
  Timeline t;
  t.add_span("vector", "scale \"q\"", 10, 25);
  t.add_span("engine", "matmul", 5, 6);
  t.add_span("vector", "none", 30, 30);
  t.add_value("beats", 7, -3);
  EXPECT_EQ(t.events(), 3u);
  const nlohmann::json j = written(t, "timeline.json");
  const auto spans = of_phase(j, "X");
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].at("name"), "scale \"q\"");
  EXPECT_EQ(spans[0].at("ts"), 10);
  EXPECT_EQ(spans[0].at("dur"), 15);
  EXPECT_NE(spans[0].at("tid"), spans[1].at("tid"));
  std::map<int, std::string> names;
  for (const auto& e : of_phase(j, "M")) {
    if (e.at("name") == "thread_name") names[e.at("tid")] = e.at("args").at("name");
  }
  EXPECT_EQ(names.at(spans[0].at("tid")), "vector");
  EXPECT_EQ(names.at(spans[1].at("tid")), "engine");
  const auto values = of_phase(j, "C");
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0].at("args").at("value"), -3);
}

TEST(Timeline, LongOnesAreWhole) {
  Timeline t;
  for (uint64_t i = 0; i < 5000; ++i) t.add_span("store", "store", 10 * i, 10 * i + 3);
  EXPECT_EQ(of_phase(written(t, "long.json"), "X").size(), 5000u);
  EXPECT_TRUE(written(Timeline(), "empty.json").at("traceEvents").empty());
}

TEST(Timeline, NamesTheFileThatCannotBeWritten) {
  try {
    Timeline().write("/no/such/folder/t.json");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("/no/such/folder"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace tern::sim
