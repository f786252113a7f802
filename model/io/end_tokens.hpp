// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "io/vocabulary.hpp"

namespace tern::io {

/// Tokens that are more than their type says.
struct SpecialTokens {
  std::vector<int> ends;     ///< those that end generation, ascending
  std::vector<int> control;  ///< those that are control tokens whatever their type, ascending
};

/// End generation: eos, the tokens that the file names as ends, and those with a spelling that
/// llama.cpp knows as one (llama-vocab.cpp, special_eog_ids), whatever the file says of them. They,
/// and the tokens that mark places in a text to fill in, are control tokens.
SpecialTokens find_special_tokens(const Vocabulary& vocabulary);

}  // namespace tern::io
