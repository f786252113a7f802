// SPDX-License-Identifier: Apache-2.0
#include "driver/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "backends/options.hpp"
#include "build_info.hpp"
#include "commands.hpp"
#include "driver/report/page.hpp"
#include "estimates.hpp"
#include "io/atomic_file.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"
#include "parameters.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct ReportOptions {
  Options common;
  std::string preset = "bitnet-2b4t";
  io::SynthOptions shape;
  std::string dram = "ddr4-2400";
  double clock_mhz = 0;
  std::string technology = "asap7";
  Parameters parameters;
  report::Question question;
  std::filesystem::path output;
  bool context_given = false;
};

int make(const ReportOptions& o) {
  if (!o.output.empty()) refuse_output_onto(o.output, {o.preset, o.dram});
  tlm::PerfConfig chip;
  chip.chip = chip_of(o.common.config.empty() ? "edge" : o.common.config, o.parameters);
  estimate::Memory memory = estimate::load_memory(o.dram);
  const double mhz =
      o.clock_mhz > 0 ? o.clock_mhz : estimate::default_clock_mhz(memory.config, chip.chip.columns);
  const energy::Technology technology = energy::load_technology(o.technology);
  const energy::Dram dram_energy = estimate::dram_energy_of(memory.config);
  io::Skeleton model = find_skeleton(o.preset, o.shape, chip.chip, o.common);

  report::Question q = o.question;
  // Unless it was asked for, no position that the model does not have.
  if (!o.context_given) q.context = std::min(q.context, model.model.context - 1);
  q.model = model.name;
  q.config = chip.chip.name;
  q.dram = memory.config.name;
  q.technology = technology.name;
  q.command = fmt::format(
      "tern report --preset {} --config {}{} --dram {} --clock-mhz {} --technology {} --context {} "
      "--batch {} --prefill {}{}{}",
      o.preset, q.config, parameter_flags(o.parameters), o.dram, mhz, o.technology, q.context,
      q.batch, q.prefill, o.shape.layers ? fmt::format(" --layers {}", o.shape.layers) : "",
      o.shape.context ? fmt::format(" --positions {}", o.shape.context) : "");
  q.made = build_info();
  q.made["date"] = today();
  const Stopwatch clock;
  Progress progress("report", 1, o.common.quiet);
  estimate::Estimator estimator(std::move(model), chip, std::move(memory), mhz, technology,
                                dram_energy);
  if (q.context >= estimator.model().model.context)
    throw Error("--context {}: {} has {} positions; the token itself takes one", q.context, q.model,
                estimator.model().model.context);
  const nlohmann::json data =
      report::make_report(estimator, q, technology, dram_energy, [&](int done, int all) {
        progress.update(static_cast<uint64_t>(done) * 100 / static_cast<uint64_t>(all));
      });
  const nlohmann::json& s = data["summary"];
  if (!o.output.empty()) {
    const std::string page = report::make_page(data);
    io::write_file(o.output, std::as_bytes(std::span(page)));
  }
  if (o.common.json) {
    say_json(data);
    return 0;
  }
  if (o.common.quiet) return 0;
  for (const nlohmann::json& warning : data["warnings"]) print_warning(warning.get<std::string>());
  say("{} on {} with {} at {:.0f} MHz, {}, {} tokens before, batch {}\n", q.model, q.config, q.dram,
      mhz, technology.title, q.context, q.batch);
  say("  {:.1f} tokens/s ({}), {:.1f} % of the memory's peak; a prompt {:.0f} tokens/s\n",
      s["tokens_per_second"].get<double>(), s["time_tag"].get<std::string>(),
      100 * s["memory_share"].get<double>(), s["prefill_tokens_per_second"].get<double>());
  std::string parts;
  for (const auto& [name, part] : s["joules"].items())
    parts += fmt::format("{}{} {:.1f} ({})", parts.empty() ? "" : ", ", name,
                         1e3 * part["value"].get<double>(),
                         energy::describe(energy::parse_tag(part["tag"].get<std::string>()),
                                          part["recalled"].get<bool>()));
  say("  {:.1f} mJ a token: {}; {:.2f} W\n", 1e3 * s["joules_per_token"].get<double>(), parts,
      s["watts"].get<double>());
  if (!o.output.empty()) say("  written to {} in {:.1f} s\n", o.output.string(), clock.seconds());
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto o = std::make_shared<ReportOptions>();
  CLI::App* sub = app.add_subcommand(
      "report", "Speed, energy and where they go, for a model, a chip and a memory, as a page");
  sub->add_option("--preset,--model", o->preset, describe_presets())->capture_default_str();
  sub->add_option("--layers", o->shape.layers, "Only the first so many layers of the preset")
      ->check(within(kLayers));
  sub->add_option("--positions", o->shape.context, "Positions of the preset's cache")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--config", o->common.config, "Chip configuration (default: edge)");
  sub->add_option("--dram", o->dram, "DRAM by name or FILE.yaml; tern dram lists them")
      ->capture_default_str();
  sub->add_option("--clock-mhz", o->clock_mhz,
                  "Clock of the chip (default: its port moves the DRAM's peak)")
      ->check(within(sim::kClockRange));
  sub->add_option("--technology", o->technology, "Cell library whose measured blocks are used")
      ->check(CLI::IsMember(energy::technology_names()))
      ->capture_default_str();
  sub->add_option("--context", o->question.context, "Tokens before the one that is reported")
      ->capture_default_str();
  sub->add_option("--batch", o->question.batch, "Sequences side by side")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  sub->add_option("--prefill", o->question.prefill, "Prompt tokens of the prefill figure")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("-o,--output", o->output, "HTML page to write");
  add_parameter_options(*sub, o->parameters);
  add_output_options(*sub, o->common);
  sub->callback([o, sub, &action] {
    o->context_given = sub->count("--context") > 0;
    action = [o] { return make(*o); };
  });
}

}  // namespace tern::cli
