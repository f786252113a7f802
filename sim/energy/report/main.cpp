// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <nlohmann/json.hpp>

#include "io/chip_config.hpp"
#include "lanes.hpp"
#include "model.hpp"
#include "token_counts.hpp"

namespace tern::energy {
namespace {

struct Options {
  std::string technology = "all", dram = "ddr4", preset = "bitnet-2b4t", config = "edge";
  uint32_t context = 512;
  bool lanes = false, terms = false, no_gating = false, no_wires = false, json = false;
};

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
  const spec::ChipConfig& chip = io::find_config(o.config);
  const io::SynthPreset& preset = io::find_preset(o.preset);
  const Dram dram = load_dram(o.dram);
  if (!o.json) {
    fmt::print(
        "One token of {}, context {}, configuration {}, {} (counts derived from the shape)\n",
        preset.what, o.context, chip.name, dram.title);
  }
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : names) {
    const Technology technology = load_technology(name);
    const Counts counts = token_counts(preset, chip, o.context, dram, technology.clock_mhz * 1e6);
    const Report report =
        estimate(counts, chip, technology, dram,
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
/// are built in. Exit status: 0 done, 1 failure, 2 usage.
int main(int argc, char** argv) {
  CLI::App app("Energy of a token, from measured blocks and published memories", "tern_energy");
  tern::energy::Options o;
  app.add_option("--technology", o.technology, "osu018, sg13g2, asap7, ... or all")
      ->capture_default_str();
  app.add_option("--dram", o.dram, "Memory, e.g. ddr4, lpddr4, lpddr5x, hbm2")
      ->capture_default_str();
  app.add_option("--preset", o.preset, "Shape of the model")->capture_default_str();
  app.add_option("--config", o.config, "Configuration of the chip")->capture_default_str();
  app.add_option("--context", o.context, "Tokens in the KV cache")
      ->check(CLI::Range(1, 131072))
      ->capture_default_str();
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
