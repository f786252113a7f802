// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace tern::io {

/// Writes a file that is either complete or absent: bytes go to a temporary file in the directory
/// of the target, `commit` flushes it to the disk and renames it over the target. A reader never
/// sees half a file; an object destroyed without `commit` leaves the target untouched and nothing
/// behind. Where the file system can do it (O_TMPFILE), the temporary file has no name until
/// `commit`, so that nothing stays behind when the process is killed either; elsewhere a program
/// calls remove_temporaries() when a signal ends it. A target that is a symbolic link is written
/// where it points to; one that exists keeps its permissions, and its owner where that is allowed.
///
/// Every member throws Error, naming the target, when the operating system refuses.
class AtomicFile {
 public:
  /// The target may exist as a regular file (it is replaced), its directory must exist.
  explicit AtomicFile(const std::filesystem::path& target);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends.
  void write(std::span<const std::byte> bytes);
  /// Overwrites bytes that were appended before: [offset, offset + size) must lie below `size()`.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Reads back bytes that were appended before, as many as `bytes` has.
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const;
  /// Bytes appended so far.
  std::uint64_t size() const { return size_; }
  /// A name under which another writer of this process can open the temporary file, to fill it in
  /// place of write().
  std::filesystem::path path() const;
  /// Makes the file durable and visible under its name. To be called once, last.
  void commit();

  /// Removes the temporary files of all objects that live. For handlers of signals that end the
  /// program: does nothing that such a handler may not.
  static void remove_temporaries() noexcept;

 private:
  void open_temporary();
  int give_name();
  void check_written(std::uint64_t offset, std::uint64_t size, const char* what) const;
  void write_fully(std::uint64_t offset, std::span<const std::byte> bytes);
  void discard() noexcept;

  std::filesystem::path target_;     ///< behind all links
  std::filesystem::path temporary_;  ///< Empty while the temporary file has no name.
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// Writes `bytes` as the whole content of `target`, atomically.
void write_file(const std::filesystem::path& target, std::span<const std::byte> bytes);

}  // namespace tern::io
