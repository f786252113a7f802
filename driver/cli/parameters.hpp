#pragma once

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "spec/generated/spec.hpp"

namespace tern::cli {

/// A parameter of a chip that flags and plans of sweeps may change.
struct Parameter {
  const char* name;  ///< In plans and files; the flag has '-' for '_'.
  const char* help;
  uint32_t spec::ChipConfig::*member;
};
inline constexpr Parameter kParameters[] = {
    {"columns", "C, bytes of a beat", &spec::ChipConfig::columns},
    {"act_columns", "M, activation columns", &spec::ChipConfig::act_columns},
    {"trees", "adder trees of an activation column, 5 or 8", &spec::ChipConfig::trees},
    {"lanes", "lanes of the vector unit", &spec::ChipConfig::lanes},
    {"fifo_beats", "prefetch FIFO", &spec::ChipConfig::fifo_beats},
    {"burst_beats", "longest burst", &spec::ChipConfig::burst_beats},
    {"cmd_depth", "commands in each queue", &spec::ChipConfig::cmd_depth},
    {"acc_depth", "accumulator entries", &spec::ChipConfig::acc_depth},
    {"act_depth", "tiles of the activation buffer (default: no fewer activations than the "
                  "configuration holds)", &spec::ChipConfig::act_depth},
    {"row_block", "stripes of a row block", &spec::ChipConfig::row_block},
    {"key_block", "tokens of a row block of the K cache", &spec::ChipConfig::key_block},
    {"scratch_words", "words of the scratchpad", &spec::ChipConfig::scratch_words}};

/// nullptr if there is none of this name.
const Parameter* find_parameter(std::string_view name);

/// Parameters that differ from those of a named configuration.
using Parameters = std::map<std::string, uint32_t>;

/// The chip of a named configuration with other parameters. With fewer columns or activation columns
/// act_depth grows, unless it is given, so that the buffer holds as many activations as before.
/// Throws tern::Error for an unknown name.
spec::ChipConfig chip_of(const std::string& config, const Parameters& parameters);

/// --columns and the others; those that are given are put into `parameters`.
void add_parameter_options(CLI::App& app, Parameters& parameters);
/// " --columns 32 ...": the flags that say the same.
std::string parameter_flags(const Parameters& parameters);

}  // namespace tern::cli
