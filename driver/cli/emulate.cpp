// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>

#include "board/pty_emulator.hpp"
#include "commands.hpp"
#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "output.hpp"

namespace tern::cli {
namespace {

struct EmulateOptions {
  std::string board;
  sim::BoardFaults faults;
  Options preload;  ///< Its model, which may be empty, and what is said about it.
  bool quick = false;
};

/// More damage than this leaves no line to speak of.
constexpr RealRange kDamage{0, 0.5};

volatile sig_atomic_t stop_asked = 0;

/// Without SA_RESTART: what waits for the host ends at once.
void stop_at_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = 1; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int emulate(const EmulateOptions& o) {
  // The configuration of a board has its name.
  const spec::ChipConfig& chip = io::find_config(o.board);
  sim::EmulatedBoard board(o.quick ? o.board + "_quick" : o.board, o.faults);
  if (!o.preload.model.empty())
    board.preload(0, load_model(model_options(o.preload), chip).image->bytes());
  stop_at_signals();
  sim::PtyEmulator emulator(board);
  say("{}\n", emulator.path());
  flush_output();
  if (!o.preload.quiet) {
    note("tern: emulating {}; in another terminal: tern run --backend uart:{}\n", o.board,
         emulator.path());
  }
  emulator.run([] { return stop_asked != 0; });
  if (!o.preload.quiet) note("tern: {}\n", board.summary());
  return board.memory().violations() == 0 ? 0 : 1;
}

}  // namespace

void add_emulate(CLI::App& app, Action& action) {
  auto o = std::make_shared<EmulateOptions>();
  CLI::App* sub = app.add_subcommand(
      "emulate", "Run a board's FPGA and SDRAM behind a pseudo-terminal, until interrupted");
  sub->add_option("board", o->board, "Board")->required()->check(CLI::IsMember({"ulx3s"}));
  sub->add_option("--noise", o->faults.noise,
                  "Probability that a byte on the line is damaged, in each direction")
      ->check(within(kDamage));
  sub->add_option("--drop", o->faults.drop, "Probability that a byte on the line is lost")
      ->check(within(kDamage));
  sub->add_option("--reset-after", o->faults.reset_after,
                  "Press the reset button after so many cycles of work of the chip")
      ->check(within(kCycles));
  sub->add_option("--seed", o->faults.seed, "Seed of the faults")
      ->check(within(kSeeds))
      ->capture_default_str();
  sub->add_option("--preload", o->preload.model,
                  "Model that the board's memory holds already: GGUF file or .tern image");
  add_context_option(*sub, o->preload);
  sub->add_flag("--quick-line", o->quick,
                "A line of 8 clock cycles a bit in place of the board's 25: quicker to simulate");
  sub->add_flag("--quiet", o->preload.quiet, "Print the path only");
  sub->callback([o, &action] { action = [o] { return emulate(*o); }; });
}

}  // namespace tern::cli
