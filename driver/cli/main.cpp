#include <fmt/format.h>

#include <exception>

#include "backends/backends.hpp"
#include "commands.hpp"

/// Exit status: 0 pass, 1 mismatch or failure, 2 usage.
int main(int argc, char** argv) {
  tern::sim::register_backends();
  CLI::App app("Tern: a ternary-weight LLM accelerator, its golden model and its simulation",
               "tern");
  app.set_version_flag("--version", std::string("tern ") + TERN_VERSION);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of every command");
  tern::cli::Action action;
  tern::cli::add_run(app, action);
  tern::cli::add_verify(app, action);
  tern::cli::add_info(app, action);
  tern::cli::add_convert(app, action);
  tern::cli::add_doctor(app, action);
  tern::cli::add_synth(app, action);
  tern::cli::add_eval(app, action);
  tern::cli::add_bench(app, action);
#ifdef TERN_HAS_BOARDS
  tern::cli::add_emulate(app, action);
#endif
  tern::cli::add_perf(app, action);
  tern::cli::add_dram(app, action);
  tern::cli::add_report(app, action);
  tern::cli::add_sweep(app, action);
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
