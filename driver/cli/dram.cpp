// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "dram/characterise.hpp"
#include "dram/patterns.hpp"
#include "dram/presets.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct DramOptions {
  Options common;
  std::vector<std::string> names;
  std::string mapping;
  uint64_t requests = 400'000;
  uint32_t read_queue = 0;
  bool refresh_banks = false;
};

constexpr std::pair<const char*, uint64_t dram::Counters::*> kCauses[] = {
    {"moves data", &dram::Counters::data_busy},
    {"no request", &dram::Counters::idle_no_request},
    {"refresh", &dram::Counters::idle_refresh},
    {"turnaround", &dram::Counters::idle_turnaround},
    {"bank group", &dram::Counters::idle_bank_group},
    {"row", &dram::Counters::idle_row},
    {"other", &dram::Counters::idle_other},
};

struct Measured {
  dram::Preset preset;
  std::vector<std::pair<dram::Pattern, dram::Counters>> patterns;
  dram::Characteristics figures;
};

Measured measure(const DramOptions& o, const std::string& name) {
  Measured m{dram::load_preset(name), {}, {}};
  dram::Config& config = m.preset.config;
  if (!o.mapping.empty()) config.mapping = o.mapping;
  if (o.read_queue != 0) config.controller.read_queue = o.read_queue;
  if (o.refresh_banks) config.controller.refresh_banks = true;
  for (const dram::Pattern pattern : dram::kPatterns)
    m.patterns.emplace_back(pattern, dram::measure(config, pattern, o.requests, o.common.seed));
  m.figures = dram::characterise(config);
  return m;
}

nlohmann::json to_json(const Measured& m) {
  const dram::Config& config = m.preset.config;
  nlohmann::json timing;
  nlohmann::json sources;
  for (const dram::Preset::Value& value : m.preset.values) {
    if (value.cycles >= 0) timing[value.name] = value.cycles;
    sources[value.name] = value.source;
  }
  nlohmann::json patterns = nlohmann::json::array();
  for (const auto& [pattern, c] : m.patterns) {
    nlohmann::json counters;
    for (const auto& [name, member] : dram::kCounterFields) counters[name] = c.*member;
    patterns.push_back(
        {{"pattern", name_of(pattern)}, {"utilisation", c.utilisation()}, {"counters", counters}});
  }
  const dram::Characteristics& f = m.figures;
  return {{"name", config.name},
          {"description", config.description},
          {"peak_gb_per_second", config.peak_gb_per_second()},
          {"clock_mhz", config.clock_mhz()},
          {"bytes", config.geometry.bytes()},
          {"burst_bytes", config.geometry.burst_bytes()},
          {"channels", config.geometry.channels},
          {"mapping", config.mapping},
          {"timing", timing},
          {"sources", sources},
          {"patterns", patterns},
          {"refresh_share", f.refresh},
          {"idle_latency_ns", f.idle_latency_ns},
          {"row_hit_latency_ns", f.row_hit_latency_ns},
          {"turnaround_ns", f.turnaround_ns}};
}

/// One line a memory.
void print_table(const std::vector<Measured>& all) {
  say("Part of the peak that a saturated controller moves (measured on the model):\n");
  say("  {:<14} {:>7} {:>11} {:>11} {:>9} {:>11} {:>11} {:>9} {:>9} {:>9}\n", "", "GB/s",
      "sequential", "sequential", "random", "random,", "stream,", "refresh", "latency", "write");
  say("  {:<14} {:>7} {:>11} {:>11} {:>9} {:>11} {:>11} {:>9} {:>9} {:>9}\n", "", "peak", "reads",
      "writes", "reads", "1/3 writes", "1/16 wr.", "all banks", "idle, ns", "turn, ns");
  for (const Measured& m : all) {
    say("  {:<14} {:>7.2f}", m.preset.config.name, m.preset.config.peak_gb_per_second());
    const int widths[] = {11, 11, 9, 11, 11};
    for (std::size_t i = 0; i < m.patterns.size(); ++i)
      say(" {:>{}.1f}%", 100 * m.patterns[i].second.utilisation(), widths[i] - 1);
    say(" {:>8.1f}% {:>9.1f} {:>9.1f}\n", 100 * m.figures.refresh, m.figures.idle_latency_ns,
        m.figures.turnaround_ns);
  }
}

/// Everything about one memory.
void print_details(const Measured& m) {
  const dram::Config& config = m.preset.config;
  say("\n{}: {}\n", config.name, config.description);
  say("  {} MB, bursts of {} bytes, {:.1f} MHz, addresses {}\n", config.geometry.bytes() >> 20,
      config.geometry.burst_bytes(), config.clock_mhz(), config.mapping);
  say("  Cycles of the data bus:\n    {:<22}", "");
  for (const auto& [name, member] : kCauses) say(" {:>11}", name);
  say("\n");
  for (const auto& [pattern, c] : m.patterns) {
    say("    {:<22}", name_of(pattern));
    for (const auto& [name, member] : kCauses)
      say(" {:>10.2f}%", 100 * static_cast<double>(c.*member) / static_cast<double>(c.cycles));
    say("\n");
  }
  say("  {:<16} {:>7}  source\n", "Value", "cycles");
  std::map<std::string, std::string> sources;
  for (const dram::Preset::Value& value : m.preset.values) {
    say("  {:<16} {:>7}  {}\n", value.name,
        value.cycles >= 0 ? fmt::format("{}", value.cycles) : std::string(), value.source);
    const std::string key = value.source.substr(0, value.source.find_first_of(",:; "));
    if (const std::string text = dram::describe_source(key); !text.empty()) sources[key] = text;
  }
  for (const auto& [key, text] : sources) say("  {}: {}\n", key, text);
}

int run_dram(const DramOptions& o) {
  const std::vector<std::string> names = o.names.empty() ? dram::preset_names() : o.names;
  std::vector<Measured> all;
  Progress progress("dram", names.size(), o.common.quiet);
  for (const std::string& name : names) {
    all.push_back(measure(o, name));
    progress.update(all.size(), name);
  }
  if (o.common.json) {
    nlohmann::json out = nlohmann::json::array();
    for (const Measured& m : all) out.push_back(to_json(m));
    say_json(out);
    return 0;
  }
  print_table(all);
  if (!o.names.empty()) {
    for (const Measured& m : all) print_details(m);
  }
  return 0;
}

}  // namespace

void add_dram(CLI::App& app, Action& action) {
  auto o = std::make_shared<DramOptions>();
  CLI::App* sub = app.add_subcommand(
      "dram",
      "Measure the DRAM models; with names, say where their time goes and their values "
      "come from");
  sub->add_option("name", o->names, "Memories: names, or files FILE.yaml or FILE.yaml:NAME")
      ->check(is_dram());
  sub->add_option("--mapping", o->mapping,
                  "Order of address bits from the highest, such as row-bank-column");
  sub->add_option("--read-queue", o->read_queue, "Reads that the scheduler sees")
      ->check(CLI::Range(1, 256));
  sub->add_flag("--refresh-banks", o->refresh_banks,
                "Refresh single banks (REFpb), where the memory can");
  sub->add_option("--requests", o->requests, "Bursts of each measurement")
      ->check(CLI::Range(1000, 1'000'000'000))
      ->capture_default_str();
  sub->add_option("--seed", o->common.seed, "Seed of the random patterns")->capture_default_str();
  add_output_options(*sub, o->common);
  sub->get_option("--json")->description("Print one JSON array, an object for each memory");
  sub->callback([o, &action] { action = [o] { return run_dram(*o); }; });
}

}  // namespace tern::cli
