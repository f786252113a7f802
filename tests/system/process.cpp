// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <signal.h>

#include <boost/process.hpp>
#include <future>

namespace tern::test {

namespace bp = boost::process;

Result run_program(const std::string& program, const std::vector<std::string>& arguments,
                   int timeout_seconds) {
  boost::asio::io_context io;
  std::future<std::string> out, err;
  bp::child child(bp::exe = program, bp::args = arguments, bp::std_in<bp::null, bp::std_out> out,
                  bp::std_err > err, io);
  io.run_for(std::chrono::seconds(timeout_seconds));
  Result result;
  if (!io.stopped()) {
    child.terminate();
    result.err = "timed out";
    return result;
  }
  child.wait();
  result.status = child.exit_code();
  result.out = out.get();
  result.err = err.get();
  return result;
}

Result run_tern(const std::vector<std::string>& arguments, int timeout_seconds) {
  return run_program(TERN_PROGRAM, arguments, timeout_seconds);
}

struct RunningTern::Process {
  bp::ipstream out;
  bp::child child;
};

RunningTern::RunningTern(const std::vector<std::string>& arguments)
    : process_(std::make_unique<Process>()) {
  process_->child = bp::child(bp::exe = TERN_PROGRAM, bp::args = arguments,
                              bp::std_in<bp::null, bp::std_out> process_->out);
  std::getline(process_->out, first_line_);
}

RunningTern::~RunningTern() {
  std::error_code ignored;
  if (process_->child.running(ignored)) process_->child.terminate(ignored);
}

int RunningTern::interrupt() {
  ::kill(process_->child.id(), SIGINT);
  if (!process_->child.wait_for(std::chrono::seconds(30))) return -1;
  return process_->child.exit_code();
}

nlohmann::json run_tern_json(std::vector<std::string> arguments, int timeout_seconds) {
  arguments.insert(arguments.end(), {"--json", "--quiet"});
  const Result result = run_tern(arguments, timeout_seconds);
  if (result.status != 0) throw std::runtime_error("tern failed: " + result.out + result.err);
  return nlohmann::json::parse(result.out);
}

}  // namespace tern::test
