#include "io/mapped_file.hpp"

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

}  // namespace tern::io
