// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <verilated_fst_c.h>

#include <filesystem>
#include <system_error>

#include "io/atomic_file.hpp"
#include "io/error.hpp"
#include "io/interruption.hpp"
#include "trace_files.hpp"

namespace tern::sim {

/// All signals of a Verilated chip, written into a file that appears, whole, with finish(). One at
/// a time in a process.
class FstRecording {
 public:
  template <typename Chip>
  FstRecording(const std::filesystem::path& file, Chip& chip) : name_(file), file_(file) {
    reset_trace_error();
    constexpr int kAllLevels = 99;
    chip.trace(&writer_, kAllLevels);
    writer_.open(file_.path().c_str());
    if (!writer_.isOpen()) throw Error("{}: cannot write the trace", name_.string());
  }

  void dump(uint64_t time) { writer_.dump(time); }
  /// Throws Error when the file system has refused something.
  void check() {
    const int error = trace_error();
    if (error == 0) return;
    failed_ = true;
    throw Error("{}: cannot write the trace: {}", name_.string(),
                std::generic_category().message(error));
  }
  /// Whether check() has thrown: there is nothing to finish then.
  bool failed() const { return failed_; }
  /// To be called once, last. Throws Error when the trace is not complete; no file is left then.
  void finish() {
    writer_.close();
    check();
    file_.commit();
  }

 private:
  io::Interruptible interruptible_;
  std::filesystem::path name_;
  io::AtomicFile file_;
  VerilatedFstC writer_;
  bool failed_ = false;
};

}  // namespace tern::sim
