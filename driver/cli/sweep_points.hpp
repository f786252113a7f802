// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "estimate/estimate.hpp"
#include "sweep_plan.hpp"

/// The points of a design-space exploration: what comes out of each.
namespace tern::sweep {

struct Result {
  Point point;
  double chip_mhz = 0;
  std::string error;  ///< Why the chip cannot run the model; empty if it can, else all below is 0.
  double cycles_per_token = 0;
  double tokens_per_second = 0;
  double joules_per_token = 0;
  double watts = 0;
  double memory_share = 0;               ///< Of the peak.
  std::map<std::string, double> joules;  ///< By unit.

  bool ok() const { return error.empty(); }
};

/// Memories, which take a moment to characterise, and technologies, once each; may be used by
/// several threads. Throws tern::Error for names that are none and memories without energies.
class Sources {
 public:
  explicit Sources(const Plan& plan);
  const estimate::Memory& memory(const std::string& name) const { return memories_.at(name); }
  const energy::Dram& dram_energy(const std::string& name) const { return energies_.at(name); }
  const energy::Technology& technology(const std::string& name) const {
    return technologies_.at(name);
  }
  /// Clock of a point's chip in MHz: its own, or else the one at which its port moves the memory's
  /// peak.
  double clock_mhz(const Point& point) const;

 private:
  std::map<std::string, estimate::Memory> memories_;
  std::map<std::string, energy::Dram> energies_;
  std::map<std::string, energy::Technology> technologies_;
};

Result run(const Point& point, const Sources& sources);

/// Those that no other beats in both speed and energy, slowest first.
std::vector<const Result*> pareto_front(const std::vector<Result>& results);

}  // namespace tern::sweep
