// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "backends/options.hpp"
#include "commands.hpp"
#include "golden/kernels.hpp"
#include "io/error.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct BenchOptions {
  Options common;
  double seconds = 2;
  uint32_t repetitions = 3;
  std::vector<std::string> only;
  bool backend_given = false;
};

/// Backend and body of what is measured.
const std::vector<std::pair<std::string, std::string>> kBackends = {
    {"golden:", "fast"},  {"reference:", "fast"}, {"rtl:edge", "fast"}, {"rtl:edge", "tree"},
    {"rtl:nano", "fast"}, {"rtl:nano", "tree"},   {"tlm:edge", "fast"}, {"tlm:nano", "fast"}};

constexpr std::string_view kPrompt = "Once upon a time, there was a little";
/// Tokens that are decoded behind the prompt: the positions that every figure is of, whatever the
/// time that it is given.
constexpr uint32_t kWindow = 8;

/// Mean and standard deviation of single measurements.
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread_of(const std::vector<double>& values) {
  Spread s;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / n;
  double squares = 0;
  for (const double v : values) squares += (v - s.mean) * (v - s.mean);
  if (values.size() > 1) s.deviation = std::sqrt(squares / (n - 1));
  return s;
}

/// Repeats `step` for at least `seconds`; returns repetitions per second.
template <typename Step>
double rate(double seconds, Step step) {
  step();
  uint64_t n = 0;
  const Stopwatch clock;
  do {
    step();
    ++n;
  } while (clock.seconds() < seconds);
  return static_cast<double>(n) / clock.seconds();
}

/// SIMD against scalar on one ternary 1024 x 1024 product, in 10^9 multiply-accumulates a second.
nlohmann::json bench_kernels(double seconds) {
  constexpr int n = 1024;
  spec::MatrixShape shape;
  shape.rows = shape.cols = n;
  shape.stripes = spec::ceil_div(n, spec::kTritsPerByte);
  shape.block = spec::kConfigs[1].row_block;
  std::vector<uint8_t> w(shape.bytes());
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<uint8_t>(i * 7 % spec::kT5Codes);
  std::vector<int8_t> x(n);
  for (int i = 0; i < n; ++i) x[i] = static_cast<int8_t>(i * 37 % 255 - 127);
  std::vector<int32_t> out(n);
  const double macs = static_cast<double>(n) * n * 1e-9;
  const double simd = macs * rate(seconds / 2, [&] {
                        golden::multiply_beats(w.data(), shape, x.data(), out.data());
                      });
  const double scalar = macs * rate(seconds / 2, [&] {
                          golden::multiply_beats_scalar(w.data(), shape, x.data(), out.data());
                        });
  return {{"name", "golden matvec"},
          {"simd_gmac_per_second", simd},
          {"scalar_gmac_per_second", scalar},
          {"ratio", simd / scalar}};
}

/// A device with a model, and the same tokens again and again: the prompt, then a window of
/// decoded ones, which alone counts.
class Window {
 public:
  explicit Window(const Options& options) : setup_(open_setup(options)) {
    const io::Tokenizer& tokenizer = setup_.model.image->tokenizer();
    prompt_ = tokenizer.encode(kPrompt, tokenizer.adds_bos());
    const auto context = static_cast<uint32_t>(setup_.model.image->model().context);
    if (prompt_.size() + kWindow > context)
      throw Error("{}: bench decodes {} tokens behind a prompt of {}, the model has {} positions",
                  setup_.model.image->origin(), kWindow, prompt_.size(), context);
  }

  void run() {
    Device& device = *setup_.device;
    if (device.position() != 0) device.reset();
    GenerateSettings settings;
    settings.max_new = 1;
    device.generate(prompt_, settings, {});
    before = device.counters();
    const std::optional<MemoryReport> memory_before = device.memory_report();
    const int32_t token = prompt_.back();
    const std::clock_t cpu = std::clock();
    const Stopwatch clock;
    for (uint32_t i = 0; i < kWindow; ++i) device.generate(std::span(&token, 1), settings, {});
    seconds += clock.seconds();
    cpu_seconds += static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    after = device.counters();
    if (memory_before) memory = device.memory_report()->since(*memory_before);
  }

  const io::Image& image() const { return *setup_.model.image; }
  std::size_t first_position() const { return prompt_.size(); }
  Counters before, after;               ///< Of the latest window.
  std::optional<MemoryReport> memory;   ///< The same.
  double seconds = 0, cpu_seconds = 0;  ///< Of all windows.

 private:
  Setup setup_;
  std::vector<int> prompt_;
};

/// Windows as often as it takes for so many repetitions of so many seconds; the counts of cycles
/// are those of the first window.
nlohmann::json measure(const BenchOptions& o, const Options& options, const std::string& name) {
  Window window(options);
  nlohmann::json out = {{"name", name},
                        {"threads", options.device.whole(sim::kThreads)},
                        {"first_position", window.first_position()},
                        {"window", kWindow}};
  uint64_t tokens = 0;
  std::vector<double> rates;
  Counters before, after;
  std::optional<MemoryReport> memory;
  for (uint32_t r = 0; r < o.repetitions; ++r) {
    const double from = window.seconds;
    uint64_t done = 0;
    do {
      window.run();
      if (tokens + done == 0) {
        before = window.before;
        after = window.after;
        memory = window.memory;
      }
      done += kWindow;
    } while (window.seconds - from < o.seconds / o.repetitions);
    tokens += done;
    rates.push_back(static_cast<double>(done) / (window.seconds - from));
  }
  const Spread speed = spread_of(rates);
  out["tokens"] = tokens;
  out["seconds"] = window.seconds;
  out["cpu_seconds"] = window.cpu_seconds;
  out["repetitions"] = rates;
  out["tokens_per_second"] = speed.mean;
  out["tokens_per_second_deviation"] = speed.deviation;
  if (options.backend == "golden:")
    out["bytes_per_second"] = speed.mean * static_cast<double>(window.image().stream_bytes(0));
  if (after.cycles) {
    const auto cycles = static_cast<double>(after.cycles - before.cycles) / kWindow;
    out["cycles_per_token"] = cycles;
    out["cycles_per_second"] = cycles * speed.mean;
    out["trit_macs_per_second"] =
        static_cast<double>(after.trit_macs - before.trit_macs) / kWindow * speed.mean;
    out["beat_share"] = static_cast<double>(after.beats - before.beats) / kWindow / cycles;
    out["cycle_use"] = describe_cycles(before, after);
  }
  if (memory) {
    out["memory"] = memory_json(*memory);
    out["memory_use"] = describe_memory(*memory);
  }
  return out;
}

/// `dram`: with the DRAM of the options.
nlohmann::json bench_backend(const BenchOptions& o, const std::string& backend,
                             const std::string& body, bool dram) {
  Options options = o.common;
  options.backend = backend;
  options.device.set(sim::kBody.name, body);
  if (backend != "golden:") options.device.erase(sim::kThreads);
  if (!dram) {
    options.device.erase(sim::kDram);
    options.device.erase(sim::kClockMhz);
  }
  return measure(o, options,
                 dram ? fmt::format("{} ({})", backend, options.device.text(sim::kDram))
                 : backend.starts_with("rtl:") ? fmt::format("{} ({} body)", backend, body)
                                               : backend);
}

void print(const BenchOptions& o, const nlohmann::json& results) {
  say("Measured on this machine, {}, decoding one token at a time, {} positions behind a "
      "prompt; mean of {} repetitions +- standard deviation:\n",
      o.common.device.whole(sim::kThreads) == 1
          ? "one thread"
          : fmt::format("golden: with {} threads", o.common.device.whole(sim::kThreads)),
      kWindow, o.repetitions);
  say("  {:<24} {:>18} {:>14} {:>18} {:>14} {:>8}\n", "", "tokens/s", "M cycles/s", "M trit-MAC/s",
      "cycles/token", "beats");
  for (const auto& r : results) {
    if (r.contains("ratio")) continue;
    say("  {:<24} {:>18}", r["name"].get<std::string>(),
        fmt::format("{:.1f} +- {:.1f}", r["tokens_per_second"].get<double>(),
                    r["tokens_per_second_deviation"].get<double>()));
    if (r.contains("cycles_per_second")) {
      say(" {:>14.2f} {:>18.0f} {:>14.0f} {:>7.1f}%", r["cycles_per_second"].get<double>() * 1e-6,
          r["trit_macs_per_second"].get<double>() * 1e-6, r["cycles_per_token"].get<double>(),
          r["beat_share"].get<double>() * 100);
    }
    say("\n");
  }
  for (const auto& r : results) {
    for (const char* use : {"cycle_use", "memory_use"}) {
      if (r.contains(use))
        say("  {}: {}\n", r["name"].get<std::string>(), r[use].get<std::string>());
    }
  }
  for (const auto& r : results) {
    if (r.contains("bytes_per_second"))
      say("  {} {:.1f} GB/s of weights\n", r["name"].get<std::string>(),
          r["bytes_per_second"].get<double>() * 1e-9);
    if (r.contains("ratio"))
      say("  golden matvec 1024 x 1024: {:.1f} GMAC/s with SIMD, {:.1f} scalar: {:.1f} x\n",
          r["simd_gmac_per_second"].get<double>(), r["scalar_gmac_per_second"].get<double>(),
          r["ratio"].get<double>());
  }
}

int bench(const BenchOptions& o) {
  nlohmann::json results = nlohmann::json::array();
  Progress progress("bench", kBackends.size() + 1, o.common.quiet);
  if (o.backend_given) {
    results.push_back(measure(o, o.common, o.common.backend));
  } else {
    if (o.only.empty()) results.push_back(bench_kernels(o.seconds));
    for (const auto& [backend, body] : kBackends) {
      if (!o.only.empty() && !std::ranges::count(o.only, backend)) continue;
      progress.update(results.size(), backend);
      results.push_back(bench_backend(o, backend, body, false));
    }
    if (!o.common.device.text(sim::kDram).empty())
      results.push_back(bench_backend(o, "rtl:edge", "fast", true));
  }
  if (o.common.json) {
    say_json(results);
  } else {
    print(o, results);
  }
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto o = std::make_shared<BenchOptions>();
  CLI::App* sub = app.add_subcommand("bench", "Measure the speed of every backend on this machine");
  add_model_options(*sub, o->common);
  for (const BackendOption* option : {&sim::kDram, &sim::kClockMhz, &sim::kThreads})
    add_declared_option(*sub, *option, o->common);
  std::vector<std::string> names;
  for (const auto& [name, body] : kBackends)
    if (!std::ranges::count(names, name)) names.push_back(name);
  CLI::Option* only = sub->add_option("--only", o->only, "Only these backends (default: all)")
                          ->delimiter(',')
                          ->check(CLI::IsMember(names));
  sub->add_option(
         "--backend", o->common.backend,
         "This one backend in place of the list, as tern run names it: a board, a DRAM's chip")
      ->excludes(only);
  sub->add_option("--seconds", o->seconds,
                  "Least time for each speed, all repetitions together; cycles do not depend on it")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  sub->add_option("--repetitions", o->repetitions, "Times that each speed is measured")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_output_options(*sub, o->common);
  sub->get_option("--json")->description("Print one JSON array, an object for each measurement");
  sub->callback([o, sub, &action] {
    o->backend_given = sub->count("--backend") > 0;
    action = [o] { return bench(*o); };
  });
}

}  // namespace tern::cli
