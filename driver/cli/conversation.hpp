// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "options.hpp"
#include "tern/chat.hpp"

namespace tern::cli {

/// `tern run --chat`: holds a conversation and prints the answers as they come. `prompt`: one
/// exchange; nullopt: one for each line of the input.
int converse(const Options& common, const std::optional<std::string>& prompt,
             const ChatOptions& options);

}  // namespace tern::cli
