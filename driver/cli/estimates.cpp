// SPDX-License-Identifier: Apache-2.0
#include "estimates.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/fit.hpp"

namespace tern::cli {

io::Skeleton find_skeleton(const std::string& name, const io::SynthOptions& shape,
                           const spec::ChipConfig& chip, Options options) {
  options.convert.context = static_cast<uint32_t>(shape.context);
  options.convert.context_flag = "--positions";
  const auto known = std::ranges::find(io::kSynthPresets, name, &io::SynthPreset::name);
  if (known == std::end(io::kSynthPresets)) {
    if (!io::path_exists(name)) io::find_preset(name);  // says which there are
    options.model = name;
    const io::Skeleton model = io::skeleton_of(*load_model(model_options(options), chip).image);
    io::check_fits(model, chip, name, options.convert.context_flag);
    return model;
  }
  io::Skeleton model = io::skeleton_for(*known, shape, chip, options.convert.context_flag);
  note_context(model.model.context, known->context, model_options(options));
  return model;
}

std::string describe_presets() {
  std::string out = "Shape of a model, for which no weights are needed, or a model file";
  for (const io::SynthPreset& p : io::kSynthPresets) out += fmt::format("; {}: {}", p.name, p.what);
  return out;
}

void print_warning(const std::string& text) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  fmt::print(stderr, "{}WARNING: {}{}\n", terminal ? "\x1b[31m" : "", text,
             terminal ? "\x1b[0m" : "");
}

}  // namespace tern::cli
