#include "io/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace

AtomicFile::AtomicFile(const fs::path& target) : target_(target) {
  std::error_code code;
  const fs::file_status status = fs::status(target, code);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Error("{}: cannot write: exists and is not a regular file", target.string());
  }
  std::string name =
      fmt::format("{}/.{}.XXXXXX", directory_of(target).string(), target.filename().string());
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) {
    const int error = errno;
    throw Error("{}: cannot write: {}", target.string(), system_message(error));
  }
  temporary_ = name;
  ::fchmod(descriptor_, default_mode());
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
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
  if (offset > size_ || bytes.size() > size_ - offset) {
    throw Error("{}: overwrite of {} bytes at {} is beyond the {} bytes written", target_.string(),
                bytes.size(), offset, size_);
  }
  write_fully(offset, bytes);
}

void AtomicFile::commit() {
  if (descriptor_ < 0) throw Error("{}: committed twice", target_.string());
  int error = ::fsync(descriptor_) == 0 ? 0 : errno;
  if (::close(descriptor_) != 0 && error == 0) error = errno;
  descriptor_ = -1;
  if (error == 0 && ::rename(temporary_.c_str(), target_.c_str()) != 0) error = errno;
  if (error != 0) {
    discard();
    throw Error("{}: cannot write: {}", target_.string(), system_message(error));
  }
  temporary_.clear();
  sync_directory(directory_of(target_));
}

void write_file(const fs::path& target, std::span<const std::byte> bytes) {
  AtomicFile file(target);
  file.write(bytes);
  file.commit();
}

}  // namespace tern::io
