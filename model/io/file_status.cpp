// SPDX-License-Identifier: Apache-2.0
#include "io/file_status.hpp"

#include <system_error>

#include "io/error.hpp"

namespace tern::io {
namespace {

std::filesystem::file_status status_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!error || error == std::errc::no_such_file_or_directory ||
      error == std::errc::not_a_directory || error == std::errc::filename_too_long)
    return error ? std::filesystem::file_status(std::filesystem::file_type::not_found) : status;
  throw Error("{}: {}", path.string(), error.message());
}

}  // namespace

bool path_exists(const std::filesystem::path& path) {
  return std::filesystem::exists(status_of(path));
}
bool is_folder(const std::filesystem::path& path) {
  return std::filesystem::is_directory(status_of(path));
}

}  // namespace tern::io
