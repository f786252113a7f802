// SPDX-License-Identifier: Apache-2.0
#include "tern/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "io/error.hpp"

namespace tern {
namespace {

struct Backend {
  std::string name;
  std::string description;
  DeviceFactory factory;
};

std::vector<Backend>& registry() {
  static std::vector<Backend> backends;
  return backends;
}

}  // namespace

void register_backend(std::string name, std::string description, DeviceFactory factory) {
  for (Backend& known : registry()) {
    if (known.name != name) continue;
    known = {std::move(name), std::move(description), std::move(factory)};
    return;
  }
  registry().push_back({std::move(name), std::move(description), std::move(factory)});
}

std::vector<std::string> known_backends() {
  std::vector<std::string> out;
  for (const Backend& b : registry()) out.push_back(fmt::format("{}: {}", b.name, b.description));
  return out;
}

void Device::load_files(const io::ModelFiles&, std::span<const int32_t>) {
  throw Error("this backend takes .tern images alone; reference: takes a model's files");
}

void Device::seek(uint32_t, const KvSource&) {
  throw Error("this backend has no KV cache that can be written; golden: and rtl: have one");
}

std::unique_ptr<Device> Device::open(std::string_view backend, const DeviceOptions& options) {
  const std::size_t colon = backend.find(':');
  const std::string_view name = backend.substr(0, colon);
  const std::string_view argument =
      colon == std::string_view::npos ? std::string_view() : backend.substr(colon + 1);
  for (const Backend& known : registry()) {
    if (known.name == name) return known.factory(argument, options);
  }
  throw Error("unknown backend \"{}\"; known are {}", backend, fmt::join(known_backends(), "; "));
}

}  // namespace tern
