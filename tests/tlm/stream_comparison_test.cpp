// SPDX-License-Identifier: Apache-2.0
// The performance model's stream against the RTL, command by command: shapes, layouts and formats
// that the models at hand do not reach. No firmware; the host gives the commands.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "io/chip_config.hpp"
#include "spec/generated/registers.hpp"
#include "spec/numerics/layout.hpp"
#include "units.hpp"
#include "verilated_chip.hpp"

namespace tern::test {
namespace {

namespace reg = spec::reg;
using spec::Format;
using spec::Group;
using spec::Layout;

constexpr uint32_t kCommands = 3;       // of one comparison, one behind the other
constexpr uint64_t kIssueCycles = 120;  // about what the host takes to give one
constexpr uint32_t kLeastBeats = 600;   // so that the next one is there before it ends
constexpr double kLook = 40;            // cycles from one look of the host to the next
constexpr double kOff = 12;             // cycles of a cause, for three commands

class StreamComparison : public testing::TestWithParam<const char*> {
 protected:
  StreamComparison() : config_(io::find_config(GetParam())) {}

  uint32_t between(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(random_);
  }

  spec::CommandWords random_matmul(Layout layout, Group group) {
    const bool value = layout == Layout::kValue, sign = layout == Layout::kSign;
    spec::MatmulCommand c;
    c.layout = static_cast<uint32_t>(layout);
    c.group = static_cast<uint32_t>(group);
    c.planes = value || sign ? 1 : between(1, 3);
    c.act_columns = between(1, config_.act_columns);
    c.block = sign ? 8 * between(1, 6) : value ? 5 * between(1, 20) : between(1, config_.acc_depth);
    do {
      c.cols = between(1, 16 * config_.columns);
      c.stripes = sign ? 8 * between(1, 40) : between(1, 300);
      c.beats = static_cast<uint32_t>(shape_of(c).beats());
    } while (c.beats < kLeastBeats);
    c.rows = value ? c.stripes : 5 * c.stripes - between(0, 4);
    c.dst_stride = (c.rows + 15) / 16;
    return c.pack();
  }
  spec::MatrixShape shape_of(const spec::MatmulCommand& c) const {
    return {c.rows,          c.cols,
            c.stripes,       c.block,
            c.planes,        static_cast<Layout>(c.layout),
            config_.columns, static_cast<Group>(c.group)};
  }

  spec::CommandWords random_load(Format format) {
    spec::LoadCommand c;
    c.format = static_cast<uint32_t>(format);
    const uint32_t elements = format == Format::kTrit   ? 5 * config_.columns
                              : format == Format::kHalf ? config_.columns / 2
                                                        : config_.columns / 4;
    c.count = between(8000, 12000);
    c.beats = spec::ceil_div(c.count, elements) + between(0, 3);
    return c.pack();
  }

  void compare(const std::vector<spec::CommandWords>& commands) {
    // The RTL.
    sim::ChipOptions options;
    options.config = GetParam();
    sim::VerilatedChip chip(options);
    chip.reserve_memory(1 << 20);
    const auto write = [&](uint32_t offset, uint32_t value) {
      chip.write_register(reg::kWindowAddr, spec::kMmioBase + offset);
      chip.write_register(reg::kWindowData, value);
    };
    write(spec::mmio::kWorking, 1);
    std::optional<uint64_t> start;
    uint32_t done = 0;
    for (const spec::CommandWords& c : commands) {
      for (uint32_t i = 0; i < spec::kCommandWords; ++i) write(spec::mmio::cmd::word(i), c.w[i]);
      if (!start) start = chip.cycles();
      write(spec::mmio::kIssue, 1);
      done += opcode_of(c) == spec::ChipOpcode::kLoad ? 1 : 256;
    }
    const auto look = [&] {
      chip.write_register(reg::kWindowAddr, spec::kMmioBase + spec::mmio::kDone);
      return chip.read_register(reg::kWindowData);
    };
    while (look() != done) {
      ASSERT_LT(chip.cycles() - *start, 2'000'000u);
      chip.run(4);
    }
    const auto cycles = static_cast<double>(chip.cycles() - *start);
    ASSERT_EQ(chip.read_register(reg::kError), 0u);

    // The model.
    tlm::PerfConfig perf;
    perf.chip = config_;
    tlm::FixedMemory memory(perf.memory);
    tlm::Units units(perf, memory);
    units.set_working(0, true);
    tlm::Cycle now = 0;
    for (const spec::CommandWords& c : commands) {
      units.issue(now, c);
      now += kIssueCycles;
    }
    tlm::Cycle end = 0;
    while (units.done(end).counts != done) end = units.done(end).changes;
    const Counters& model = units.counters(end);

    EXPECT_NEAR(static_cast<double>(end), cycles, kLook);
    EXPECT_EQ(model.beats, chip.read_register(reg::kBeats));
    EXPECT_EQ(model.load_beats, chip.read_register(reg::kLoadBeats));
    EXPECT_NEAR(static_cast<double>(model.stall_read), chip.read_register(reg::kStallRead), kOff);
    EXPECT_NEAR(static_cast<double>(model.stall_drain), chip.read_register(reg::kStallDrain), kOff);
  }

  spec::ChipConfig config_;
  std::mt19937_64 random_{11};
};

TEST_P(StreamComparison, OfLayoutsAndGroups) {
  for (const Layout layout : {Layout::kPlane, Layout::kSign, Layout::kValue}) {
    for (const Group group : {Group::kNone, Group::kColumns64, Group::kColumns128}) {
      if (layout == Layout::kValue && group != Group::kNone) continue;
      for (int round = 0; round < 6; ++round) {
        SCOPED_TRACE(fmt::format("{}, {}, round {}", name_of(layout), name_of(group), round));
        std::vector<spec::CommandWords> commands;
        for (uint32_t i = 0; i < kCommands; ++i) commands.push_back(random_matmul(layout, group));
        compare(commands);
      }
    }
  }
}

TEST_P(StreamComparison, OfLoads) {
  for (const Format format : {Format::kWord, Format::kHalf, Format::kTrit}) {
    for (int round = 0; round < 3; ++round) {
      SCOPED_TRACE(fmt::format("{}, round {}", name_of(format), round));
      compare({random_load(format), random_load(format)});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, StreamComparison, testing::Values("nano", "edge"));

}  // namespace
}  // namespace tern::test
