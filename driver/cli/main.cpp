// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <exception>
#include <new>
#include <stdexcept>

#include "commands.hpp"
#include "numbers.hpp"
#include "output.hpp"
#include "signals.hpp"

namespace tern::cli {
namespace {

int fail(std::string_view what) {
  note("tern: error: {}\n", plain_line(what));
  return 1;
}

int run_action(const Action& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return fail(
        "there is not enough memory for this; use a smaller model or a shorter context, or give "
        "the "
        "process more memory");
  } catch (const std::length_error&) {
    return fail("a size in the input is more than this machine can hold; the file may be damaged");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}

bool is_command(CLI::App& app, const std::string& name) {
  return !app.get_subcommands([&](CLI::App* command) { return command->get_name() == name; })
              .empty();
}

int run_program(int argc, char** argv) {
  CLI::App app("Tern: a ternary-weight LLM accelerator, its golden model and its simulation",
               "tern");
  Action action;
  add_commands(app, action);
  if (argc > 1 && argv[1][0] != '-' && !is_command(app, argv[1])) {
    std::string known;
    for (const CLI::App* command : app.get_subcommands({})) known += " " + command->get_name();
    note("tern: error: there is no command {}; there are{}\n", plain_line(argv[1]), known);
    return 2;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return run_action(action);
}

}  // namespace
}  // namespace tern::cli

/// Exit status: 0 pass, 1 mismatch or failure, 2 usage.
int main(int argc, char** argv) {
  tern::cli::prepare_process();
  const int status = tern::cli::run_program(argc, argv);
  tern::cli::end_if_interrupted();
  return tern::cli::finish_output(status);
}
