// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include "numbers.hpp"
#include "tern/backends.hpp"

namespace tern::cli {

void add_commands(CLI::App& app, Action& action) {
  register_backends();  // which flags name
  app.set_version_flag("--version", std::string("tern ") + TERN_VERSION);
  app.require_subcommand(1);
  app.footer(
      "tern COMMAND --help explains the flags of a command. Exit status: 0 pass, 1 mismatch or "
      "failure, 2 usage.");
  app.set_help_all_flag("--help-all", "Help of every command");
  add_run(app, action);
  add_verify(app, action);
  add_info(app, action);
  add_convert(app, action);
  add_doctor(app, action);
  add_synth(app, action);
  add_eval(app, action);
  add_bench(app, action);
#ifdef TERN_HAS_BOARDS
  add_emulate(app, action);
#endif
  add_perf(app, action);
  add_dram(app, action);
  add_report(app, action);
  add_sweep(app, action);
  check_numbers(app);
}

}  // namespace tern::cli
