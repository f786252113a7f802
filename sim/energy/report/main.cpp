// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>

#include "energy/model.hpp"
#include "estimate/estimate.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/synth.hpp"
#include "lanes.hpp"

namespace tern::energy {
namespace {

struct Options {
  std::string technology = "all", dram = "ddr4-2400", preset = "bitnet-2b4t", config = "edge";
  std::optional<uint32_t> context;  ///< Without: kUsualContext, or as many as leave room.
  bool lanes = false, terms = false, no_gating = false, no_wires = false, json = false;
};

constexpr uint32_t kUsualContext = 512;

std::string joules(double v) {
  return v >= 0.1 ? fmt::format("{:.3f} J", v) : fmt::format("{:.3f} mJ", v * 1e3);
}

nlohmann::json to_json(const Report& r, const Technology& t, const Counts& c) {
  nlohmann::json out = {{"technology", t.name},     {"seconds", c.seconds},
                        {"joules", r.joules()},     {"tag", name_of(r.tag())},
                        {"recalled", r.recalled()}, {"clock_mhz", t.clock_mhz},
                        {"missing", r.missing}};
  for (const BlockClock& b : t.too_slow_for(t.clock_mhz)) out["missed_clock"][b.block] = b.mhz;
  for (int u = 0; u < kUnits; ++u) {
    const Unit unit{u};
    out["units"][std::string(name_of(unit))] = {
        {"joules", r.joules(unit)}, {"tag", name_of(r.tag(unit))}, {"recalled", r.recalled(unit)}};
  }
  for (const Term& term : r.terms) {
    out["terms"].push_back({{"unit", name_of(term.unit)},
                            {"name", term.name},
                            {"joules", term.joules},
                            {"tag", name_of(term.tag)},
                            {"recalled", term.recalled},
                            {"how", term.how}});
  }
  return out;
}

void print(const Report& r, const Technology& t, const Counts& c, bool terms) {
  fmt::print("{} ({})\n  {} a token ({}); {:.2f} ms a token, {:.2f} W\n", t.name, t.title,
             joules(r.joules()), describe(r.tag(), r.recalled()), c.seconds * 1e3,
             r.joules() / c.seconds);
  for (int u = 0; u < kUnits; ++u) {
    const Unit unit{u};
    fmt::print("  {:<5} {:>12}  {:5.1f} %  ({})\n", name_of(unit), joules(r.joules(unit)),
               100 * r.joules(unit) / r.joules(), describe(r.tag(unit), r.recalled(unit)));
    for (const Term& term : r.terms) {
      if (terms && term.unit == unit)
        fmt::print("    {:<36} {:>12}  {} [{}]\n", term.name, joules(term.joules), term.how,
                   describe(term.tag, term.recalled));
    }
  }
  if (const std::string missed = describe_missed_clock(t, t.clock_mhz); !missed.empty())
    fmt::print("  WARNING: {}\n", missed);
  for (const std::string& what : r.missing) fmt::print("  not in it: {}\n", what);
}

int run(const Options& o) {
  const std::vector<std::string> names =
      o.technology == "all" ? technology_names() : std::vector{o.technology};
  if (o.lanes) {
    print_lanes(names, o.json);
    return 0;
  }
  tlm::PerfConfig chip;
  chip.chip = io::find_config(o.config);
  const io::SynthPreset& preset = io::find_preset(o.preset);
  const io::Skeleton model = io::skeleton_for(preset, {}, chip.chip);
  const uint32_t positions = model.model.context;
  const uint32_t context = o.context.value_or(std::min(kUsualContext, positions - 1));
  if (context >= positions)
    throw Error("--context {}: {} has {} positions on {}; the token itself takes one", context,
                preset.name, positions, chip.chip.name);
  const estimate::Memory memory = estimate::load_memory(o.dram);
  const Dram dram = estimate::dram_energy_of(memory.config);
  if (!o.json) {
    fmt::print(
        "One token of {}, context {}, configuration {}, {}, energies of {} (counts derived by the "
        "performance model)\n",
        preset.what, context, chip.chip.name, memory.config.name, dram.title);
  }
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : names) {
    const Technology technology = load_technology(name);
    estimate::Estimator estimator(model, chip, memory, technology.clock_mhz, technology, dram);
    const Counts counts = estimator.counts(estimator.decode(context));
    const Report report =
        energy::estimate(counts, chip.chip, technology, dram,
                         {o.no_gating ? ClockGating::kNone : ClockGating::kUnits, !o.no_wires});
    if (o.json) {
      all.push_back(to_json(report, technology, counts));
    } else {
      print(report, technology, counts, o.terms);
    }
  }
  if (o.json) fmt::print("{}\n", all.dump());
  return 0;
}

}  // namespace
}  // namespace tern::energy

/// tern_energy: joules of a token by unit, and the comparison of lanes, from the measurements that
/// are built in and the counts of the performance model. Exit status: 0 done, 1 failure, 2 usage.
int main(int argc, char** argv) {
  CLI::App app("Energy of a token, from measured blocks and published memories", "tern_energy");
  tern::energy::Options o;
  app.add_option("--technology", o.technology, "osu018, sg13g2, asap7, ... or all")
      ->capture_default_str();
  app.add_option("--dram", o.dram, "DRAM by name or FILE.yaml; tern dram lists them")
      ->capture_default_str();
  app.add_option("--preset", o.preset, "Shape of the model")->capture_default_str();
  app.add_option("--config", o.config, "Configuration of the chip")->capture_default_str();
  app.add_option("--context", o.context,
                 "Tokens before the one that is counted (default: 512, or as many as leave room)")
      ->check(CLI::Range(0, 131072));
  app.add_flag("--lanes", o.lanes, "Compare ternary, 4-bit and 8-bit lanes, T5 and 2-bit weights");
  app.add_flag("--terms", o.terms, "List every term");
  app.add_flag("--no-gating", o.no_gating, "All registers are clocked in every cycle");
  app.add_flag("--no-wires", o.no_wires, "Cells only");
  app.add_flag("--json", o.json, "One JSON array");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return tern::energy::run(o);
  } catch (const std::exception& e) {
    fmt::print(stderr, "tern_energy: error: {}\n", e.what());
    return 1;
  }
}
