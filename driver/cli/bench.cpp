#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "golden/kernels.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct BenchOptions {
  Options common;
  double seconds = 2;
  std::vector<std::string> only;
};

/// Backend and body of what is measured.
const std::vector<std::pair<std::string, std::string>> kBackends = {
    {"golden:", "fast"},  {"reference:", "fast"}, {"rtl:edge", "fast"}, {"rtl:edge", "tree"},
    {"rtl:nano", "fast"}, {"rtl:nano", "tree"},   {"tlm:edge", "fast"}, {"tlm:nano", "fast"}};

constexpr std::string_view kPrompt = "Once upon a time, there was a little";

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

/// `dram`: with the DRAM of the options.
nlohmann::json bench_backend(const BenchOptions& o, const std::string& backend,
                             const std::string& body, bool dram) {
  Options options = o.common;
  options.backend = backend;
  options.device.body = body;
  if (backend != "golden:") options.device.threads = 1;
  if (!dram) {
    options.device.dram.clear();
    options.device.clock_mhz = 0;
  }
  Session session = open_session(options);
  Device& device = *session.device;
  const io::Tokenizer& tokenizer = session.model.image->tokenizer();
  const std::vector<int> prompt = tokenizer.encode(kPrompt, tokenizer.adds_bos());
  const auto context = static_cast<uint32_t>(session.model.image->model().context);
  const int32_t token = prompt.back();
  GenerateSettings settings;
  settings.max_new = 1;
  device.generate(prompt, settings, {});
  const Counters before = device.counters();
  const std::optional<MemoryReport> memory_before = device.memory_report();
  const int first_position = device.position();
  uint64_t tokens = 0;
  const std::clock_t cpu = std::clock();
  const Stopwatch clock;
  do {
    if (static_cast<uint32_t>(device.position()) == context) device.reset();
    device.generate(std::span(&token, 1), settings, {});
    ++tokens;
  } while (clock.seconds() < o.seconds);
  const double seconds = clock.seconds();
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  const Counters after = device.counters();
  const std::string name = dram ? fmt::format("{} ({})", backend, options.device.dram)
                           : backend.starts_with("rtl:")
                               ? fmt::format("{} ({} body)", backend, body)
                               : backend;
  const double rate = static_cast<double>(tokens) / seconds;
  nlohmann::json out = {{"name", name},
                        {"threads", options.device.threads},
                        {"tokens", tokens},
                        {"first_position", first_position},
                        {"seconds", seconds},
                        {"cpu_seconds", cpu_seconds},
                        {"tokens_per_second", rate}};
  if (backend == "golden:")
    out["bytes_per_second"] = rate * static_cast<double>(session.model.image->stream_bytes(0));
  if (after.cycles) {
    const auto cycles = static_cast<double>(after.cycles - before.cycles);
    out["cycles_per_second"] = cycles / seconds;
    out["trit_macs_per_second"] = static_cast<double>(after.trit_macs - before.trit_macs) / seconds;
    out["cycles_per_token"] = cycles / static_cast<double>(tokens);
    out["beat_share"] = static_cast<double>(after.beats - before.beats) / cycles;
    out["cycle_use"] = describe_cycles(before, after);
  }
  if (memory_before) {
    const MemoryReport memory = device.memory_report()->since(*memory_before);
    out["memory"] = to_json(memory);
    out["memory_use"] = describe_memory(memory);
  }
  return out;
}

int bench(const BenchOptions& o) {
  nlohmann::json results = nlohmann::json::array();
  Progress progress("bench", kBackends.size() + 1, o.common.quiet);
  if (o.only.empty()) results.push_back(bench_kernels(o.seconds));
  for (const auto& [backend, body] : kBackends) {
    if (!o.only.empty() && !std::ranges::count(o.only, backend)) continue;
    progress.update(results.size(), backend);
    results.push_back(bench_backend(o, backend, body, false));
  }
  if (!o.common.device.dram.empty()) {
    const std::string chip = o.common.backend.starts_with("rtl:") ? o.common.backend : "rtl:edge";
    results.push_back(bench_backend(o, chip, "fast", true));
  }
  if (o.common.json) {
    fmt::print("{}\n", results.dump());
    return 0;
  }
  fmt::print("Measured on this machine, {}, decoding one token at a time:\n",
             o.common.device.threads == 1
                 ? "one thread"
                 : fmt::format("golden: with {} threads", o.common.device.threads));
  fmt::print("  {:<24} {:>10} {:>14} {:>18} {:>14} {:>8}\n", "", "tokens/s", "M cycles/s",
             "M trit-MAC/s", "cycles/token", "beats");
  for (const auto& r : results) {
    if (r.contains("ratio")) continue;
    fmt::print("  {:<24} {:>10.1f}", r["name"].get<std::string>(),
               r["tokens_per_second"].get<double>());
    if (r.contains("cycles_per_second")) {
      fmt::print(" {:>14.2f} {:>18.0f} {:>14.0f} {:>7.1f}%",
                 r["cycles_per_second"].get<double>() * 1e-6,
                 r["trit_macs_per_second"].get<double>() * 1e-6,
                 r["cycles_per_token"].get<double>(), r["beat_share"].get<double>() * 100);
    }
    fmt::print("\n");
  }
  for (const auto& r : results) {
    if (r.contains("cycle_use"))
      fmt::print("  {}: {}\n", r["name"].get<std::string>(), r["cycle_use"].get<std::string>());
    if (r.contains("memory_use"))
      fmt::print("  {}: {}\n", r["name"].get<std::string>(), r["memory_use"].get<std::string>());
  }
  for (const auto& r : results) {
    if (r.contains("bytes_per_second"))
      fmt::print("  {} {:.1f} GB/s of weights\n", r["name"].get<std::string>(),
                 r["bytes_per_second"].get<double>() * 1e-9);
  }
  if (!o.only.empty()) return 0;
  fmt::print("  golden matvec 1024 x 1024: {:.1f} GMAC/s with SIMD, {:.1f} scalar: {:.1f} x\n",
             results[0]["simd_gmac_per_second"].get<double>(),
             results[0]["scalar_gmac_per_second"].get<double>(), results[0]["ratio"].get<double>());
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto o = std::make_shared<BenchOptions>();
  CLI::App* sub = app.add_subcommand("bench", "Measure the speed of every backend on this machine");
  add_model_options(*sub, o->common);
  add_dram_options(*sub, o->common);
  add_threads_option(*sub, o->common);
  std::vector<std::string> names;
  for (const auto& [name, body] : kBackends) names.push_back(name);
  sub->add_option("--only", o->only, "Only these backends (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  sub->add_option("--seconds", o->seconds, "Time for each measurement")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return bench(*o); }; });
}

}  // namespace tern::cli
