// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "io/model_config.hpp"

namespace tern::io {

/// Metadata by which the program that defines the format would compute, or tokenize, something that
/// is not computed here: a line for each key, which names file, key and value. Keys that are read,
/// that describe, or whose value changes nothing are none. All keys under the name of the
/// architecture count, those that are not known too; so do `split.*`, `prism.*`, `tokenizer.ggml.*`
/// and every key that has "scal" in it.
std::vector<std::string> unsupported_keys(const Gguf& gguf, const ModelConfig& config);

/// Appends an obstacle to a list, which keeps the first few dozens: a hostile file has any number.
void add_obstacle(std::vector<std::string>& found, std::string line);

}  // namespace tern::io
