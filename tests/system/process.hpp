#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tern::test {

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

/// Runs the program `tern` of this build with these arguments. Kills it and reports status -1 after
/// `timeout_seconds`.
Result run_tern(const std::vector<std::string>& arguments, int timeout_seconds = 600);

/// Runs with --json and parses what it prints; fails the process when that is not one JSON value.
nlohmann::json run_tern_json(std::vector<std::string> arguments);

}  // namespace tern::test
