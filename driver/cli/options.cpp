// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backends/options.hpp"
#include "io/error.hpp"
#include "io/pre_tokenizer.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {

namespace {

/// Of a backend, the part before the colon.
CLI::Validator is_backend() {
  return {[](std::string& name) {
            const std::string kind = name.substr(0, name.find(':') + 1);
            std::string known;
            for (const std::string& line : known_backends()) {
              const std::string other = line.substr(0, line.find(':') + 1);
              if (kind == other) return std::string();
              known += " " + other;
            }
            return fmt::format("there is no backend {:?}; there are{}", name, known);
          },
          ""};
}

}  // namespace

std::vector<std::string> config_names() {
  std::vector<std::string> names;
  for (const spec::ChipConfig& config : spec::kConfigs) names.emplace_back(config.name);
  return names;
}

CLI::Validator is_config() { return CLI::IsMember(config_names()); }

CLI::Validator is_dram() {
  return {[](std::string& name) { return sim::dram_problem(name); }, ""};
}

void add_list(CLI::App& app, const std::string& title, const std::vector<std::string>& lines) {
  app.footer(fmt::format("{}{}{}:\n  {}", app.get_footer(), app.get_footer().empty() ? "" : "\n\n",
                         title, fmt::join(lines, "\n  ")));
}

void add_model_options(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Model");
  options.model = TERN_DEFAULT_MODEL;
  app.add_option("-m,--model", options.model,
                 "Model: GGUF file, Hugging Face folder or .tern image (default: the demo model)");
  app.add_option("--config", options.config,
                 "Chip configuration (default: the backend's, else edge)")
      ->check(is_config());
  app.add_option("--i2s-order", options.i2s_order,
                 "Order of the weights in I2_S tensors, which the file does not tell: that of the "
                 "machine it was written on")
      ->check(CLI::IsMember({"x86", "arm"}));
  app.add_option("--pre", options.pre_tokenizer,
                 "Pre-tokenizer of a GGUF file that does not name it, or names another: how "
                 "byte-level BPE splits text into words")
      ->check(CLI::IsMember(io::PreTokenizer::name_list()));
  app.add_option("--weights-trits", options.convert.weights_trits,
                 "Quantise linear layers that the file has as floats to integers of so many trits "
                 "(default: such files are refused)")
      ->check(within(WholeRange{1, spec::kMaxPlanes, "trits"}));
  app.add_option("--weights-group", options.convert.group,
                 "With --weights-trits: columns of a row that share a scale")
      ->check(CLI::IsMember({64, 128}))
      ->capture_default_str();
}

void add_context_option(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Model");
  app.add_option("-c,--context", options.convert.context,
                 "Positions of the KV cache, at most the model's (default: as many of the model's "
                 "as the chip and a cache of 1 GiB hold)")
      ->check(within(kPositions));
}

void add_backend_options(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Backend");
  app.add_option("--backend", options.backend, "Backend, of the list below")
      ->check(is_backend())
      ->capture_default_str();
  add_list(app, "Backends", known_backends());
  app.add_option("--seed", options.seed, "Seed of sampling and of simulated stalls")
      ->check(within(kSeeds))
      ->capture_default_str();
  for (const BackendOption* option : declared_options()) add_declared_option(app, *option, options);
  app.add_option("--timeout-cycles", options.timeout_cycles,
                 "rtl: longest time without any progress, in cycles")
      ->check(within(kCycles))
      ->capture_default_str();
}

void add_declared_option(CLI::App& app, const BackendOption& declared, Options& options) {
  const OptionGroup group(app, declared.group);
  const std::string flag = "--" + declared.name, help = describe(declared);
  const auto keep = [&options, name = declared.name](const auto& value) {
    options.device.set(name, value);
  };
  CLI::Option* option = nullptr;
  if (const auto* whole = std::get_if<WholeRange>(&declared.range)) {
    option = app.add_option_function<uint64_t>(flag, keep, help)->check(within(*whole));
  } else if (const auto* real = std::get_if<RealRange>(&declared.range)) {
    option = app.add_option_function<double>(flag, keep, help)->check(within(*real));
  } else {
    const auto& text = std::get<TextRange>(declared.range);
    option = app.add_option_function<std::string>(flag, keep, help);
    if (!text.choices.empty()) option->check(CLI::IsMember(text.choices));
    if (text.problem)
      option->check(
          CLI::Validator([problem = text.problem](std::string& s) { return problem(s); }, ""));
  }
  if (declared.has_default())
    option->default_str(
        std::visit([](const auto& value) { return fmt::format("{}", value); }, declared.value));
}

void add_output_options(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Output");
  app.add_flag("--json", options.json, "Print one JSON object");
  app.add_flag("--quiet", options.quiet, "No progress, no summary");
}

void add_sampling_options(CLI::App& app, Sampling& options) {
  const OptionGroup group(app, "Sampling");
  app.add_option("--temperature", options.temperature,
                 "Sampling temperature; 0 takes the likeliest token")
      ->check(within(RealRange{0, Sampling::kMaxTemperature}))
      ->capture_default_str();
  app.add_option("--top-p", options.top_p,
                 "Keep the likeliest tokens that together reach this probability")
      ->check(within(kProbability))
      ->capture_default_str();
  app.add_option("--top-k", options.top_k, "Keep at most this many tokens")
      ->check(within(WholeRange{1, spec::kTopK}))
      ->capture_default_str();
}

std::string describe_cycles(const Counters& before, const Counters& after) {
  const auto cycles = static_cast<double>(after.cycles - before.cycles);
  if (cycles == 0) return "no cycles";
  double rest = cycles;
  std::string text;
  const auto add = [&](const char* what, uint64_t Counters::*member) {
    const auto n = static_cast<double>(after.*member - before.*member);
    rest -= n;
    text += fmt::format("{:.1f} % {}, ", 100 * n / cycles, what);
  };
  add("beats", &Counters::beats);
  add("loads", &Counters::load_beats);
  add("waiting for memory", &Counters::stall_read);
  add("for accumulators", &Counters::stall_drain);
  add("for other units", &Counters::stall_wait);
  add("for commands", &Counters::stall_idle);
  return text + fmt::format("{:.1f} % between requests", 100 * std::max(0.0, rest) / cycles);
}

std::string describe_memory(const MemoryReport& m) {
  const auto cycles = static_cast<double>(m["cycles"]);
  if (cycles == 0) return "no cycles";
  const auto part = [&](const char* counter) {
    return 100 * static_cast<double>(m[counter]) / cycles;
  };
  return fmt::format(
      "{:.1f} % of {:.1f} GB/s used; idle {:.1f} % without a request, {:.1f} % refresh, {:.1f} % "
      "turnaround, {:.1f} % bank group, {:.1f} % row, {:.1f} % other",
      part("data_busy"), m.peak_gb_per_second, part("idle_no_request"), part("idle_refresh"),
      part("idle_turnaround"), part("idle_bank_group"), part("idle_row"), part("idle_other"));
}

nlohmann::json memory_json(const MemoryReport& m) {
  nlohmann::json out = {{"dram", m.name},
                        {"chip_mhz", m.chip_mhz},
                        {"dram_mhz", m.clock_mhz},
                        {"peak_gb_per_second", m.peak_gb_per_second}};
  for (const auto& [name, value] : m.counters) out[name] = value;
  if (m["cycles"] != 0)
    out["utilisation"] = static_cast<double>(m["data_busy"]) / static_cast<double>(m["cycles"]);
  return out;
}

ModelOptions model_options(const Options& options) {
  ModelOptions model;
  model.file = options.model;
  model.config = options.config;
  model.gguf = {io::i2s_order_named(options.i2s_order), options.pre_tokenizer};
  model.convert = options.convert;
  if (!options.quiet)
    model.notes = [](std::string_view sentence) { fmt::print(stderr, "tern: {}\n", sentence); };
  return model;
}

namespace {

/// Files that a simulated chip writes: none that is read, and no two the same.
void check_recordings(const Options& options) {
  const std::filesystem::path trace = options.device.text(sim::kTrace),
                              timeline = options.device.text(sim::kTimeline);
  for (const std::filesystem::path& file : {trace, timeline})
    if (!file.empty()) refuse_output_onto(file, {options.model});
  if (!trace.empty() && !timeline.empty() &&
      std::filesystem::weakly_canonical(trace) == std::filesystem::weakly_canonical(timeline))
    throw Error("{}: is to be trace and timeline; give two names", trace.string());
}

SessionOptions session_options(const Options& options) {
  SessionOptions session;
  session.backend = options.backend;
  session.model = model_options(options);
  session.device.options = options.device;
  session.device.seed = options.seed;
  session.device.timeout_cycles = options.timeout_cycles;
  if (!options.quiet) {
    session.device.load_progress = [bar = std::shared_ptr<Progress>()](uint64_t done,
                                                                       uint64_t total) mutable {
      if (!bar) bar = std::make_shared<Progress>("upload", total, false);
      bar->update(done);
      if (done == total) bar.reset();
    };
  }
  return session;
}

}  // namespace

Setup prepare_setup(const Options& options) {
  check_recordings(options);
  return prepare(session_options(options));
}

Setup open_setup(const Options& options) {
  Setup setup = prepare_setup(options);
  setup.device->load(*setup.model.image);
  return setup;
}

std::unique_ptr<Session> open_session(const Options& options) {
  check_recordings(options);
  return Session::open(session_options(options));
}

}  // namespace tern::cli
