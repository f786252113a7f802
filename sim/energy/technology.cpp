// SPDX-License-Identifier: Apache-2.0
#include "technology.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>

#include "embedded.hpp"
#include "io/error.hpp"

namespace tern::energy {
namespace {

constexpr double kPico = 1e-12;

/// The measured blocks that are part of the chip.
constexpr const char* kChipBlocks[] = {"array", "array_m2",         "array_c32",   "digit_weight",
                                       "fifo",  "accumulator_bank", "vector_lane", "controller"};

bool is_recalled(const YAML::Node& node) { return node["recalled"].as<bool>(false); }

Figure read_figure(const YAML::Node& node) {
  return {node["value"].as<double>(), node["unit"].as<std::string>(),
          parse_tag(node["tag"].as<std::string>()), node["source"].as<std::string>(),
          is_recalled(node)};
}

Block read_block(const YAML::Node& node) {
  Block block;
  block.area = read_figure(node["area"]);
  block.flip_flops = read_figure(node["flip_flops"]);
  block.clock_mhz = read_figure(node["clock"]).value;
  block.slack_ps = read_figure(node["slack"]).value;
  for (const auto& entry : node["workloads"]) {
    const auto name = entry.first.as<std::string>();
    const YAML::Node& work = entry.second;
    block.leakage = read_figure(work["leakage"]);
    block.cycle.emplace(name, read_figure(work["with_pins"]));
    for (const auto& count : work["operations"]) {
      const auto operation = count.first.as<std::string>();
      block.operation.emplace(name + "/" + operation, read_figure(work["per_" + operation]));
    }
  }
  return block;
}

YAML::Node parse(std::string_view name) {
  for (const auto& [file, text] : data_files()) {
    if (file == name) return YAML::Load(std::string(text));
  }
  throw Error("no energy data {}; there are results for {}", name,
              fmt::join(technology_names(), ", "));
}

bool contains(const YAML::Node& list, std::string_view value) {
  return std::any_of(list.begin(), list.end(),
                     [&](const YAML::Node& n) { return n.as<std::string>() == value; });
}

void read_sram(const YAML::Node& tables, Technology& t) {
  for (const YAML::Node& table : tables) {
    if (!contains(table["technologies"], t.name)) continue;
    const double voltage = t.voltage / table["voltage"].as<double>();
    const double node = t.node_nm / table["node_nm"].as<double>();
    for (const YAML::Node& p : table["points"])
      t.sram.push_back({p["bytes"].as<double>(), p["picojoules"].as<double>()});
    t.sram_scale = node * voltage * voltage;
    const bool same = std::abs(t.sram_scale - 1) < 1e-9;
    t.sram_tag = same ? parse_tag(table["tag"].as<std::string>()) : Tag::kDerived;
    t.sram_source = table["source"].as<std::string>();
    t.sram_recalled = is_recalled(table);
    if (!same) t.sram_source += "; " + table["scaling"].as<std::string>();
  }
  if (t.sram.empty()) {
    throw Error("sim/energy/technology.yaml: no SRAM table names the technology {}; add it to one",
                t.name);
  }
}

/// Sum over the supplies of volts * amperes(supply), in watts.
template <typename Current>
double watts(const YAML::Node& dram, const Current& milliamperes) {
  double sum = 0;
  for (const YAML::Node& s : dram["supplies"]) {
    sum += s["volts"].as<double>() *
           milliamperes([&](const char* name) { return s[name].as<double>(); }) * 1e-3;
  }
  return sum;
}

void read_currents(const YAML::Node& d, Dram& out) {
  const double devices = d["devices"].as<double>();
  const double clock = d["tck_ns"].as<double>() * 1e-9;
  const YAML::Node t = d["timing"];
  const double ras = t["ras"].as<double>(), rp = t["rp"].as<double>();
  const double burst_bytes = d["width"].as<double>() * d["burst"].as<double>() / 8;
  const double burst = d["burst"].as<double>() / d["transfers_per_clock"].as<double>() * clock;
  const Tag tag = combine(Tag::kDerived, parse_tag(d["tag"].as<std::string>()));
  const auto source = d["source"].as<std::string>() + ", by Micron TN-40-07";
  const auto figure = [&](double value, const char* unit) {
    return Figure{value, unit, tag, source, is_recalled(d)};
  };
  out.activate =
      figure(devices * clock *
                 watts(d,
                       [&](const auto& i) {
                         return i("idd0") * (ras + rp) - i("idd3n") * ras - i("idd2n") * rp;
                       }),
             "J");
  const auto transfer = [&](const char* name) {
    const double power = watts(d, [&](const auto& i) { return i(name) - i("idd3n"); });
    return figure(power * burst / burst_bytes, "J/byte");
  };
  out.read = transfer("idd4r");
  out.write = transfer("idd4w");
  out.refresh = figure(devices * clock * t["rfc"].as<double>() *
                           watts(d, [](const auto& i) { return i("idd5") - i("idd3n"); }),
                       "J");
  out.open_standby = figure(devices * watts(d, [](const auto& i) { return i("idd3n"); }), "W");
  out.idle_standby = figure(devices * watts(d, [](const auto& i) { return i("idd2n"); }), "W");
  out.row_bytes = devices * d["row_bytes"].as<double>();
  out.refresh_seconds = t["refi"].as<double>() * clock;
}

void read_per_bit(const YAML::Node& d, Dram& out) {
  const Tag tag = parse_tag(d["tag"].as<std::string>());
  const auto source = d["source"].as<std::string>();
  const auto byte = [&](const char* name) {
    return Figure{8 * kPico * d[name].as<double>(), "J/byte", tag, source, is_recalled(d)};
  };
  out.read = byte("read");
  out.write = byte("write");
  const Figure nothing{0, "J", tag, "part of read and write"};
  out.activate = out.refresh = out.open_standby = out.idle_standby = nothing;
}

}  // namespace

std::string_view name_of(Tag tag) {
  constexpr std::string_view kNames[] = {"measured", "published", "derived", "projected"};
  return kNames[static_cast<int>(tag)];
}

Tag parse_tag(std::string_view text) {
  for (Tag tag : {Tag::kMeasured, Tag::kPublished, Tag::kDerived, Tag::kProjected}) {
    if (text == name_of(tag)) return tag;
  }
  throw Error("energy data: tag \"{}\" is none of measured, published, derived, projected", text);
}

std::string describe(Tag tag, bool recalled) {
  return std::string(name_of(tag)) + (recalled ? ", recalled" : "");
}

Tag combine(Tag a, Tag b) { return std::max({a, b, Tag::kDerived}); }

const Block& Technology::block(std::string_view block_name) const {
  const auto found = blocks.find(block_name);
  if (found == blocks.end()) {
    throw Error("technology {} has no results for the block {}; run scripts/energy.sh --name {} {}",
                name, block_name, name, block_name);
  }
  return found->second;
}

Figure Technology::sram_byte(double bytes) const {
  const auto above =
      std::find_if(sram.begin(), sram.end(), [&](const SramPoint& p) { return p.bytes >= bytes; });
  double energy = 0;
  Tag tag = sram_tag;
  if (above == sram.begin() || above == sram.end()) {
    energy = above == sram.end() ? sram.back().picojoules : sram.front().picojoules;
    tag = combine(tag, Tag::kProjected);
  } else {
    const SramPoint& low = *(above - 1);
    const double part = std::log(bytes / low.bytes) / std::log(above->bytes / low.bytes);
    energy = low.picojoules * std::pow(above->picojoules / low.picojoules, part);
    if (part < 1) tag = combine(tag, Tag::kDerived);
  }
  return {energy * sram_scale / 8, "pJ/byte", tag, sram_source, sram_recalled};
}

std::vector<BlockClock> Technology::too_slow_for(double mhz) const {
  std::vector<BlockClock> slow;
  for (const char* name : kChipBlocks) {
    const auto found = blocks.find(name);
    if (found != blocks.end() && found->second.fastest_mhz() < mhz)
      slow.push_back({name, found->second.fastest_mhz()});
  }
  std::ranges::sort(slow, {}, &BlockClock::mhz);
  return slow;
}

std::string describe_missed_clock(const Technology& technology, double mhz) {
  std::string blocks;
  for (const BlockClock& b : technology.too_slow_for(mhz))
    blocks += fmt::format("{} {} {:.0f} MHz", blocks.empty() ? "" : ",", b.block, b.mhz);
  if (blocks.empty()) return blocks;
  return fmt::format("{:.0f} MHz is more than blocks of {} meet as synthesised:{}", mhz,
                     technology.name, blocks);
}

std::vector<std::pair<std::string, std::string_view>> data_files() {
  std::vector<std::pair<std::string, std::string_view>> files;
  for (const EmbeddedFile& file : kEmbeddedFiles) files.emplace_back(file.name, file.text);
  return files;
}

std::vector<std::string> technology_names() {
  std::vector<std::string> names;
  for (const auto& [file, text] : data_files()) {
    if (file.ends_with(".json")) names.push_back(file.substr(0, file.size() - 5));
  }
  return names;
}

Technology load_technology(std::string_view name) {
  const YAML::Node r = parse(std::string(name) + ".json");
  Technology t;
  t.name = name;
  t.title = r["title"].as<std::string>();
  t.node_nm = r["node_nm"].as<double>();
  t.voltage = r["library"]["voltage"].as<double>();
  t.date = r["date"].as<std::string>();
  for (const auto& tool : r["tools"])
    t.tools += fmt::format("{} {} ", tool.first.as<std::string>(), tool.second.as<std::string>());
  for (const auto& entry : r["blocks"]) {
    const auto block = entry.first.as<std::string>();
    t.blocks.emplace(block, read_block(entry.second));
    t.clock_mhz = std::max(t.clock_mhz, entry.second["clock"]["value"].as<double>());
  }
  const YAML::Node y = parse("technology.yaml");
  read_sram(y["sram"], t);
  t.wires = read_figure(y["wires"]);
  return t;
}

std::vector<std::string> dram_names() {
  std::vector<std::string> names;
  for (const auto& entry : parse("technology.yaml")["dram"])
    names.push_back(entry.first.as<std::string>());
  return names;
}

Dram load_dram(std::string_view name) {
  const YAML::Node y = parse("technology.yaml");
  const YAML::Node d = y["dram"][std::string(name)];
  if (!d) throw Error("no memory {}; there are {}", name, fmt::join(dram_names(), ", "));
  Dram out;
  out.name = name;
  out.title = d["title"].as<std::string>();
  if (d["kind"].as<std::string>() == "currents") {
    read_currents(d, out);
  } else {
    read_per_bit(d, out);
  }
  const Figure phy = read_figure(y["phy"][d["phy"].as<std::string>()]);
  out.phy = {8 * kPico * phy.value, "J/byte", phy.tag, phy.source, phy.recalled};
  return out;
}

}  // namespace tern::energy
