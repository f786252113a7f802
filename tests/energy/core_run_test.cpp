// SPDX-License-Identifier: Apache-2.0
#include "core_run.hpp"

#include <gtest/gtest.h>

#include <array>

#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/image.hpp"
#include "io/skeleton.hpp"
#include "stretches.hpp"
#include "timing_run.hpp"
#include "tlm_chip.hpp"

namespace tern::energy {
namespace {

// The performance model's counts are what the energy model multiplies; the RTL has none of its own.
TEST(CoreRun, ThePerformanceModelCountsWhatTheCoreOfTheRtlDoes) {
  record_token(TERN_DEMO_MODEL);
  const CoreCounts rtl = count(Recording::instance());
  ASSERT_GT(rtl.cycle, 10'000u);

  tlm::PerfConfig config;
  config.chip = io::find_config("nano");
  tlm::TlmChip chip(config);
  const io::Image image =
      io::Image::from_bytes(io::convert(io::Gguf(TERN_DEMO_MODEL), config.chip), "demo");
  const io::Skeleton model = io::skeleton_of(image);
  tlm::TimingRun run(chip, model);
  std::array<tlm::Activity, 2> edges;
  size_t edge = 0;
  run.on_interval([&] { edges.at(edge++) = chip.activity(); });
  run.decode(kRecordedPosition, 1);
  const tlm::Activity a = edges[1] - edges[0];

  const auto near = [](uint64_t predicted, size_t counted) {
    EXPECT_NEAR(static_cast<double>(predicted), static_cast<double>(counted),
                0.01 * static_cast<double>(counted));
  };
  near(run.counted().end - run.counted().begin, rtl.cycle);
  near(a.controller_stalls, rtl.stalled);
  near(a.controller_polls, rtl.polled);
  near(a.instructions, rtl.instruction);
  near(a.device_reads + a.device_writes, rtl.access);
}

}  // namespace
}  // namespace tern::energy
