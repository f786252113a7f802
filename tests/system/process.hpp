// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tern::test {

struct Result {
  int status = -1;
  std::string out;
  std::string err;
};

/// Runs a program with these arguments. Kills it and reports status -1 after `timeout_seconds`.
Result run_program(const std::string& program, const std::vector<std::string>& arguments,
                   int timeout_seconds = 600);

/// Runs the program `tern` of this build in the same way.
Result run_tern(const std::vector<std::string>& arguments, int timeout_seconds = 600);

/// Runs with --json and parses what it prints; fails the process when that is not one JSON value.
nlohmann::json run_tern_json(std::vector<std::string> arguments, int timeout_seconds = 600);

/// The program at work in the background, until interrupt() or the end of this object.
class RunningTern {
 public:
  /// Waits for its first line on stdout.
  explicit RunningTern(const std::vector<std::string>& arguments);
  ~RunningTern();

  const std::string& first_line() const { return first_line_; }
  /// Sends it SIGINT; its exit status, or -1 when it did not end within 30 seconds.
  int interrupt();

 private:
  struct Process;
  std::unique_ptr<Process> process_;
  std::string first_line_;
};

}  // namespace tern::test
