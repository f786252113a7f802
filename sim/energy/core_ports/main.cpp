// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "core_run.hpp"
#include "io/atomic_file.hpp"
#include "stretches.hpp"

/// tern_core_ports: writes what goes in and out of the controller's core when the chip's RTL
/// decodes a token with its firmware, as JSON, for the gate-level simulation (scripts/energy.sh).
/// Exit status: 0 done, 1 failure, 2 usage.
int main(int argc, char** argv) {
  CLI::App app("Ports of the controller's core from a run of the chip's RTL", "tern_core_ports");
  std::filesystem::path model = TERN_DEFAULT_MODEL, output;
  app.add_option("--model", model, "GGUF file")->check(CLI::ExistingFile)->capture_default_str();
  app.add_option("-o,--output", output, "JSON file to write")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    tern::energy::record_token(model);
    const std::string text = stretches(tern::energy::Recording::instance()).dump();
    tern::io::write_file(output, std::as_bytes(std::span(text)));
  } catch (const std::exception& e) {
    fmt::print(stderr, "tern_core_ports: error: {}\n", e.what());
    return 1;
  }
  return 0;
}
