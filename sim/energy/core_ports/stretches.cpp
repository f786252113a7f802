// SPDX-License-Identifier: Apache-2.0
#include "stretches.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "io/error.hpp"
#include "spec/generated/spec.hpp"

namespace tern::energy {
namespace {

using Json = nlohmann::json;

constexpr size_t kLongest = 1500;  // cycles of work, poll and stall

struct Range {
  size_t begin = 0, end = 0;
  size_t cycles() const { return end - begin; }
};

bool stalled(const CoreCycle& c) { return c[kMmioValid] && !c[kMmioReady]; }
bool answered(const CoreCycle& c) { return c[kMmioValid] && c[kMmioReady]; }

/// Of each cycle, whether it belongs to a poll that reads what the one before it has read, with no
/// other access between them.
std::vector<bool> polled(const std::vector<CoreCycle>& cycles) {
  std::vector<bool> result(cycles.size());
  const CoreCycle* last = nullptr;  // the latest device read, if no other access came since
  size_t at = 0;
  for (size_t i = 0; i < cycles.size(); ++i) {
    const CoreCycle& c = cycles[i];
    if (c[kRamValid] || (answered(c) && c[kMmioWrite])) last = nullptr;
    if (!answered(c) || c[kMmioWrite]) continue;
    if (last && (*last)[kMmioAddr] == c[kMmioAddr] && (*last)[kMmioDataIn] == c[kMmioDataIn])
      std::fill(result.begin() + static_cast<ptrdiff_t>(at) + 1,
                result.begin() + static_cast<ptrdiff_t>(i) + 1, true);
    last = &c;
    at = i;
  }
  return result;
}

/// The longest range within `within` in which `holds(cycle)`.
template <typename Holds>
Range longest(Range within, const char* what, Holds holds) {
  Range best, now{within.begin, within.begin};
  for (size_t i = within.begin; i < within.end; ++i) {
    if (!holds(i)) now.begin = i + 1;
    now.end = i + 1;
    if (now.cycles() > best.cycles()) best = now;
  }
  if (best.cycles() == 0) throw Error("the recorded token has no cycle of {}", what);
  best.end = std::min(best.end, best.begin + kLongest);
  return best;
}

/// From the attention block of the middle layer to that of the next one.
Range middle_layer(const std::vector<CoreCycle>& cycles) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < cycles.size(); ++i) {
    const CoreCycle& c = cycles[i];
    if (answered(c) && c[kMmioWrite] && c[kMmioAddr] == spec::kMmioBase + spec::mmio::kPhase &&
        spec::mmio::phase::kPhase.get(c[kMmioDataOut]) ==
            static_cast<uint32_t>(spec::Phase::kAttention))
      starts.push_back(i);
  }
  if (starts.size() < 3)
    throw Error("the recorded token has {} layers; a model of three or more is needed",
                starts.size());
  const size_t middle = starts.size() / 2;
  return {starts[middle], starts[middle + 1 == starts.size() ? middle : middle + 1]};
}

CoreCounts count(const std::vector<CoreCycle>& cycles, const std::vector<bool>& polls,
                 Range range) {
  CoreCounts counts{.cycle = range.cycles()};
  for (size_t i = range.begin; i < range.end; ++i) {
    counts.instruction += cycles[i][kRetires] != 0;
    counts.access += answered(cycles[i]);
    counts.stalled += stalled(cycles[i]);
    counts.polled += polls[i] && !stalled(cycles[i]);
  }
  return counts;
}

Json stretch(const Recording& recording, const std::vector<bool>& polls, Range range) {
  const std::vector<CoreCycle>& cycles = recording.cycles();
  // The cycle behind the last jump that has completed.
  size_t begin = range.begin;
  while (begin > 0 && !cycles[begin - 1][kJumps]) --begin;
  if (begin == 0) throw Error("the recorded token has no jump before cycle {}", range.begin);
  const CoreCounts counts = count(cycles, polls, range);
  Json ports;
  for (uint32_t port = 0; port < kPorts; ++port) {
    Json& values = ports[kPortNames[port]] = Json::array();
    for (size_t i = begin; i < range.end; ++i) values.push_back(cycles[i][port]);
  }
  return {{"pc", cycles[begin][kFetchAddr]},
          {"registers", recording.registers_before(begin)},
          {"lead", range.begin - begin},
          {"counts",
           {{"cycle", counts.cycle},
            {"instruction", counts.instruction},
            {"access", counts.access},
            {"stalled", counts.stalled},
            {"polled", counts.polled}}},
          {"ports", std::move(ports)}};
}

}  // namespace

CoreCounts count(const Recording& recording) {
  const std::vector<CoreCycle>& cycles = recording.cycles();
  return count(cycles, polled(cycles), {0, cycles.size()});
}

Json stretches(const Recording& recording) {
  const std::vector<CoreCycle>& cycles = recording.cycles();
  const std::vector<bool> polls = polled(cycles);
  const Range layer = middle_layer(cycles);
  const Range all{0, cycles.size()};
  return {
      {"work",
       stretch(recording, polls,
               longest(layer, "work", [&](size_t i) { return !polls[i] && !stalled(cycles[i]); }))},
      {"poll",
       stretch(recording, polls,
               longest(all, "polling", [&](size_t i) { return polls[i] && !stalled(cycles[i]); }))},
      {"stall", stretch(recording, polls,
                        longest(all, "stalling", [&](size_t i) { return stalled(cycles[i]); }))},
      {"firmware", stretch(recording, polls, layer)}};
}

}  // namespace tern::energy
