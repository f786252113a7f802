// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "commands.hpp"
#include "target.hpp"

/// What a user types, an argument a line: it parses, or gives help or a message and the exit status
/// for it. What the commands would do is not done.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  const fuzz::TimeBound time;
  std::vector<std::string> arguments;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  for (std::string line; std::getline(in, line);) arguments.push_back(line);
  std::ranges::reverse(arguments);  // as CLI11 takes a vector
  CLI::App app("", "tern");
  cli::Action action;
  cli::add_commands(app, action);
  try {
    app.parse(std::move(arguments));
    if (!action) __builtin_trap();
  } catch (const CLI::ParseError& e) {
    std::ostringstream out, err;
    app.exit(e, out, err);
    if (out.str().empty() && err.str().empty()) __builtin_trap();
  }
  return 0;
}
