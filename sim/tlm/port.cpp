// SPDX-License-Identifier: Apache-2.0
#include "port.hpp"

#include <algorithm>

namespace tern::tlm {

Cycle Port::nth(Cycle from, uint64_t n) const {
  Cycle at = from;
  for (const Taken& t : taken_) {
    if (t.end <= at) continue;
    if (at < t.begin) {
      if (n <= t.begin - at) break;
      n -= t.begin - at;
      at = t.begin;
    }
    // Whole periods, each with all of its cycles free but one.
    const uint64_t cycles = t.end - at;
    const uint64_t free = cycles - (cycles + t.period - 1) / t.period;
    if (n <= free) return at + n + (n - 1) / (t.period - 1);
    n -= free;
    at = t.end;
  }
  return at + n - 1;
}

}  // namespace tern::tlm
