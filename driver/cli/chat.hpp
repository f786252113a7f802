// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "io/chat_format.hpp"
#include "options.hpp"

namespace tern::cli {

struct ChatOptions {
  std::optional<std::string> prompt;  ///< One exchange; nullopt: one for each line of the input.
  std::string system;                 ///< Empty: no system message.
  std::string format;                 ///< Empty: that of the model's template.
  int tokens = 128;                   ///< Of an answer, at most.
  int group = 0;                      ///< As GenerateSettings::group.
};

/// `tern run --chat`: holds a conversation and prints the answers as they come.
int chat(const Options& common, const SamplingOptions& sampling, const ChatOptions& options);

}  // namespace tern::cli
