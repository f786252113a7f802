#include <fmt/format.h>

#include <exception>

#include "backends/backends.hpp"
#include "commands.hpp"

/// Exit status: 0 pass, 1 mismatch or failure, 2 usage.
int main(int argc, char** argv) {
  tern::sim::register_backends();
  CLI::App app("Tern: a ternary-weight LLM accelerator, its golden model and its simulation",
               "tern");
  tern::cli::Action action;
  tern::cli::add_commands(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    return action();
  } catch (const std::exception& e) {
    fmt::print(stderr, "tern: error: {}\n", e.what());
    return 1;
  }
}
