#include "io/synth.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/chip_config.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct SynthCommand {
  std::string preset;
  std::string config = "edge";
  io::SynthOptions options;
  std::filesystem::path output;
  Options common;
};

int synth(const SynthCommand& o) {
  const Stopwatch clock;
  const io::SynthPreset& preset = io::find_preset(o.preset);
  const spec::ChipConfig& chip = io::find_config(o.config);
  {
    Progress progress("synth", 100, o.common.quiet);
    io::ImageWriter writer(chip, o.output);
    io::synthesise(preset, o.options, writer, [&](uint64_t done, uint64_t all) {
      const double rate = static_cast<double>(done) / clock.seconds() / 1e6;
      progress.update(done * 100 / all, fmt::format("{:.0f} MB/s", rate));
    });
  }
  const double written = clock.seconds();
  const io::Image image = io::Image::open(o.output);
  if (o.options.context == 0) note_context(image.model().context, preset.context, o.common);
  const double rate = static_cast<double>(image.bytes().size()) / written / 1e6;
  if (o.common.json) {
    fmt::print("{}\n", nlohmann::json{{"output", o.output.string()},
                                      {"preset", preset.name},
                                      {"bytes", image.bytes().size()},
                                      {"config", chip.name},
                                      {"layers", image.model().layers},
                                      {"context", image.model().context},
                                      {"seed", o.options.seed},
                                      {"zeros", o.options.zeros},
                                      {"checksum", fmt::format("{:016x}", image.header().checksum)},
                                      {"seconds", written}}
                           .dump());
  } else if (!o.common.quiet) {
    fmt::print("{}: {}\n{} bytes for configuration {}, checksum {:016x}, {:.0f} MB/s\n",
               o.output.string(), image.name(), image.bytes().size(), chip.name,
               image.header().checksum, rate);
  }
  return 0;
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  auto o = std::make_shared<SynthCommand>();
  CLI::App* sub =
      app.add_subcommand("synth", "Write a .tern image of a model's shape with random weights");
  std::string presets = "Shape";
  for (const io::SynthPreset& p : io::kSynthPresets)
    presets += fmt::format("; {}: {}", p.name, p.what);
  sub->add_option("--preset", o->preset, presets)->required();
  sub->add_option("--config", o->config, "Chip configuration: nano, edge")->capture_default_str();
  sub->add_option("--output,-o", o->output, "Image to write")->required();
  sub->add_option("--seed", o->options.seed, "Seed of the weights")->capture_default_str();
  sub->add_option("--zeros", o->options.zeros, "Probability of a zero weight (default: 1/3)")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--context", o->options.context,
                  "Positions (default: as many of the preset's as the chip holds)")
      ->check(CLI::Range(1, 1 << 20));
  sub->add_option("--layers", o->options.layers,
                  "Only the first so many layers (default: the preset's)")
      ->check(CLI::Range(1, 4096));
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return synth(*o); }; });
}

}  // namespace tern::cli
