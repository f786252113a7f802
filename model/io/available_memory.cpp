// SPDX-License-Identifier: Apache-2.0
#include "io/available_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>

#include "io/error.hpp"

namespace tern::io {
namespace {

/// The number that a file of the system begins with; nullopt without the file, or where it begins
/// with a word such as "max".
std::optional<std::uint64_t> first_number(const char* file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

/// What the kernel can give without taking it from a program.
std::optional<std::uint64_t> free_memory() {
  std::ifstream in("/proc/meminfo");
  std::string key, unit;
  for (std::uint64_t kilobytes = 0; in >> key >> kilobytes; std::getline(in, unit)) {
    if (key == "MemAvailable:") return kilobytes << 10;
  }
  return std::nullopt;
}

std::uint64_t difference(std::uint64_t limit, std::uint64_t used) {
  return limit > used ? limit - used : 0;
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t least = free_memory().value_or(std::numeric_limits<std::uint64_t>::max());
  if (const auto limit = first_number("/sys/fs/cgroup/memory.max"))
    least = std::min(least,
                     difference(*limit, first_number("/sys/fs/cgroup/memory.current").value_or(0)));
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    least = std::min(
        least, difference(space.rlim_cur, first_number("/proc/self/statm").value_or(0) * page));
  }
  return least;
}

void require_memory(std::uint64_t bytes, std::string_view what, std::string_view remedy) {
  const std::uint64_t available = available_memory();
  if (bytes <= available) return;
  const auto gigabytes = [](std::uint64_t n) { return static_cast<double>(n) / 1e9; };
  throw Error("{} needs {:.2f} GB of memory, {:.2f} GB are available; {}", what, gigabytes(bytes),
              gigabytes(available), remedy);
}

}  // namespace tern::io
