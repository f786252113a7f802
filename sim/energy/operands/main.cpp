// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "io/atomic_file.hpp"
#include "operands.hpp"

/// tern_operands: writes what the array multiplies when the golden model runs a model, as JSON, for
/// the gate-level simulation (scripts/energy.sh). Exit status: 0 done, 1 failure, 2 usage.
int main(int argc, char** argv) {
  CLI::App app("Operands of the ternary array from a run of the golden model", "tern_operands");
  std::filesystem::path model = TERN_DEFAULT_MODEL, output;
  int positions = 96, beats = 48;
  app.add_option("--model", model, "GGUF file")->check(CLI::ExistingFile)->capture_default_str();
  app.add_option("--positions", positions, "Tokens to run")
      ->check(CLI::Range(16, 4096))
      ->capture_default_str();
  app.add_option("--beats", beats, "Beats of each matrix")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("-o,--output", output, "JSON file to write")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    const std::string text = tern::energy::collect_operands(model, positions, beats).dump();
    tern::io::write_file(output, std::as_bytes(std::span(text)));
  } catch (const std::exception& e) {
    fmt::print(stderr, "tern_operands: error: {}\n", e.what());
    return 1;
  }
  return 0;
}
