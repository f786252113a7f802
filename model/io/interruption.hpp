// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <csignal>

/// An orderly end of a long job that was interrupted: what it has recorded until then is written
/// out. A program that wants it calls ask_for_interruption() in its handler of signals; what
/// records holds an Interruptible, looks at interruption_asked() and throws Error.
namespace tern::io {

namespace detail {
inline std::atomic<int> interruptible_jobs{0};
inline volatile std::sig_atomic_t asked = 0;
}  // namespace detail

/// While one lives, an interruption is asked for rather than made.
class Interruptible {
 public:
  Interruptible() { ++detail::interruptible_jobs; }
  ~Interruptible() { --detail::interruptible_jobs; }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
};

/// The number of the signal that asked; 0: none did.
inline int interruption_asked() { return detail::asked; }

/// For a handler of signals. Returns false when nobody is there who would look, or when it was
/// asked before: the program then ends at once.
inline bool ask_for_interruption(int signal) {
  if (detail::asked != 0 || detail::interruptible_jobs.load() == 0) return false;
  detail::asked = signal;
  return true;
}

}  // namespace tern::io
