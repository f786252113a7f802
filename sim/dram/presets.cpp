// SPDX-License-Identifier: Apache-2.0
#include "presets.hpp"

#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "address_map.hpp"
#include "io/error.hpp"
#include "presets_yaml.hpp"

namespace tern::dram {
namespace {

/// One preset in a file, and how to say where something in it is.
class Reader {
 public:
  Reader(YAML::Node node, std::string where) : node_(std::move(node)), where_(std::move(where)) {}

  Preset read(const std::string& name) {
    only(node_, {"description", "data_rate", "beats_per_clock", "geometry", "mapping", "timing",
                 "controller", "energy"});
    Config& c = preset_.config;
    c.name = name;
    if (node_["description"]) c.description = as<std::string>(node_["description"], "description");
    if (node_["energy"]) c.energy = as<std::string>(node_["energy"], "energy");
    c.data_rate = value<double>("data_rate");
    c.beats_per_clock = value<uint32_t>("beats_per_clock");
    c.mapping = value<std::string>("mapping");
    read_geometry();
    if (!(c.data_rate > 0) || c.beats_per_clock == 0)
      throw Error("{}: data_rate and beats_per_clock must be above 0", where_);
    read_timing();
    if (node_["controller"]) read_controller();
    check(c, where_);
    AddressMap(c.geometry, c.mapping, where_);
    return preset_;
  }

 private:
  YAML::Node need(const YAML::Node& node, const char* key) const {
    const YAML::Node found = node[key];
    if (!found) throw Error("{} (line {}): {} is missing", where_, node.Mark().line + 1, key);
    return found;
  }

  void only(const YAML::Node& node, const std::set<std::string>& known) const {
    if (!node.IsMap()) throw Error("{} (line {}): a map is expected", where_, node.Mark().line + 1);
    for (const auto& item : node) {
      const auto key = item.first.as<std::string>();
      if (!known.contains(key))
        throw Error("{} (line {}): {} is not known here; known are {}", where_,
                    item.first.Mark().line + 1, quote(key), fmt::join(known, ", "));
    }
  }

  template <typename T>
  T as(const YAML::Node& node, const char* key) const {
    try {
      return node.as<T>();
    } catch (const YAML::Exception&) {
      throw Error("{} (line {}): {} is {}, which is not a value for it", where_,
                  node.Mark().line + 1, key, quote(node.IsScalar() ? node.Scalar() : "a list"));
    }
  }

  void note(const char* name, const YAML::Node& node, int32_t cycles = -1) {
    const YAML::Node source = node["source"];
    preset_.values.push_back({name, source ? source.as<std::string>() : std::string(), cycles});
  }

  template <typename T>
  T value(const char* key) {
    const YAML::Node node = need(node_, key);
    only(node, {"value", "source"});
    note(key, node);
    return as<T>(need(node, "value"), key);
  }

  void read_geometry() {
    const YAML::Node node = need(node_, "geometry");
    Geometry& g = preset_.config.geometry;
    const std::pair<const char*, uint32_t*> fields[] = {{"channels", &g.channels},
                                                        {"ranks", &g.ranks},
                                                        {"bank_groups", &g.bank_groups},
                                                        {"banks_per_group", &g.banks_per_group},
                                                        {"rows", &g.rows},
                                                        {"columns", &g.columns},
                                                        {"bus_bits", &g.bus_bits},
                                                        {"burst_length", &g.burst_length}};
    std::set<std::string> known = {"source"};
    for (const auto& [key, target] : fields) known.insert(key);
    only(node, known);
    for (const auto& [key, target] : fields) *target = as<uint32_t>(need(node, key), key);
    note("geometry", node);
  }

  /// Cycles of {nCK: n, ns: t}: the larger of the two.
  int32_t cycles(const YAML::Node& node, const char* name) const {
    only(node, {"nCK", "ns", "source"});
    if (!node["nCK"] && !node["ns"])
      throw Error("{} (line {}): {} needs nCK or ns", where_, node.Mark().line + 1, name);
    int32_t result = node["nCK"] ? as<int32_t>(node["nCK"], name) : 0;
    if (node["ns"]) {
      constexpr double kTolerance = 0.01;  // of a cycle: 13.75 ns at 800 MHz are 11 cycles
      const double exact = as<double>(node["ns"], name) * preset_.config.clock_mhz() * 1e-3;
      if (!(exact >= 0 && exact < 1e9))
        throw Error("{} (line {}): {} is no time", where_, node.Mark().line + 1, name);
      const bool down = std::string_view(name) == "tREFI";
      const double whole = down ? std::floor(exact + kTolerance) : std::ceil(exact - kTolerance);
      result = std::max(result, static_cast<int32_t>(whole));
    }
    return result;
  }

  void read_timing() {
    const YAML::Node node = need(node_, "timing");
    std::set<std::string> known;
    for (const TimingField& field : kTimingFields) known.insert(field.name);
    only(node, known);
    for (const auto& [name, member] : kTimingFields) {
      const YAML::Node item = need(node, name);
      const int32_t n = cycles(item, name);
      preset_.config.timing.*member = n;
      note(name, item, n);
    }
  }

  void read_controller() {
    const YAML::Node node = node_["controller"];
    Controller& c = preset_.config.controller;
    const std::pair<const char*, uint32_t*> counts[] = {{"read_queue", &c.read_queue},
                                                        {"write_queue", &c.write_queue},
                                                        {"write_high", &c.write_high},
                                                        {"write_low", &c.write_low},
                                                        {"refresh_ahead", &c.refresh_ahead}};
    const std::pair<const char*, Cycle*> times[] = {
        {"drain_idle", &c.drain_idle}, {"starve", &c.starve}, {"latency", &c.latency}};
    std::set<std::string> known = {"source"};
    for (const auto& [key, target] : counts) known.insert(key);
    for (const auto& [key, target] : times) known.insert(key);
    known.insert("refresh_banks");
    only(node, known);
    for (const auto& [key, target] : counts) {
      if (node[key]) *target = as<uint32_t>(node[key], key);
    }
    for (const auto& [key, target] : times) {
      if (node[key]) *target = as<Cycle>(node[key], key);
    }
    if (node["refresh_banks"]) c.refresh_banks = as<bool>(node["refresh_banks"], "refresh_banks");
    note("controller", node);
  }

  YAML::Node node_;
  std::string where_;
  Preset preset_;
};

const YAML::Node& built_in() {
  static const YAML::Node node = YAML::Load(kPresetsYaml);
  return node;
}

std::vector<std::string> names_in(const YAML::Node& file) {
  std::vector<std::string> names;
  for (const auto& item : file["presets"]) names.push_back(item.first.as<std::string>());
  return names;
}

}  // namespace

std::vector<std::string> preset_names() { return names_in(built_in()); }

Preset load_preset_file(const std::string& file, std::string name) try {
  const YAML::Node node = YAML::LoadFile(file);
  if (!node.IsMap() || !node["presets"] || !node["presets"].IsMap())
    throw Error("{}: has no map `presets`; see sim/dram/presets.yaml for the form", file);
  const std::vector<std::string> names = names_in(node);
  if (name.empty() && names.size() == 1) name = names[0];
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw Error("{}: choose one of its memories with {}:NAME; it has {}", file, file,
                quote(fmt::format("{}", fmt::join(names, ", "))));
  return Reader(node["presets"][name], fmt::format("{}: {}", file, quote(name))).read(name);
} catch (const YAML::BadFile&) {
  throw Error("{}: cannot be read", file);
} catch (const YAML::Exception& e) {
  throw Error("{} (line {}): {}", file, e.mark.line + 1, quote(e.msg));
}

Preset load_preset(std::string_view name) {
  constexpr std::string_view kExtension = ".yaml";
  const std::string text(name);
  if (name.ends_with(kExtension)) return load_preset_file(text, "");
  const std::size_t colon = text.find(".yaml:");
  if (colon != std::string::npos)
    return load_preset_file(text.substr(0, colon + kExtension.size()),
                            text.substr(colon + kExtension.size() + 1));
  const std::vector<std::string> names = preset_names();
  if (std::find(names.begin(), names.end(), text) == names.end())
    throw Error("no memory is called {}; there are {}, or give a file FILE.yaml", quote(name),
                fmt::join(names, ", "));
  return Reader(built_in()["presets"][text], "presets.yaml: " + text).read(text);
}

std::string describe_source(std::string_view key) {
  const YAML::Node source = built_in()["sources"][std::string(key)];
  return source ? source.as<std::string>() : std::string();
}

}  // namespace tern::dram
