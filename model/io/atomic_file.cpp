// SPDX-License-Identifier: Apache-2.0
#include "io/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include "io/error.hpp"

namespace tern::io {

namespace fs = std::filesystem;

namespace {

std::string system_message(int error) { return std::generic_category().message(error); }

/// The permissions a plain open(2) would give a new file.
mode_t default_mode() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

/// Where a chain of symbolic links ends, whether something is there or not.
fs::path behind_links(fs::path path) {
  constexpr int kMostLinks = 40;  // as the system itself follows
  std::error_code code;
  for (int i = 0; i < kMostLinks && fs::is_symlink(fs::symlink_status(path, code)); ++i) {
    const fs::path next = fs::read_symlink(path, code);
    if (code) break;
    path = path.parent_path() / next;  // an absolute one stays as it is
  }
  return path;
}

/// Names of the temporary files that lie around, where a handler of signals can read them.
class Temporaries {
 public:
  void add(const fs::path& path) {
    char* const name = ::strdup(path.c_str());
    for (std::atomic<char*>& place : names_) {
      char* free = nullptr;
      if (place.compare_exchange_strong(free, name)) return;
    }
    ::free(name);  // more files at once than there are places: this one is not known
  }
  void remove(const fs::path& path) {
    for (std::atomic<char*>& place : names_) {
      char* name = place.load();
      if (name == nullptr || path != name) continue;
      place.store(nullptr);
      ::free(name);
      return;
    }
  }
  void unlink_all() const noexcept {
    for (const std::atomic<char*>& place : names_) {
      if (const char* name = place.load()) ::unlink(name);
    }
  }

 private:
  std::array<std::atomic<char*>, 16> names_{};
};
Temporaries temporaries;

/// Makes the renamed directory entry durable; file systems that cannot do that are left alone.
void sync_directory(const fs::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

fs::path directory_of(const fs::path& target) {
  return target.has_parent_path() ? target.parent_path() : fs::path(".");
}

/// Where an open file can be reached by its descriptor, to give it a name.
constexpr const char* kOwnDescriptors = "/proc/self/fd";

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(behind_links(target)) {
  struct stat before {};
  const bool exists = ::stat(target_.c_str(), &before) == 0;
  if (exists && !S_ISREG(before.st_mode)) {
    throw Error("{}: cannot write: exists and is not a regular file", target.string());
  }
  open_temporary();
  if (!exists) return;
  // Only a privileged process may give the file to another owner; then it stays its own.
  if (before.st_uid != ::geteuid() || before.st_gid != ::getegid())
    (void)!::fchown(descriptor_, before.st_uid, before.st_gid);
  ::fchmod(descriptor_, before.st_mode & 0777);
}

void AtomicFile::open_temporary() {
  const fs::path directory = directory_of(target_);
  if (::access(kOwnDescriptors, X_OK) == 0) {
    descriptor_ = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
  }
  std::string name = fmt::format("{}/.{}.XXXXXX", directory.string(), target_.filename().string());
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    const int error = errno;
    throw Error("{}: cannot write: {}", target_.string(), system_message(error));
  }
  temporary_ = name;
  temporaries.add(temporary_);
  ::fchmod(descriptor_, default_mode());
}

/// Links the temporary file under a name of its own, because a link cannot replace the target as a
/// rename does. Returns 0 or errno.
int AtomicFile::give_name() {
  if (!temporary_.empty()) return 0;
  const std::string file = fmt::format("{}/{}", kOwnDescriptors, descriptor_);
  for (int attempt = 0;; ++attempt) {
    const std::string name = fmt::format("{}/.{}.{}-{}", directory_of(target_).string(),
                                         target_.filename().string(), ::getpid(), attempt);
    if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = name;
      temporaries.add(temporary_);
      return 0;
    }
    if (errno != EEXIST || attempt == 1000) return errno;
  }
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  temporaries.remove(temporary_);
  temporary_.clear();
}

void AtomicFile::remove_temporaries() noexcept { temporaries.unlink_all(); }

fs::path AtomicFile::path() const {
  return temporary_.empty() ? fs::path(fmt::format("{}/{}", kOwnDescriptors, descriptor_))
                            : temporary_;
}

void AtomicFile::write_fully(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (descriptor_ < 0) throw Error("{}: written after commit", target_.string());
  while (!bytes.empty()) {
    const ssize_t count =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0) {
      const int error = errno;
      if (error == EINTR) continue;
      throw Error("{}: cannot write: {}", target_.string(), system_message(error));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  write_fully(size_, bytes);
  size_ += bytes.size();
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  check_written(offset, bytes.size(), "overwrite");
  write_fully(offset, bytes);
}

void AtomicFile::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  check_written(offset, bytes.size(), "read");
  while (!bytes.empty()) {
    const ssize_t count =
        ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count <= 0) {
      const int error = count == 0 ? EIO : errno;
      if (error == EINTR) continue;
      throw Error("{}: cannot read back what was written: {}", target_.string(),
                  system_message(error));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void AtomicFile::check_written(std::uint64_t offset, std::uint64_t size, const char* what) const {
  if (offset > size_ || size > size_ - offset) {
    throw Error("{}: {} of {} bytes at {} is beyond the {} bytes written", target_.string(), what,
                size, offset, size_);
  }
}

void AtomicFile::commit() {
  if (descriptor_ < 0) throw Error("{}: committed twice", target_.string());
  int error = ::fsync(descriptor_) == 0 ? 0 : errno;
  if (error == 0) error = give_name();
  if (::close(descriptor_) != 0 && error == 0) error = errno;
  descriptor_ = -1;
  if (error == 0 && ::rename(temporary_.c_str(), target_.c_str()) != 0) error = errno;
  if (error != 0) {
    discard();
    throw Error("{}: cannot write: {}", target_.string(), system_message(error));
  }
  temporaries.remove(temporary_);
  temporary_.clear();
  sync_directory(directory_of(target_));
}

void write_file(const fs::path& target, std::span<const std::byte> bytes) {
  AtomicFile file(target);
  file.write(bytes);
  file.commit();
}

}  // namespace tern::io
