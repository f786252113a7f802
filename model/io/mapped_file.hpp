// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/iostreams/device/mapped_file.hpp>
#include <cstddef>
#include <filesystem>
#include <span>

namespace tern::io {

/// A regular file mapped read-only. Pages are read when they are touched, so opening costs nothing
/// whatever the size. The bytes stay at the same address when the object is moved or copied (copies
/// share the mapping).
class MappedFile {
 public:
  /// Throws Error if the file is missing, not a regular file, empty, or cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);

  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(source_.data()), source_.size()};
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  boost::iostreams::mapped_file_source source_;
};

/// Lets the pages of a part of a MappedFile go, so that reading a big file through once does not
/// hold it in memory; a page that the next part continues stays. Reading the part again maps the
/// pages anew. `bytes` must lie in a mapped file: of other memory the content would be lost.
void release_pages(std::span<const std::byte> bytes);

}  // namespace tern::io
