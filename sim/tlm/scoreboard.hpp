// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "memory_model.hpp"
#include "spec/generated/spec.hpp"
#include "spec/waits.hpp"

namespace tern::tlm {

inline constexpr Cycle kNever = std::numeric_limits<Cycle>::max();

/// When the commands of each unit are done, as far as they have been worked out. Source:
/// rtl/chip/command_queue.sv, rtl/cluster/cluster_queue.sv.
class Scoreboard {
 public:
  /// The unit's next command is issued.
  void issue(spec::Unit unit) { ++of(unit).issued; }
  /// The unit's next command pulses its done_o in this cycle.
  void complete(spec::Unit unit, Cycle pulse) {
    Pulses& p = of(unit);
    p.at[p.known++ % kHistory] = pulse;
  }

  /// Number, from 1, of the command that a wait count names; 0 for none. Counts are compared modulo
  /// 256, and software lets none lie more than 127 behind what is issued.
  uint64_t named(spec::Unit unit, uint32_t count) const {
    const Pulses& p = of(unit);
    const uint64_t behind = (p.issued - count) & 0xff;
    return behind < p.issued ? p.issued - behind : 0;
  }
  uint64_t known(spec::Unit unit) const { return of(unit).known; }

  /// First cycle in which a known command counts as done.
  Cycle done_at(spec::Unit unit, uint64_t number) const {
    return number == 0 ? 0 : of(unit).at[(number - 1) % kHistory] + 1;
  }

  /// The register Done as it reads in `cycle`, which must not fall.
  uint32_t done(Cycle cycle) {
    uint32_t word = 0;
    for (std::size_t u = 0; u < spec::kUnitCount; ++u) {
      Pulses& p = units_[u];
      while (p.seen < p.known && p.at[p.seen % kHistory] < cycle) ++p.seen;
      word |= spec::count_of(u).put(static_cast<uint32_t>(p.seen & 0xff));
    }
    return word;
  }
  /// First cycle after that of done() in which it is known to read otherwise.
  Cycle next_change() const {
    Cycle next = kNever;
    for (const Pulses& p : units_) {
      if (p.seen < p.known) next = std::min(next, p.at[p.seen % kHistory] + 1);
    }
    return next;
  }
  /// First cycle in which everything that is known is done.
  Cycle all_done() const {
    Cycle at = 0;
    for (const Pulses& p : units_) {
      if (p.known > 0) at = std::max(at, p.at[(p.known - 1) % kHistory] + 1);
    }
    return at;
  }

 private:
  /// More than the 127 commands that a count can lie behind, and those under way.
  static constexpr uint64_t kHistory = 256;
  struct Pulses {
    std::array<Cycle, kHistory> at{};
    uint64_t issued = 0, known = 0, seen = 0;
  };
  Pulses& of(spec::Unit unit) { return units_[static_cast<std::size_t>(unit)]; }
  const Pulses& of(spec::Unit unit) const { return units_[static_cast<std::size_t>(unit)]; }

  std::array<Pulses, spec::kUnitCount> units_{};
};

/// The commands that a command waits for, one of each unit, by number.
struct Waits {
  std::array<uint64_t, spec::kUnitCount> number{};

  Waits() = default;
  Waits(const Scoreboard& scoreboard, uint32_t word) {
    for (uint32_t u = 0; u < spec::kUnitCount; ++u)
      number[u] = scoreboard.named(static_cast<spec::Unit>(u), spec::count_of(u).get(word));
  }
  uint64_t of(spec::Unit unit) const { return number[static_cast<std::size_t>(unit)]; }
  /// First cycle in which all of them are done; all must be known.
  Cycle met(const Scoreboard& scoreboard) const {
    Cycle at = 0;
    for (uint32_t u = 0; u < spec::kUnitCount; ++u)
      at = std::max(at, scoreboard.done_at(static_cast<spec::Unit>(u), number[u]));
    return at;
  }
};

}  // namespace tern::tlm
