// SPDX-License-Identifier: Apache-2.0
#include "parameters.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "options.hpp"

namespace tern::cli {
namespace {

std::string flag_of(std::string name) {
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

}  // namespace

const spec::Parameter* find_parameter(std::string_view name) {
  const auto found = std::ranges::find(spec::kParameters, name, &spec::Parameter::name);
  return found == std::end(spec::kParameters) ? nullptr : found;
}

spec::ChipConfig chip_of(const std::string& config, const Parameters& parameters) {
  const spec::ChipConfig& base = io::find_config(config);
  spec::ChipConfig chip = base;
  for (const auto& [name, value] : parameters) {
    const spec::Parameter* parameter = find_parameter(name);
    if (!parameter) throw Error("a chip has no parameter {}", quote(name));
    chip.*parameter->member = value;
  }
  if (!parameters.contains("act_depth") && chip.columns != 0 && chip.act_columns != 0) {
    const uint64_t most = find_parameter("act_depth")->high;
    const uint64_t activations = uint64_t{base.act_depth} * base.columns * base.act_columns;
    const uint64_t tiles = activations / (uint64_t{chip.columns} * chip.act_columns);
    chip.act_depth = std::max(base.act_depth, static_cast<uint32_t>(std::min(tiles, most)));
  }
  return chip;
}

void add_parameter_options(CLI::App& app, Parameters& parameters) {
  const OptionGroup group(app, "Chip");
  for (const spec::Parameter& p : spec::kParameters) {
    const std::string name = p.name;
    const bool grows = p.member == &spec::ChipConfig::act_depth;  // chip_of()
    app.add_option_function<uint32_t>(
        flag_of(name), [&parameters, name](const uint32_t& value) { parameters[name] = value; },
        fmt::format("In place of the configuration's: {}{}", p.doc,
                    grows ? " (default: no fewer activations than the configuration holds)" : ""));
  }
}

std::string parameter_flags(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) out += fmt::format(" {} {}", flag_of(name), value);
  return out;
}

}  // namespace tern::cli
