// SPDX-License-Identifier: Apache-2.0
#include "io/chip_config.hpp"

#include <string>

#include "io/error.hpp"

namespace tern::io {

const spec::ChipConfig& find_config(std::string_view name) {
  std::string known;
  for (const spec::ChipConfig& config : spec::kConfigs) {
    if (name == config.name) return config;
    known += std::string(known.empty() ? "" : ", ") + config.name;
  }
  throw Error("configuration {} is unknown; known: {}", quote(name), known);
}

}  // namespace tern::io
