// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "timing_run.hpp"
#include "tlm_chip.hpp"
#include "verilated_chip.hpp"

namespace tern::test {

/// What is asked of both chips.
struct Request {
  enum class Kind { kPrefill, kDecode } kind;
  uint32_t position, tokens;
  uint32_t group = 0;
};

/// Parts of the cycles by cause, as the chip counts them.
struct Cause {
  const char* name;
  uint64_t Counters::*member;
};
inline constexpr Cause kCauses[] = {
    {"beats", &Counters::beats},       {"loads", &Counters::load_beats},
    {"memory", &Counters::stall_read}, {"accumulators", &Counters::stall_drain},
    {"units", &Counters::stall_wait},  {"commands", &Counters::stall_idle}};

/// Cycles, and each cause in parts of all cycles, lie within this: closer than the model's purpose
/// asks for (2 and 5 %), so that a change of the RTL that it does not follow shows. Where values or
/// chance take part, more is allowed.
inline constexpr double kBar = 0.002;
/// Steps of several slots are played in more pieces, each of which may be a little off.
inline constexpr double kPrefillBar = 0.003;
inline constexpr double kBarWithValues = 0.01;
inline constexpr double kTail = 256;

/// Prints one line of the table of docs/performance-model.md and holds the bars.
inline void expect_close(const std::string& what, const Counters& rtl, const Counters& model,
                         double bar = kBar) {
  const auto all = static_cast<double>(tlm::work_cycles(rtl));
  const auto predicted = static_cast<double>(tlm::work_cycles(model));
  const double error = predicted / all - 1;
  double worst = 0;
  const char* worst_cause = "";
  for (const Cause& cause : kCauses) {
    const double off =
        (static_cast<double>(model.*cause.member) - static_cast<double>(rtl.*cause.member)) / all;
    if (std::abs(off) < std::abs(worst)) continue;
    worst = off;
    worst_cause = cause.name;
  }
  fmt::print("| {:<72} | {:>10.0f} | {:>10.0f} | {:>+6.2f} % | {:>+6.2f} % {} |\n", what, all,
             predicted, 100 * error, 100 * worst, worst_cause);
  EXPECT_GT(all, 0) << what;
  EXPECT_LE(std::abs(error), bar) << what << ": rtl " << all << ", model " << predicted;
  EXPECT_LE(std::abs(worst), bar) << what << ": " << worst_cause;
  // What moves does not depend on timing, but a prompt's request ends before its last commands do:
  // with a slow memory, as many beats of them are still to come as the FIFO holds.
  EXPECT_NEAR(rtl.beats, model.beats, kTail) << what;
  EXPECT_NEAR(rtl.load_beats, model.load_beats, kTail) << what;
  EXPECT_EQ(rtl.store_beats, model.store_beats) << what;
  EXPECT_NEAR(rtl.commands, model.commands, kTail) << what;
}

/// Asks an RTL chip and its model the same, one request after the other on each.
inline void compare(const std::string& what, Transport& rtl, const tlm::PerfConfig& config,
                    const io::Skeleton& model, const std::vector<Request>& requests) {
  tlm::TlmChip chip(config);
  tlm::TimingRun predicted(chip, model);
  tlm::TimingRun measured(rtl, model);
  EXPECT_EQ(predicted.group(), measured.group());
  for (const Request& r : requests) {
    const bool prefill = r.kind == Request::Kind::kPrefill;
    const auto ask = [&](tlm::TimingRun& run) {
      return prefill ? run.prefill(r.position, r.tokens, r.group)
                     : run.decode(r.position, r.tokens);
    };
    const std::string name =
        fmt::format("{}, {} {} at {}", what, prefill ? "prefill" : "decode", r.tokens, r.position);
    SCOPED_TRACE(name);
    expect_close(name, ask(measured), ask(predicted), prefill ? kPrefillBar : kBar);
  }
}

}  // namespace tern::test
