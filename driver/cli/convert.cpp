// SPDX-License-Identifier: Apache-2.0
#include "io/convert.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "io/chip_config.hpp"
#include "options.hpp"
#include "output.hpp"
#include "progress.hpp"

namespace tern::cli {
namespace {

struct ConvertOptions {
  Options common;
  std::filesystem::path output;
};

int convert(const ConvertOptions& o) {
  const Stopwatch clock;
  const spec::ChipConfig& chip =
      io::find_config(o.common.config.empty() ? "edge" : o.common.config);
  refuse_output_onto(o.output, {o.common.model});
  const auto files = open_model_files(model_options(o.common));
  Progress progress("convert", 100, o.common.quiet);
  io::convert_to_file(
      *files, chip, o.output,
      [&](double part, std::string_view what) {
        progress.update(static_cast<uint64_t>(part * 100), what);
      },
      o.common.convert);
  const io::Image image = io::Image::open(o.output);
  note_context(image.model().context, files->config().context, model_options(o.common));
  if (o.common.json) {
    say_json({{"output", o.output.string()},
              {"bytes", image.bytes().size()},
              {"config", chip.name},
              {"context", image.model().context},
              {"checksum", fmt::format("{:016x}", image.header().checksum)},
              {"seconds", clock.seconds()}});
  } else if (!o.common.quiet) {
    say("{}: {} bytes for configuration {}, context {}, checksum {:016x}\n",
        plain_line(o.output.string()), image.bytes().size(), chip.name, image.model().context,
        image.header().checksum);
  }
  return 0;
}

}  // namespace

void add_convert(CLI::App& app, Action& action) {
  auto o = std::make_shared<ConvertOptions>();
  CLI::App* sub =
      app.add_subcommand("convert", "Pack a GGUF file or a Hugging Face folder into a .tern image");
  add_model_options(*sub, o->common);
  add_context_option(*sub, o->common);
  sub->add_option("--output,-o", o->output, "Image to write")->required();
  add_output_options(*sub, o->common);
  sub->callback([o, &action] { action = [o] { return convert(*o); }; });
}

}  // namespace tern::cli
