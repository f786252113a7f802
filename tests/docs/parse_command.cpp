// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "commands.hpp"

/// parse_command ARGUMENT...: exit status 0 if the program tern takes this command line, else 2 and
/// why not. Nothing is run.
int main(int argc, char** argv) {
  CLI::App app("", "tern");
  tern::cli::Action action;
  tern::cli::add_commands(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return 0;  // help, version
    std::fprintf(stderr, "%s: %s\n", e.get_name().c_str(), e.what());
    return 2;
  }
  return 0;
}
