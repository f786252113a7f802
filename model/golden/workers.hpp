// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace tern::golden {

/// Threads that share the parts of one task after another. Parts are taken as threads come free, so
/// that one that the machine holds up does not hold up the others by more than the part it is at.
class Workers {
 public:
  /// threads: how many work, the one that calls run() included; 1 starts none.
  explicit Workers(uint32_t threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(others_.size()) + 1; }

  /// Calls task(part) once for each part below `parts`, on any thread and in any order; returns
  /// when all have returned. Parts begin in order. A task must not throw nor call run().
  template <typename Task>
  void run(uint32_t parts, const Task& task) {
    if (others_.empty() || parts < 2) {
      for (uint32_t part = 0; part < parts; ++part) task(part);
      return;
    }
    share(parts, &task, [](const void* t, uint32_t part) { (*static_cast<const Task*>(t))(part); });
  }

 private:
  using Call = void (*)(const void* task, uint32_t part);

  void share(uint32_t parts, const void* task, Call call);
  /// Takes parts of the task until none is left.
  void work();
  void serve();

  // A thread that comes late may read the next task's fields; it finds out when it takes a part.
  std::atomic<const void*> task_ = nullptr;
  std::atomic<Call> call_ = nullptr;
  std::atomic<uint32_t> parts_ = 0;
  std::atomic<uint64_t> left_ = 0;   ///< Number of the task in the upper half, parts not yet taken.
  std::atomic<uint32_t> going_ = 0;  ///< Parts that have not returned.
  std::atomic<uint32_t> number_ = 0;  ///< Of the task; changes wake the others.
  std::atomic<bool> ends_ = false;
  std::vector<std::jthread> others_;
};

}  // namespace tern::golden
