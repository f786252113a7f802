#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "estimate.hpp"
#include "io/synth.hpp"

namespace tern::cli {

/// A model by its preset's name, or a file, for the chip's beats.
io::Skeleton find_skeleton(const std::string& name, const io::SynthOptions& shape,
                           const spec::ChipConfig& chip);
/// For the help of --preset.
std::string describe_presets();

/// Energies of the memory with this preset's name: its family is what stands before the '-'.
energy::Dram find_dram_energy(const std::string& dram);

}  // namespace tern::cli
