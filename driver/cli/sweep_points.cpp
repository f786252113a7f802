// SPDX-License-Identifier: Apache-2.0
#include "sweep_points.hpp"

#include <algorithm>

#include "driver/report/figures.hpp"
#include "estimates.hpp"
#include "io/error.hpp"

namespace tern::sweep {

Sources::Sources(const Plan& plan) {
  for (const Point& p : plan.points) {
    if (!memories_.contains(p.dram)) {
      const estimate::Memory& memory = memories_[p.dram] = estimate::load_memory(p.dram);
      energies_[p.dram] = estimate::dram_energy_of(memory.config);
    }
    if (!technologies_.contains(p.technology))
      technologies_[p.technology] = energy::load_technology(p.technology);
  }
}

double Sources::clock_mhz(const Point& point) const {
  if (point.clock_mhz > 0) return point.clock_mhz;
  return estimate::default_clock_mhz(memory(point.dram).config,
                                     cli::chip_of(point.config, point.parameters).columns);
}

Result run(const Point& point, const Sources& sources) {
  Result r;
  r.point = point;
  r.chip_mhz = sources.clock_mhz(point);
  try {
    tlm::PerfConfig chip;
    chip.chip = cli::chip_of(point.config, point.parameters);
    io::SynthOptions shape;
    shape.layers = static_cast<int>(point.layers);
    shape.context = static_cast<int>(point.positions);
    cli::Options options;
    options.quiet = true;
    estimate::Estimator estimator(cli::find_skeleton(point.model, shape, chip.chip, options), chip,
                                  sources.memory(point.dram), r.chip_mhz,
                                  sources.technology(point.technology),
                                  sources.dram_energy(point.dram));
    const estimate::Token token = estimator.batch(estimator.decode(point.context), point.batch);
    r.cycles_per_token = token.cycles;
    r.tokens_per_second = 1 / token.seconds;
    r.joules_per_token = token.energy.joules();
    r.watts = r.joules_per_token / token.seconds;
    r.memory_share = report::memory_share(estimator, token);
    for (int u = 0; u < energy::kUnits; ++u) {
      const auto unit = static_cast<energy::Unit>(u);
      r.joules[std::string(energy::name_of(unit))] = token.energy.joules(unit);
    }
  } catch (const Error& e) {
    r.error = e.what();
  }
  return r;
}

std::vector<const Result*> pareto_front(const std::vector<Result>& results) {
  std::vector<const Result*> sorted;
  for (const Result& r : results)
    if (r.ok()) sorted.push_back(&r);
  std::ranges::sort(sorted, [](const Result* a, const Result* b) {
    return std::pair(-a->tokens_per_second, a->joules_per_token) <
           std::pair(-b->tokens_per_second, b->joules_per_token);
  });
  std::vector<const Result*> front;
  for (const Result* r : sorted)
    if (front.empty() || r->joules_per_token < front.back()->joules_per_token) front.push_back(r);
  std::ranges::reverse(front);
  return front;
}

}  // namespace tern::sweep
