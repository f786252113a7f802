// SPDX-License-Identifier: Apache-2.0
#include "trace_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string_view>
#include <vector>

namespace {

std::mutex mutex;
std::vector<std::FILE*> open_files;
int first_error = 0;

void keep(int error) {
  if (first_error == 0) first_error = error;
}

std::FILE* keep_open(std::FILE* file) {
  const std::lock_guard lock(mutex);
  if (file != nullptr) open_files.push_back(file);
  return file;
}

}  // namespace

namespace tern::sim {

int trace_error() {
  const std::lock_guard lock(mutex);
  // The reason is gone: the writer went on after it. What a file system says last is no room.
  if (std::ranges::any_of(open_files, [](std::FILE* file) { return std::ferror(file) != 0; }))
    keep(ENOSPC);
  return first_error;
}

void reset_trace_error() {
  const std::lock_guard lock(mutex);
  first_error = 0;
}

}  // namespace tern::sim

std::FILE* tern_trace_fopen(const char* name, const char* mode) {
  if (std::string_view(name).ends_with(".hier")) return keep_open(std::tmpfile());
  return keep_open(std::fopen(name, mode));
}

std::FILE* tern_trace_tmpfile() { return keep_open(std::tmpfile()); }

int tern_trace_fclose(std::FILE* file) {
  const std::lock_guard lock(mutex);
  std::erase(open_files, file);
  const bool failed = std::ferror(file) != 0;
  errno = 0;
  const int status = std::fclose(file);
  if (failed || status != 0) keep(errno != 0 ? errno : ENOSPC);
  return status;
}

void* tern_trace_mmap(void* address, std::size_t length, int protection, int flags, int descriptor,
                      off_t offset) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 &&
      static_cast<std::size_t>(status.st_size) >= static_cast<std::size_t>(offset) + length)
    return ::mmap(address, length, protection, flags, descriptor, offset);
  {
    const std::lock_guard lock(mutex);
    keep(ENOSPC);
  }
  return ::mmap(address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int tern_trace_unlink(const char*) { return 0; }
