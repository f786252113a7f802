// SPDX-License-Identifier: Apache-2.0
#include "signals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>

#include "io/atomic_file.hpp"
#include "io/interruption.hpp"

namespace tern::cli {
namespace {

/// Async-signal-safe, as a handler must be.
void end(int signal) {
  io::AtomicFile::remove_temporaries();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void on_signal(int signal) {
  if (!io::ask_for_interruption(signal)) end(signal);
}

}  // namespace

void prepare_process() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // Opens the lowest descriptor that is free. Writing to one opened for reading is an error, as
    // to one that is closed.
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);
  }
  ::signal(SIGXFSZ, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);  // as nohup wants it
  }
}

void end_if_interrupted() {
  const int signal = io::interruption_asked();
  if (signal == 0) return;
  std::fflush(stdout);
  end(signal);
}

}  // namespace tern::cli
