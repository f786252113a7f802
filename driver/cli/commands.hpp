// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

/// Each adds one command to the program. When the command was given, `action` is set to what runs
/// it and returns the exit status.
namespace tern::cli {

using Action = std::function<int()>;

/// All of them, and what the program has beside: everything that a command line can say.
void add_commands(CLI::App& app, Action& action);

void add_run(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_convert(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_synth(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_emulate(CLI::App& app, Action& action);
void add_perf(CLI::App& app, Action& action);
void add_dram(CLI::App& app, Action& action);
void add_report(CLI::App& app, Action& action);
void add_sweep(CLI::App& app, Action& action);

}  // namespace tern::cli
