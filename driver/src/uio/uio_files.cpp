// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "io/error.hpp"
#include "uio_transport.hpp"

namespace tern::driver {
namespace {

constexpr const char* kDefaultBuffer = "/dev/udmabuf0";
constexpr uint64_t kRegisterBytes = 4096;

OpenFile open_device(const std::string& path, const char* what, const char* advice) {
  // O_SYNC: u-dma-buf then maps the buffer uncached.
  const int descriptor = open(path.c_str(), O_RDWR | O_SYNC | O_CLOEXEC);
  if (descriptor < 0) throw Error("{}: {}: {}; {}", path, what, std::strerror(errno), advice);
  return OpenFile(descriptor);
}

/// A number in sysfs, in any base that it is written in; 0 if there is none.
uint64_t read_number(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string text;
  in >> text;
  try {
    return text.empty() ? 0 : std::stoull(text, nullptr, 0);
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

UioFiles open_uio_files(std::string_view argument, const std::filesystem::path& sys) {
  const std::size_t comma = argument.find(',');
  const std::string uio(argument.substr(0, comma));
  const std::string buffer(comma == std::string_view::npos ? kDefaultBuffer
                                                           : argument.substr(comma + 1));
  if (uio.empty())
    throw Error("no UIO device is named; write uio:/dev/uio0 or uio:/dev/uio0,/dev/udmabuf0");
  UioFiles files;
  files.name = uio;
  files.registers = open_device(uio, "the chip's registers",
                                "load the bitstream and its device-tree overlay first");
  files.interrupt = open_device(uio, "the chip's interrupt",
                                "load the bitstream and its device-tree overlay first");
  files.memory = open_device(buffer, "the chip's memory",
                             "load the module u-dma-buf and the device-tree overlay first");
  const auto name = [](const std::string& path) { return std::filesystem::path(path).filename(); };
  const std::filesystem::path map = sys / "class/uio" / name(uio) / "maps/map0/size";
  const uint64_t window = read_number(map);
  if (window < kRegisterBytes) {
    throw Error("{}: {} says {} bytes of registers, a Tern chip has {}; it is another device", uio,
                map.string(), window, kRegisterBytes);
  }
  const std::filesystem::path size = sys / "class/u-dma-buf" / name(buffer) / "size";
  files.memory_bytes = read_number(size);
  if (files.memory_bytes == 0)
    throw Error("{}: {} does not tell its size; is it a u-dma-buf device?", buffer, size.string());
  return files;
}

}  // namespace tern::driver
