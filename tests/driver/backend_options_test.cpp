// SPDX-License-Identifier: Apache-2.0
#include "tern/backend_options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

#include "io/error.hpp"
#include "tern/backends.hpp"
#include "tern/device.hpp"

namespace tern {
namespace {

/// The error that opening a backend with one option gives; empty if there is none.
std::string error_of(const std::string& backend, const char* name, OptionValue value) {
  register_backends();
  DeviceSettings settings;
  settings.options.set(name, std::move(value));
  try {
    Device::open(backend, settings);
    return {};
  } catch (const Error& e) {
    return e.what();
  }
}

void expect_parts(const std::string& error, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(error.find(part), std::string::npos) << error;
}

TEST(BackendOptions, AreTakenByTheBackendsThatDeclareThem) {
  EXPECT_EQ(error_of("golden:", "threads", uint64_t{2}), "");
  EXPECT_EQ(error_of("tlm:nano", "latency", uint64_t{300}), "");
  EXPECT_EQ(error_of("tlm:nano", "stall", 0.25), "");
  EXPECT_EQ(error_of("tlm:nano", "stall", uint64_t{0}), "") << "a whole number is a real one too";
}

TEST(BackendOptions, AreRefusedByNameElsewhere) {
  expect_parts(error_of("golden:", "dram", "ddr4-2400"),
               {"backend golden has no DRAM", "rtl:edge"});
  expect_parts(error_of("machine:edge", "latency", uint64_t{9}), {"machine has no memory latency"});
  expect_parts(error_of("tlm:nano", "trace", "x.fst"), {"tlm has no trace file"});
  expect_parts(error_of("reference:", "threads", uint64_t{2}),
               {"reference takes no threads; only golden: does"});
  EXPECT_EQ(error_of("golden:", "latency", uint64_t{40}), "") << "which is the default";
}

TEST(BackendOptions, ValuesOutOfTheirRangeAreToldWithIt) {
  expect_parts(error_of("golden:", "threads", uint64_t{0}), {"threads 0", "1 to 256 threads"});
  expect_parts(error_of("golden:", "threads", "many"), {"threads many", "a whole number"});
  expect_parts(error_of("tlm:nano", "stall", 1.0), {"stall 1", "0 to 0.99"});
  expect_parts(error_of("tlm:nano", "speed", 1.0),
               {"backend tlm has no option \"speed\"", "latency", "stall"});
  expect_parts(error_of("reference:", "speed", 1.0), {"it takes none"});
}

TEST(BackendOptions, AreDeclaredOnceAndDescribedWithWhoTakesThem) {
  register_backends();
  register_backends();
  const auto declared = declared_options();
  std::vector<std::string> names;
  for (const BackendOption* option : declared) names.push_back(option->name);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  const auto latency = std::ranges::find(declared, "latency", &BackendOption::name);
  ASSERT_NE(latency, declared.end());
  EXPECT_TRUE(describe(**latency).starts_with("rtl, tlm: ")) << describe(**latency);
  for (const BackendOption* option : declared) {
    EXPECT_FALSE(option->help.empty() || option->refusal.empty() || option->group.empty())
        << option->name;
    // Without a value nothing is given.
    EXPECT_FALSE(BackendOptions().differs(*option)) << option->name;
  }
}

}  // namespace
}  // namespace tern
