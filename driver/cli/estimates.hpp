// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "estimate/estimate.hpp"
#include "io/synth.hpp"
#include "options.hpp"

namespace tern::cli {

/// A model by its preset's name, or a file, for the chip's beats; its context is `shape`'s, or the
/// largest that the chip holds. What is to be said about that goes to stderr, unless `options` are
/// quiet. Throws Error when the chip cannot run the model; the message names --positions.
io::Skeleton find_skeleton(const std::string& name, const io::SynthOptions& shape,
                           const spec::ChipConfig& chip, Options options);
/// For the help of --preset.
std::string describe_presets();

/// A line on stderr that nobody should miss: red on a terminal.
void print_warning(const std::string& text);

}  // namespace tern::cli
