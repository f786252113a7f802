// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "backends/backends.hpp"
#include "backends/options.hpp"
#include "commands.hpp"
#include "dram/presets.hpp"
#include "estimate/estimate.hpp"
#include "estimates.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/skeleton.hpp"
#include "io/synth.hpp"
#include "options.hpp"
#include "output.hpp"
#include "parameters.hpp"
#include "progress.hpp"
#include "tlm/activity.hpp"
#include "tlm/dram_timing.hpp"
#include "tlm/statistical_memory.hpp"
#include "tlm/timing_run.hpp"
#include "tlm/tlm_chip.hpp"

namespace tern::cli {
namespace {

struct PerfOptions {
  Options common;
  std::string preset;
  io::SynthOptions shape;
  std::optional<uint32_t> at;  ///< Without: kUsualPosition, or as far as the context goes.
  uint32_t tokens = 1;
  uint32_t prefill = 0;
  uint32_t group = 0;
  uint32_t latency = 40;
  double beat_rate = 1;
  bool activity = false;
  bool compare = false;
  Parameters parameters;  ///< Those that differ from the configuration's.
};

constexpr uint32_t kUsualPosition = 256;

/// One thing that was timed.
struct Result {
  std::string what;
  uint32_t position, tokens;
  Counters counters;
  double seconds;  ///< Of this thread's processor.
  tlm::Activity activity;
  std::optional<Counters> rtl;
  double rtl_seconds = 0;
  std::optional<double> mhz;  ///< The chip's clock, where one is known.

  double cycles_per_token() const {
    return static_cast<double>(tlm::work_cycles(counters)) / tokens;
  }
};

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

nlohmann::json to_json(const Result& r, bool with_activity) {
  const Counters& c = r.counters;
  const auto cycles = tlm::work_cycles(c);
  nlohmann::json out = {{"what", r.what},
                        {"position", r.position},
                        {"tokens", r.tokens},
                        {"cycles", cycles},
                        {"cycles_per_token", r.cycles_per_token()},
                        {"beats", c.beats},
                        {"load_beats", c.load_beats},
                        {"store_beats", c.store_beats},
                        {"stall_read", c.stall_read},
                        {"stall_drain", c.stall_drain},
                        {"stall_wait", c.stall_wait},
                        {"stall_idle", c.stall_idle},
                        {"vector_busy", c.vector_busy},
                        {"commands", c.commands}};
  if (r.mhz) {
    out["microseconds_per_token"] = r.cycles_per_token() / *r.mhz;
    out["tokens_per_second"] = *r.mhz * 1e6 / r.cycles_per_token();
  }
  out["processor_seconds"] = r.seconds;
  if (r.rtl) {
    out["rtl_cycles"] = tlm::work_cycles(*r.rtl);
    out["rtl_processor_seconds"] = r.rtl_seconds;
  }
  if (with_activity) {
    for (const auto& [name, count] : tlm::named(r.activity)) out["activity"][name] = count;
  }
  return out;
}

void print_comparison(const Result& r) {
  Counters work = *r.rtl;
  work.cycles = tlm::work_cycles(work);
  const auto predicted = static_cast<double>(tlm::work_cycles(r.counters));
  say("  rtl: {:.0f} cycles/token, {}\n", static_cast<double>(work.cycles) / r.tokens,
      describe_cycles({}, work));
  say("  error {:+.2f} %; {:.4f} s of processor time against {:.2f} s: {:.0f} times faster\n",
      100 * (predicted / static_cast<double>(work.cycles) - 1), r.seconds, r.rtl_seconds,
      r.rtl_seconds / r.seconds);
}

io::Skeleton model_of(const PerfOptions& o, const spec::ChipConfig& chip) {
  return find_skeleton(o.preset.empty() ? o.common.model.string() : o.preset, o.shape, chip,
                       o.common);
}

/// The clock that the time of a token follows from: what was given, or where the port moves the
/// peak of the DRAM.
std::optional<double> clock_of(const PerfOptions& o, const spec::ChipConfig& chip) {
  const BackendOptions& device = o.common.device;
  if (const double mhz = device.real(sim::kClockMhz); mhz > 0) return mhz;
  if (!device.differs(sim::kDram)) return std::nullopt;
  return estimate::default_clock_mhz(dram::find_preset(device.text(sim::kDram)), chip.columns);
}

/// The position to begin at, with room for all that is timed.
uint32_t position_of(const PerfOptions& o, const io::Skeleton& model) {
  const uint32_t context = model.model.context;
  const uint32_t tokens = std::max(o.tokens, o.prefill);
  const uint32_t at = o.at.value_or(std::min(kUsualPosition, context - std::min(context, tokens)));
  if (uint64_t{at} + tokens > context)
    throw Error(
        "{} tokens behind {} others need {} positions, {} has {}; give fewer --tokens or "
        "--prefill, a smaller --context, or more --positions",
        tokens, at, uint64_t{at} + tokens, model.name, context);
  return at;
}

/// Empty for the fixed memory.
tlm::TlmChip::MakeMemory memory_of(const PerfOptions& o, const tlm::PerfConfig& config) {
  if (o.common.device.differs(sim::kDram)) {
    if (o.beat_rate != 1) throw Error("--dram says how fast the memory is; leave out --beat-rate");
    const estimate::Memory memory = estimate::load_memory(o.common.device.text(sim::kDram));
    const tlm::StatisticalMemoryTiming timing = tlm::timing_of(
        memory.config, memory.figures, *clock_of(o, config.chip), config.chip.columns);
    return [timing] { return std::make_unique<tlm::StatisticalMemory>(timing); };
  }
  if (o.beat_rate == 1) return {};
  if (o.compare) throw Error("--compare takes the memory of the RTL; leave out --beat-rate");
  tlm::StatisticalMemoryTiming timing;
  timing.read_latency = config.memory.read_latency;
  timing.beats_per_cycle = o.beat_rate;
  return [timing] { return std::make_unique<tlm::StatisticalMemory>(timing); };
}

/// The RTL that the prediction is compared with, behind the same memory.
std::unique_ptr<Transport> open_rtl_of(const PerfOptions& o, std::string_view config) {
  if (!o.parameters.empty())
    throw Error("--compare takes a named configuration as it is; leave out{}",
                parameter_flags(o.parameters));
  DeviceSettings settings;
  settings.options.set(sim::kLatency.name, uint64_t{o.latency});
  if (o.common.device.differs(sim::kDram)) {
    settings.options.set(sim::kDram.name, o.common.device.text(sim::kDram));
    settings.options.set(sim::kClockMhz.name, o.common.device.real(sim::kClockMhz));
  }
  return sim::open_rtl_chip(config, settings);
}

void print_result(const Result& r, bool activity) {
  Counters work = r.counters;
  work.cycles = tlm::work_cycles(r.counters);
  say("{} of {} tokens at position {}: {:.0f} cycles/token{}\n  {}\n", r.what, r.tokens, r.position,
      r.cycles_per_token(),
      r.mhz ? fmt::format(", {:.2f} us/token, {:.1f} tokens/s", r.cycles_per_token() / *r.mhz,
                          *r.mhz * 1e6 / r.cycles_per_token())
            : std::string(),
      describe_cycles({}, work));
  if (r.rtl) print_comparison(r);
  if (!activity) return;
  for (const auto& [name, count] : tlm::named(r.activity)) say("  {:<40} {:>14}\n", name, count);
}

int perf(const PerfOptions& o) {
  tlm::PerfConfig config;
  config.chip = chip_of(o.common.config.empty() ? "edge" : o.common.config, o.parameters);
  config.memory.read_latency = o.latency;
  const Stopwatch clock;
  tlm::TlmChip chip(config, memory_of(o, config));
  const io::Skeleton model = model_of(o, chip.config());
  const uint32_t at = position_of(o, model);
  const std::optional<double> mhz = clock_of(o, chip.config());
  tlm::TimingRun run(chip, model);
  std::unique_ptr<Transport> rtl;
  std::optional<tlm::TimingRun> rtl_run;
  if (o.compare) {
    rtl = open_rtl_of(o, config.chip.name);
    rtl_run.emplace(*rtl, model);
  }
  const double opened = clock.seconds();
  Progress progress("perf", 4, o.common.quiet);
  std::vector<Result> results;
  const auto measure = [&](std::string what, uint32_t tokens, auto ask) {
    if (tokens == 0) return;
    Result r{std::move(what), at, tokens, {}, processor_seconds(), {}, {}};
    r.mhz = mhz;
    std::vector<tlm::Activity> edges;
    run.on_interval([&] { edges.push_back(chip.activity()); });
    r.counters = ask(run);
    r.activity = edges.at(1) - edges.at(0);
    r.seconds = processor_seconds() - r.seconds;
    progress.update(2 * results.size() + 1, r.what + " on the RTL");
    if (rtl_run) {
      const double start = processor_seconds();
      r.rtl = ask(*rtl_run);
      r.rtl_seconds = processor_seconds() - start;
    }
    results.push_back(std::move(r));
    progress.update(2 * results.size());
  };
  measure("prefill", o.prefill,
          [&](tlm::TimingRun& on) { return on.prefill(at, o.prefill, o.group); });
  measure("decode", o.tokens, [&](tlm::TimingRun& on) { return on.decode(at, o.tokens); });
  double seconds = 0;
  for (const Result& r : results) seconds += r.seconds;

  if (o.common.json) {
    nlohmann::json out = {{"model", model.name},    {"config", config.chip.name},
                          {"latency", o.latency},   {"beat_rate", o.beat_rate},
                          {"group", run.group()},   {"context", model.model.context},
                          {"open_seconds", opened}, {"processor_seconds", seconds}};
    if (mhz) out["clock_mhz"] = *mhz;
    for (const spec::Parameter& p : spec::kParameters)
      out["parameters"][p.name] = config.chip.*p.member;
    for (const Result& r : results) out["results"].push_back(to_json(r, o.activity));
    say_json(out);
    return 0;
  }
  if (!o.common.quiet)
    say("{} on {}, {}, {}: predicted by the performance model in {:.3f} s\n", model.name,
        config.chip.name,
        o.common.device.differs(sim::kDram) ? o.common.device.text(sim::kDram)
                                            : fmt::format("memory latency {}", o.latency),
        mhz ? fmt::format("{:.4g} MHz", *mhz)
            : std::string("no clock (--clock-mhz or --dram gives one)"),
        seconds);
  for (const Result& r : results) print_result(r, o.activity);
  return 0;
}

}  // namespace

void add_perf(CLI::App& app, Action& action) {
  auto o = std::make_shared<PerfOptions>();
  CLI::App* sub = app.add_subcommand(
      "perf", "Predict cycles by the performance model, for any shape, position and parameters");
  add_model_options(*sub, o->common);
  std::string presets = "Shape in place of a model file; no weights are needed";
  for (const io::SynthPreset& p : io::kSynthPresets)
    presets += fmt::format("; {}: {}", p.name, p.what);
  sub->add_option("--preset", o->preset, presets)->excludes(sub->get_option("--model"));
  sub->add_option("--layers", o->shape.layers, "Only the first so many layers of the preset")
      ->check(CLI::Range(1, 4096));
  sub->add_option("--positions", o->shape.context,
                  "Positions of the KV cache (default: as many of the model's as the chip holds)")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--context", o->at,
                  "Positions before the first token that is timed (default: 256, or as many as "
                  "leave room for it)");
  sub->add_option("--tokens", o->tokens, "Tokens to decode from there")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  sub->add_option("--prefill", o->prefill, "Prompt tokens to take from there, without head")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  sub->add_option("--group", o->group,
                  "Prompt tokens that go through the layers together; 0: as many as the chip can");
  for (const BackendOption* option : {&sim::kDram, &sim::kClockMhz})
    add_declared_option(*sub, *option, o->common);
  sub->add_option("--latency", o->latency, "Memory read latency in cycles")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--beat-rate", o->beat_rate,
                  "Beats a cycle that the memory gives when read in sequence")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  sub->add_flag("--activity", o->activity, "Counts of what moved, for a model of energy");
  sub->add_flag(
      "--compare", o->compare,
      "Ask the RTL of the named configuration too; a token of billions of weights takes it "
      "half a minute");
  add_parameter_options(*sub, o->parameters);
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return perf(*o); }; });
}

}  // namespace tern::cli
