// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dram/presets.hpp"
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
  return {[](std::string& name) {
            const std::vector<std::string> names = dram::preset_names();
            if (name.find(".yaml") != std::string::npos || std::ranges::count(names, name) != 0)
              return std::string();
            return fmt::format("there is no memory {:?}; there are {}", name,
                               fmt::join(names, ", "));
          },
          ""};
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
  app.add_option("--i2s-order", options.device.i2s_order,
                 "Order of the weights in I2_S tensors, which the file does not tell: that of the "
                 "machine it was written on")
      ->check(CLI::IsMember({"x86", "arm"}));
  app.add_option("--pre", options.device.pre_tokenizer,
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
  add_threads_option(app, options);
  app.add_option("--body", options.device.body,
                 "rtl: body of the adder-tree array, fast or tree (equal to the bit and the cycle)")
      ->check(CLI::IsMember({"fast", "tree"}))
      ->capture_default_str();
  app.add_option("--latency", options.device.memory_latency,
                 "rtl, tlm: memory read latency in cycles")
      ->check(within(kLatency))
      ->capture_default_str();
  add_dram_options(app, options);
  app.add_option("--stall", options.device.memory_stall,
                 "rtl, tlm: probability of a memory stall per cycle and channel")
      ->check(within(RealRange{0, 0.99}))
      ->capture_default_str();
  app.add_option("--trace", options.device.trace_file,
                 "rtl: write waveforms to this FST file (uses the tree body)");
  app.add_option("--timeline", options.device.timeline_file,
                 "rtl: write what the units did to this file, for Perfetto or chrome://tracing");
  app.add_option("--timeout-cycles", options.device.timeout_cycles,
                 "rtl: longest time without any progress, in cycles")
      ->check(within(kCycles))
      ->capture_default_str();
}

void add_threads_option(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Backend");
  app.add_option("--threads", options.device.threads,
                 "golden: threads that compute a token together")
      ->check(within(kThreads))
      ->capture_default_str();
}

void add_dram_options(CLI::App& app, Options& options) {
  const OptionGroup group(app, "Memory");
  app.add_option("--dram", options.device.dram,
                 "rtl: time the memory as this DRAM, by name or FILE.yaml; tern dram lists them")
      ->check(is_dram());
  app.add_option("--clock-mhz", options.device.clock_mhz,
                 "rtl with --dram: clock of the chip (default: where its port moves the DRAM's "
                 "peak)")
      ->check(within(kClockMhz));
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
  model.gguf = {io::i2s_order_named(options.device.i2s_order), options.device.pre_tokenizer};
  model.convert = options.convert;
  if (!options.quiet)
    model.notes = [](std::string_view sentence) { fmt::print(stderr, "tern: {}\n", sentence); };
  return model;
}

namespace {

/// Files that a simulated chip writes: none that is read, and no two the same.
void check_recordings(const Options& options) {
  const std::filesystem::path &trace = options.device.trace_file,
                              &timeline = options.device.timeline_file;
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
  session.device = options.device;
  session.device.seed = options.seed;
  if (!options.device.trace_file.empty()) session.device.body = "tree";
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
