// SPDX-License-Identifier: Apache-2.0
#include "io/mapped_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <exception>
#include <system_error>

#include "io/error.hpp"

namespace tern::io {

namespace fs = std::filesystem;

MappedFile::MappedFile(const fs::path& path) : path_(path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (status.type() == fs::file_type::not_found) {
    throw Error("{}: no such file", path.string());
  }
  if (code) throw Error("{}: cannot open: {}", path.string(), code.message());
  if (fs::is_directory(status)) {
    throw Error("{}: is a directory, a file is expected", path.string());
  }
  if (!fs::is_regular_file(status)) throw Error("{}: is not a regular file", path.string());
  const std::uintmax_t size = fs::file_size(path, code);
  if (code) throw Error("{}: cannot read its size: {}", path.string(), code.message());
  if (size == 0) throw Error("{}: the file is empty", path.string());
  try {
    source_.open(path.string());
  } catch (const std::exception& e) {
    throw Error("{}: cannot be mapped: {}", path.string(), e.what());
  }
}

void release_pages(std::span<const std::byte> bytes) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto last = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  // A hint: when the system refuses it, the pages only stay in memory.
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace tern::io
