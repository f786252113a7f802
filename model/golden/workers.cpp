// SPDX-License-Identifier: Apache-2.0
#include "golden/workers.hpp"

#include <hwy/cache_control.h>

namespace tern::golden {
namespace {

/// Rounds of waiting for what mostly comes within microseconds, before the processor is given away.
constexpr int kSpins = 2000;

}  // namespace

Workers::Workers(uint32_t threads) {
  for (uint32_t i = 1; i < threads; ++i) others_.emplace_back([this] { serve(); });
}

Workers::~Workers() {
  ends_ = true;
  ++number_;
  number_.notify_all();
}

void Workers::share(uint32_t parts, const void* task, Call call) {
  const uint32_t number = number_.load(std::memory_order_relaxed) + 1;
  going_.store(parts, std::memory_order_relaxed);
  task_.store(task, std::memory_order_relaxed);
  call_.store(call, std::memory_order_relaxed);
  parts_.store(parts, std::memory_order_relaxed);
  left_.store(uint64_t{number} << 32 | parts, std::memory_order_release);
  number_.store(number, std::memory_order_release);
  number_.notify_all();
  work();
  for (int spin = 0; going_.load(std::memory_order_acquire) != 0; ++spin)
    spin < kSpins ? hwy::Pause() : std::this_thread::yield();
}

void Workers::work() {
  uint64_t left = left_.load(std::memory_order_acquire);
  while (static_cast<uint32_t>(left) != 0) {
    const void* task = task_.load(std::memory_order_relaxed);
    const Call call = call_.load(std::memory_order_relaxed);
    const uint32_t parts = parts_.load(std::memory_order_relaxed);
    if (!left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire))
      continue;
    call(task, parts - static_cast<uint32_t>(left));
    going_.fetch_sub(1, std::memory_order_release);
    left = left_.load(std::memory_order_acquire);
  }
}

void Workers::serve() {
  uint32_t seen = 0;
  while (!ends_) {
    for (int spin = 0; spin < kSpins && number_.load(std::memory_order_relaxed) == seen; ++spin)
      hwy::Pause();
    number_.wait(seen);
    seen = number_.load();
    work();
  }
}

}  // namespace tern::golden
