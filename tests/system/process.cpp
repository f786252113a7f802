#include "process.hpp"

#include <boost/process.hpp>
#include <future>

namespace tern::test {

namespace bp = boost::process;

Result run_tern(const std::vector<std::string>& arguments, int timeout_seconds) {
  boost::asio::io_context io;
  std::future<std::string> out, err;
  bp::child child(bp::exe = TERN_PROGRAM, bp::args = arguments,
                  bp::std_in<bp::null, bp::std_out> out, bp::std_err > err, io);
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

nlohmann::json run_tern_json(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--json", "--quiet"});
  const Result result = run_tern(arguments);
  if (result.status != 0) throw std::runtime_error("tern failed: " + result.out + result.err);
  return nlohmann::json::parse(result.out);
}

}  // namespace tern::test
