// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/backends.hpp"
#include "dram/presets.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/fit.hpp"
#include "io/image_magic.hpp"
#include "io/mapped_file.hpp"
#include "io/pre_tokenizer.hpp"
#include "io/skeleton.hpp"
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

void add_sampling_options(CLI::App& app, SamplingOptions& options) {
  const OptionGroup group(app, "Sampling");
  app.add_option("--temperature", options.temperature,
                 "Sampling temperature; 0 takes the likeliest token")
      ->check(within(RealRange{0, 100}))
      ->capture_default_str();
  app.add_option("--top-p", options.top_p,
                 "Keep the likeliest tokens that together reach this probability")
      ->check(within(kProbability))
      ->capture_default_str();
  app.add_option("--top-k", options.top_k, "Keep at most this many tokens")
      ->check(within(WholeRange{1, spec::kCandidates}))
      ->capture_default_str();
}

GenerateSettings generate_settings(const SamplingOptions& options) {
  GenerateSettings s;
  if (options.temperature > 0) {
    s.inverse_temperature = spec::make_scale(
        static_cast<uint64_t>(std::llround(std::ldexp(1.0 / options.temperature, 32))), -32);
  }
  s.top_k = options.top_k;
  s.top_p_q16 = static_cast<uint32_t>(std::lround(options.top_p * 65536));
  return s;
}

spec::SampleSettings sample_settings(const SamplingOptions& options) {
  const GenerateSettings s = generate_settings(options);
  return {s.inverse_temperature, s.top_k, s.top_p_q16};
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

io::GgufOptions gguf_options(const Options& options) {
  return {io::i2s_order_named(options.device.i2s_order), options.device.pre_tokenizer};
}

bool is_image(const std::filesystem::path& path) {
  if (io::is_folder(path)) return false;
  const io::MappedFile file(path);
  uint32_t magic = 0;
  if (file.bytes().size() >= sizeof magic) std::memcpy(&magic, file.bytes().data(), sizeof magic);
  return magic == spec::kImageMagic || magic == io::kSwappedImageMagic;
}

namespace {

void check_context(const io::Image& image, const Options& options) {
  const uint32_t wanted = options.convert.context;
  if (wanted != 0 && wanted != image.model().context)
    throw Error(
        "{}: an image has its context from its conversion, {} positions; give --context {} to tern "
        "convert, or leave out {}",
        image.origin(), image.model().context, wanted, options.convert.context_flag);
}

/// Of a model that need not run on `chip`, whether it could.
void note_obstacle(const io::Image& image, const Options& options, const spec::ChipConfig& chip) {
  if (options.quiet || options.convert.for_chip || image.columns() != chip.columns) return;
  const std::string why = io::obstacle(io::skeleton_of(image), chip);
  if (!why.empty())
    fmt::print(stderr, "tern: no chip of configuration {} runs this model: {}\n", chip.name, why);
}

}  // namespace

Options for_golden(Options options) {
  options.convert.for_chip = !options.config.empty();
  return options;
}

void note_context(uint32_t positions, int all, const Options& options) {
  if (options.quiet || options.convert.context != 0 || static_cast<int64_t>(positions) >= all)
    return;
  fmt::print(stderr, "tern: context {} of the model's {} positions; {} N takes another number\n",
             positions, all, options.convert.context_flag);
}

std::unique_ptr<io::ModelFiles> open_model_files(const Options& options) {
  auto files = io::open_model(options.model, gguf_options(options));
  if (!options.quiet) {
    for (const std::string& note : files->notes())
      fmt::print(stderr, "tern: {}: {}\n", files->file(), note);
  }
  return files;
}

LoadedModel load_model(const Options& options, const spec::ChipConfig& chip) {
  const std::filesystem::path& path = options.model;
  LoadedModel model;
  if (is_image(path)) {
    if (options.convert.weights_trits != 0)
      throw Error(
          "{}: an image has its weights quantised already; give --weights-trits to the "
          "conversion of the file that it was made from",
          path.string());
    model.image = std::make_unique<io::Image>(io::Image::open(path));
    check_context(*model.image, options);
    note_obstacle(*model.image, options, chip);
    return model;
  }
  model.files = open_model_files(options);
  model.image = std::make_unique<io::Image>(
      io::Image::from_bytes(io::convert(*model.files, chip, {}, options.convert), path.string()));
  note_context(model.image->model().context, model.files->config().context, options);
  note_obstacle(*model.image, options, chip);
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

}  // namespace

Session prepare_session(const Options& options) {
  check_recordings(options);
  DeviceOptions device_options = options.device;
  device_options.seed = options.seed;
  device_options.gguf_file = options.model;
  if (!device_options.trace_file.empty()) device_options.body = "tree";
  if (!options.quiet) {
    device_options.load_progress = [bar = std::shared_ptr<Progress>()](uint64_t done,
                                                                       uint64_t total) mutable {
      if (!bar) bar = std::make_shared<Progress>("upload", total, false);
      bar->update(done);
      if (done == total) bar.reset();
    };
  }
  Session session;
  session.device = Device::open(options.backend, device_options);
  const auto device_config = session.device->config();
  if (device_config && !options.config.empty() && options.config != device_config->name) {
    throw Error("backend {} has configuration {}, --config says {}; leave one out", options.backend,
                device_config->name, options.config);
  }
  const spec::ChipConfig& chip =
      device_config ? io::find_config(device_config->name)
                    : io::find_config(options.config.empty() ? "edge" : options.config);
  session.model = load_model(device_config ? options : for_golden(options), chip);
  return session;
}

std::unique_ptr<TextSession> open_text_session(const Options& options) {
  auto text = std::make_unique<TextSession>();
  if (options.backend == "reference:" && !is_image(options.model)) {
    sim::refuse_chip_options("reference", options.device);
    text->session.model.files = open_model_files(options);
    const io::ModelFiles& files = *text->session.model.files;
    text->tokenizer = &text->own_tokenizer.emplace(files.vocabulary());
    text->session.device = sim::load_reference(files, text->tokenizer->ends());
    text->name = files.config().name;
    text->context = files.config().context;
    if (const uint32_t wanted = options.convert.context; wanted > text->context)
      throw Error("{}: --context {} is more than the model's {} positions", files.file(), wanted,
                  text->context);
    else if (wanted != 0)
      text->context = wanted;
    return text;
  }
  text->session = open_session(options);
  const io::Image& image = *text->session.model.image;
  text->tokenizer = &image.tokenizer();
  text->name = image.name();
  text->context = image.model().context;
  return text;
}

Session open_session(const Options& options) {
  Session session = prepare_session(options);
  session.device->load(*session.model.image);
  return session;
}

}  // namespace tern::cli
