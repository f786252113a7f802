// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config.hpp"

namespace tern::dram {

/// A memory as a file describes it, with where each value comes from.
struct Preset {
  struct Value {
    std::string name;     ///< "tRCD", "data_rate", "geometry", ...
    std::string source;   ///< As in the file; empty where it says nothing.
    int32_t cycles = -1;  ///< Of a timing.
  };
  Config config;
  std::vector<Value> values;
};

/// The memories of presets.yaml, which is part of the program, in its order.
std::vector<std::string> preset_names();

/// A memory by its name, or the only one of a file `FILE.yaml` in the form of presets.yaml, or one
/// of several as `FILE.yaml:NAME`. Throws tern::Error that lists the known names, or says what in
/// the file is wrong and in which line.
Preset load_preset(std::string_view name);
/// The memory of this name in a file in the form of presets.yaml, or the only one if it is empty.
Preset load_preset_file(const std::string& file, std::string name = {});
inline Config find_preset(std::string_view name) { return load_preset(name).config; }

/// The text of a source key of presets.yaml; empty when it has none.
std::string describe_source(std::string_view key);

}  // namespace tern::dram
