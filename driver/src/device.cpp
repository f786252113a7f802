// SPDX-License-Identifier: Apache-2.0
#include "tern/device.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "io/error.hpp"

namespace tern {
namespace {

std::vector<Backend>& registry() {
  static std::vector<Backend> backends;
  return backends;
}

bool takes(const Backend& backend, const BackendOption& option) {
  return std::ranges::find(backend.options, &option) != backend.options.end();
}

/// Every option that was given is one of the backend's, or has its default.
void check_options(const Backend& backend, const BackendOptions& options) {
  const std::vector<const BackendOption*> declared = declared_options();
  for (const auto& [name, value] : options.given()) {
    const auto found = std::ranges::find(declared, name, &BackendOption::name);
    if (found == declared.end()) {
      std::string known;
      for (const BackendOption* option : backend.options) known += " " + option->name;
      throw Error("backend {} has no option {:?}; {}{}", backend.name, name,
                  known.empty() ? "it takes none" : "it takes", known);
    }
    const BackendOption& option = **found;
    if (!options.differs(option)) continue;
    if (!takes(backend, option)) throw Error("backend {} {}", backend.name, option.refusal);
    if (const std::string problem = option.problem(value); !problem.empty())
      throw Error("backend {}: {}", backend.name, problem);
  }
}

}  // namespace

void register_backend(Backend backend) {
  const auto known = std::ranges::find(registry(), backend.name, &Backend::name);
  if (known != registry().end())
    *known = std::move(backend);
  else
    registry().push_back(std::move(backend));
}

const std::vector<Backend>& registered_backends() { return registry(); }

std::vector<std::string> known_backends() {
  std::vector<std::string> out;
  for (const Backend& b : registry()) out.push_back(fmt::format("{}: {}", b.name, b.description));
  return out;
}

std::vector<const BackendOption*> declared_options() {
  std::vector<const BackendOption*> out;
  for (const Backend& backend : registry()) {
    for (const BackendOption* option : backend.options) {
      if (std::ranges::find(out, option) == out.end()) out.push_back(option);
    }
  }
  return out;
}

std::string describe(const BackendOption& option) {
  std::string names;
  for (const Backend& backend : registry()) {
    if (takes(backend, option)) names += (names.empty() ? "" : ", ") + backend.name;
  }
  return fmt::format("{}{}{}: {}", names, option.with.empty() ? "" : " ", option.with, option.help);
}

void Device::load_files(const io::ModelFiles&, std::span<const int32_t>) {
  throw Error("this backend takes .tern images alone; reference: takes a model's files");
}

void Device::seek(uint32_t, const KvSource&) {
  throw Error("this backend has no KV cache that can be written; golden: and rtl: have one");
}

std::unique_ptr<Device> Device::open(std::string_view backend, const DeviceSettings& settings) {
  const std::size_t colon = backend.find(':');
  const std::string_view name = backend.substr(0, colon);
  const std::string_view argument =
      colon == std::string_view::npos ? std::string_view() : backend.substr(colon + 1);
  for (const Backend& known : registry()) {
    if (known.name != name) continue;
    check_options(known, settings.options);
    return known.open(argument, settings);
  }
  throw Error("unknown backend \"{}\"; known are {}", backend, fmt::join(known_backends(), "; "));
}

}  // namespace tern
