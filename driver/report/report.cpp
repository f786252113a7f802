// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/format.h>

#include <set>

#include "figures.hpp"

namespace tern::report {

using nlohmann::json;

namespace {

std::string tag_of(const Token& token) { return std::string(energy::name_of(token.energy.tag())); }

json assumptions(const Estimator& e, const Question& q, const energy::Technology& technology,
                 const energy::Dram& dram) {
  json out;
  const auto add = [&](std::string what, std::string value, std::string_view tag,
                       std::string source, bool recalled = false) {
    out.push_back({{"what", what},
                   {"value", value},
                   {"tag", tag},
                   {"recalled", recalled},
                   {"source", source}});
  };
  const dram::Config& memory = e.memory().config;
  add("cycles", "performance model", "derived",
      "the real firmware on a timed instruction-set simulator, units as formulas of the RTL; "
      "docs/performance-model.md");
  add("chip clock", fmt::format("{:.6g} MHz", e.chip_mhz()), "projected",
      "an assumption: no place and route stands behind it");
  add("memory",
      fmt::format("{}, {:.1f} GB/s peak, {:.1f} % of it in sequential reads", memory.name,
                  memory.peak_gb_per_second(), 100 * e.memory().figures.sequential),
      "derived", "timing model of docs/dram.md, refresh included");
  add("technology", fmt::format("{}, {:.2f} V", technology.title, technology.voltage), "measured",
      fmt::format("gate-level activity and power of the blocks, {}, {}; docs/energy.md",
                  technology.tools, technology.date));
  add("wires and clock tree", fmt::format("{:.2f} times the cells", technology.wires.value),
      energy::name_of(technology.wires.tag), technology.wires.source, technology.wires.recalled);
  add("SRAM", "by size", energy::name_of(technology.sram_tag), technology.sram_source,
      technology.sram_recalled);
  const auto figure = [&](const char* what, const energy::Figure& f) {
    if (f.value != 0)
      add(what, fmt::format("{:.3g} {}", f.value, f.unit), energy::name_of(f.tag), f.source,
          f.recalled);
  };
  figure("PHY", dram.phy);
  figure("DRAM read", dram.read);
  figure("DRAM write", dram.write);
  figure("DRAM activate", dram.activate);
  figure("DRAM refresh", dram.refresh);
  figure("DRAM standby, rows open", dram.open_standby);
  figure("DRAM standby, no row open", dram.idle_standby);
  if (q.batch > 1)
    add("batch", fmt::format("{} sequences", q.batch), "projected",
        "weights shared by as many sequences as there are activation columns, all else for each; "
        "the firmware runs one sequence");
  return out;
}

/// What the summary and the headline say.
struct Answer {
  const Token& token;
  const Token& prefill;
  std::string missed_clock;  ///< Which blocks miss the clock; empty: none.
  std::string time_tag;
};

json summary_of(Estimator& e, const Question& q, const energy::Technology& technology,
                const Answer& answer) {
  const auto& [token, prefill, missed, time_tag] = answer;
  json summary = {{"model", q.model},
                  {"config", q.config},
                  {"dram", q.dram},
                  {"technology", q.technology},
                  {"chip_mhz", e.chip_mhz()},
                  {"clock_met", missed.empty()},
                  {"time_tag", time_tag},
                  {"context", q.context},
                  {"batch", q.batch},
                  {"cycles_per_token", token.cycles},
                  {"tokens_per_second", 1 / token.seconds},
                  {"joules_per_token", token.energy.joules()},
                  {"watts", token.energy.joules() / token.seconds},
                  {"memory_share", memory_share(e, token)},
                  {"prefill_tokens_per_second", 1 / prefill.seconds},
                  {"prefill_joules_per_token", prefill.energy.joules()}};
  for (int u = 0; u < energy::kUnits; ++u) {
    const auto unit = static_cast<energy::Unit>(u);
    summary["joules"][std::string(energy::name_of(unit))] = {
        {"value", token.energy.joules(unit)},
        {"tag", energy::name_of(token.energy.tag(unit))},
        {"recalled", token.energy.recalled(unit)}};
  }
  summary["energy_tag"] = tag_of(token);
  summary["recalled"] = token.energy.recalled();
  for (const energy::BlockClock& slow : technology.too_slow_for(e.chip_mhz()))
    summary["missed_clock"][slow.block] = slow.mhz;
  return summary;
}

json headline_of(Estimator& e, const Answer& answer) {
  const auto& [token, prefill, missed, time_tag] = answer;
  const std::string energy_tag = tag_of(token);
  const bool recalled = token.energy.recalled();
  return {{{"label", "tokens/s"},
           {"value", fmt::format("{:.1f}", 1 / token.seconds)},
           {"tag", time_tag}},
          {{"label", "mJ a token"},
           {"value", fmt::format("{:.1f}", millijoules(token))},
           {"tag", energy_tag},
           {"recalled", recalled}},
          {{"label", "W"},
           {"value", fmt::format("{:.2f}", token.energy.joules() / token.seconds)},
           {"tag", energy_tag},
           {"recalled", recalled}},
          {{"label", "of the memory's peak"},
           {"value", fmt::format("{:.1f} %", 100 * memory_share(e, token))},
           {"tag", time_tag}},
          {{"label", "tokens/s of a prompt"},
           {"value", fmt::format("{:.0f}", 1 / prefill.seconds)},
           {"tag", missed.empty() ? "derived" : "projected"}},
          {{"label", "M cycles a token"},
           {"value", fmt::format("{:.3f}", token.cycles * 1e-6)},
           {"tag", time_tag}}};
}

}  // namespace

json make_report(Estimator& e, const Question& q, const energy::Technology& technology,
                 const energy::Dram& dram_energy, const std::function<void(int, int)>& progress) {
  const uint32_t most = e.model().model.context - 1;
  std::set<uint32_t> contexts = {1, q.context};
  for (const uint32_t c : {128u, 512u, 1024u, 2048u, 4096u, 8192u, 16384u})
    if (c < most) contexts.insert(c);
  contexts.insert(most);
  const int all = static_cast<int>(contexts.size()) + 2;
  int done = 0;
  const auto step = [&] {
    if (progress) progress(++done, all);
  };

  // The first token that is decoded puts down what the later ones repeat.
  e.decode(q.context);
  const Token prefill = e.prefill(0, std::min(q.prefill, most));
  step();
  std::vector<Token> over_context;
  for (const uint32_t context : contexts) {
    over_context.push_back(e.decode(context));
    step();
  }
  const Token one = e.decode(q.context);
  const Token token = e.batch(one, q.batch);
  step();

  const std::string missed = energy::describe_missed_clock(technology, e.chip_mhz());
  const Answer answer{token, prefill, missed,
                      q.batch > 1 || !missed.empty() ? "projected" : "derived"};
  json warnings = json::array();
  if (!missed.empty())
    warnings.push_back(missed + "; speed and energy at this clock are projected");

  json figures = {cycles_figure(one),
                  operations_figure(token),
                  energy_figure(token),
                  energy_operations_figure(token),
                  traffic_figure(token),
                  roofline_figure(e, one, prefill),
                  context_figure(over_context),
                  units_figure(one),
                  peers_figure(e, one, q.model.starts_with("bitnet-2b4t")),
                  timeline_figure(e)};
  return {{"title", fmt::format("{} on {} with {}", q.model, q.config, q.dram)},
          {"subtitle",
           fmt::format("A decoded token after {} others, {}, chip at {:.6g} MHz, {}.", q.context,
                       q.batch == 1 ? "one sequence" : fmt::format("{} sequences", q.batch),
                       e.chip_mhz(), technology.title)},
          {"warnings", warnings},
          {"headline", headline_of(e, answer)},
          {"figures", figures},
          {"assumptions", assumptions(e, q, technology, dram_energy)},
          {"reproduce", q.command},
          {"made", q.made},
          {"summary", summary_of(e, q, technology, answer)}};
}

}  // namespace tern::report
