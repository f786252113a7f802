// SPDX-License-Identifier: Apache-2.0
// The programs of programs.py, assembled by the cross compiler, on the core and on the simulator in
// lockstep.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "controller_bench.hpp"

namespace tern::test {
namespace {

struct Case {
  std::string name;
  uint32_t cause = 0, end = 0, value = 0;
  bool is_trap() const { return name.starts_with("trap_"); }
};

std::vector<Case> manifest() {
  std::ifstream in(TERN_CPU_PROGRAMS "/manifest.txt");
  std::vector<Case> out;
  for (Case c; in >> c.name >> c.cause >> c.end >> c.value;) out.push_back(c);
  return out;
}

std::vector<uint32_t> words_of(const std::string& name) {
  std::ifstream in(TERN_CPU_PROGRAMS "/" + name + ".bin", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<uint32_t> words(bytes.size() / 4);
  std::memcpy(words.data(), bytes.data(), 4 * words.size());
  return words;
}

/// No host, which would write the data memory.
constexpr Surroundings kSurroundings[] = {{}, {.mmio_ready = 0.3, .tape_request = 0.3}};

TEST(CpuPrograms, PassForEveryInstruction) {
  int programs = 0;
  for (const Case& c : manifest()) {
    if (c.is_trap()) continue;
    SCOPED_TRACE(c.name);
    ++programs;
    for (const Surroundings& surroundings : kSurroundings) {
      ControllerBench bench;
      bench.load(words_of(c.name));
      const RunResult run = bench.run(surroundings);
      ASSERT_EQ(run.error, "");
      ASSERT_TRUE(run.trap.has_value());
      ASSERT_EQ(run.trap->cause, iss::Cause::kEnvironmentCall)
          << "case " << bench.iss().reg(3) << ": x14 is " << bench.iss().reg(14) << ", not "
          << bench.iss().reg(31);
      ASSERT_EQ(run.trap->pc, c.end);
      ASSERT_GT(run.retired.size(), 20u);
    }
  }
  EXPECT_EQ(programs, 18 + 9 + 6 + 2 + 2 + 5 + 3 + 1);
}

TEST(CpuPrograms, EndInTheTrapThatTheyName) {
  int programs = 0;
  for (const Case& c : manifest()) {
    if (!c.is_trap()) continue;
    SCOPED_TRACE(c.name);
    ++programs;
    for (const Surroundings& surroundings : kSurroundings) {
      ControllerBench bench;
      bench.fill_data();
      bench.load(words_of(c.name));
      const RunResult run = bench.run(surroundings);
      ASSERT_EQ(run.error, "");
      ASSERT_TRUE(run.trap.has_value());
      EXPECT_EQ(static_cast<uint32_t>(run.trap->cause), c.cause);
      EXPECT_EQ(run.trap->pc, c.end);
      EXPECT_EQ(run.trap->value, c.value);
      EXPECT_EQ(bench.iss().reg(8), 0x1234u) << "rd of an instruction that trapped";
      EXPECT_EQ(bench.compare_data(), "");
    }
  }
  EXPECT_GT(programs, 37);
}

}  // namespace
}  // namespace tern::test
