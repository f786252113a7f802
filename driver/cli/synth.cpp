// SPDX-License-Identifier: Apache-2.0
#include "io/synth.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/chip_config.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"
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
  if (o.options.context == 0)
    note_context(image.model().context, preset.context, model_options(o.common));
  const double rate = static_cast<double>(image.bytes().size()) / written / 1e6;
  if (o.common.json) {
    say_json({{"output", o.output.string()},
              {"preset", preset.name},
              {"bytes", image.bytes().size()},
              {"config", chip.name},
              {"layers", image.model().layers},
              {"context", image.model().context},
              {"seed", o.options.seed},
              {"zeros", o.options.zeros},
              {"checksum", fmt::format("{:016x}", image.header().checksum)},
              {"seconds", written}});
  } else if (!o.common.quiet) {
    say("{}: {}\n{} bytes for configuration {}, checksum {:016x}, {:.0f} MB/s\n",
        plain_line(o.output.string()), image.name(), image.bytes().size(), chip.name,
        image.header().checksum, rate);
  }
  return 0;
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  auto o = std::make_shared<SynthCommand>();
  CLI::App* sub =
      app.add_subcommand("synth", "Write a .tern image of a model's shape with random weights");
  std::vector<std::string> names, lines;
  for (const io::SynthPreset& p : io::kSynthPresets) {
    names.emplace_back(p.name);
    lines.push_back(fmt::format("{}: {}", p.name, p.what));
  }
  sub->add_option("--preset", o->preset, "Shape, of the list below")
      ->required()
      ->check(CLI::IsMember(names));
  add_list(*sub, "Shapes", lines);
  sub->add_option("--config", o->config, "Chip configuration")
      ->check(is_config())
      ->capture_default_str();
  sub->add_option("--output,-o", o->output, "Image to write")->required();
  sub->add_option("--seed", o->options.seed, "Seed of the weights")
      ->check(within(kSeeds))
      ->capture_default_str();
  sub->add_option("--zeros", o->options.zeros, "Probability of a zero weight (default: 1/3)")
      ->check(within(kProbability));
  sub->add_option("--context", o->options.context,
                  "Positions (default: as many of the preset's as the chip holds)")
      ->check(within(kPositions));
  sub->add_option("--layers", o->options.layers,
                  "Only the first so many layers (default: the preset's)")
      ->check(within(kLayers));
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return synth(*o); }; });
}

}  // namespace tern::cli
