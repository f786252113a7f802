// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "spec/generated/spec.hpp"

namespace tern::cli {

/// One that flags and plans of sweeps may change, by its name in plans and files; the flag has '-'
/// for '_'. nullptr if there is none of this name.
const spec::Parameter* find_parameter(std::string_view name);

/// Parameters that differ from those of a named configuration.
using Parameters = std::map<std::string, uint32_t>;

/// The chip of a named configuration with other parameters. With fewer columns or activation
/// columns act_depth grows, unless it is given, so that the buffer holds as many activations as
/// before. Throws tern::Error for an unknown name.
spec::ChipConfig chip_of(const std::string& config, const Parameters& parameters);

/// --columns and the others; those that are given are put into `parameters`.
void add_parameter_options(CLI::App& app, Parameters& parameters);
/// " --columns 32 ...": the flags that say the same.
std::string parameter_flags(const Parameters& parameters);

}  // namespace tern::cli
