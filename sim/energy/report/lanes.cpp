// SPDX-License-Identifier: Apache-2.0
#include "lanes.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "energy/technology.hpp"

namespace tern::energy {
namespace {

constexpr double kLanes = 80;        ///< Of a tile: 5 x 16.
constexpr double kT5Bits = 8.0 / 5;  ///< A weight.
constexpr double kPairBits = 2;

nlohmann::json row(const Technology& t, const char* block, const char* operation, double weights) {
  const Block& b = t.block(block);
  return {{"area", b.area.value / weights},
          {"flip_flops", b.flip_flops.value / weights},
          {"picojoules", b.operation.at(operation).value}};
}

nlohmann::json compare(const Technology& t) {
  nlohmann::json out = {{"technology", t.name}, {"clock_mhz", t.clock_mhz}};
  for (const char* lane : {"lane_ternary", "lane_int4", "lane_int8"})
    out["lanes"][lane] = row(t, lane, "lane/mac", kLanes);
  const nlohmann::json base = out["lanes"]["lane_ternary"];
  for (auto& [name, lane] : out["lanes"].items()) {
    lane["area_ratio"] = lane["area"].get<double>() / base["area"].get<double>();
    lane["energy_ratio"] = lane["picojoules"].get<double>() / base["picojoules"].get<double>();
  }
  out["decoders"]["t5"] = row(t, "decoder_t5", "decoder/weight", kLanes);
  out["decoders"]["2bit"] = row(t, "decoder_2bit", "decoder/weight", kLanes);
  const double cost = out["decoders"]["t5"]["picojoules"].get<double>() -
                      out["decoders"]["2bit"]["picojoules"].get<double>();
  out["decoder_picojoules_per_weight"] = cost;
  for (const std::string& name : dram_names()) {
    const Dram d = load_dram(name);
    const double bit = (d.read.value + d.phy.value) / 8 * 1e12;
    out["saved_picojoules_per_weight"][name] = (kPairBits - kT5Bits) * bit;
  }
  return out;
}

void print(const nlohmann::json& r) {
  fmt::print("{}, {} MHz\n  {:<14} {:>12} {:>12} {:>9} {:>9}\n", r["technology"].get<std::string>(),
             r["clock_mhz"].get<double>(), "lane", "area/MAC", "pJ/MAC", "area", "energy");
  for (const auto& [name, lane] : r["lanes"].items()) {
    fmt::print("  {:<14} {:>12.4g} {:>12.4g} {:>8.2f}x {:>8.2f}x\n", name,
               lane["area"].get<double>(), lane["picojoules"].get<double>(),
               lane["area_ratio"].get<double>(), lane["energy_ratio"].get<double>());
  }
  fmt::print(
      "  T5 decoder: {:.4g} pJ and {:.4g} of area a weight more than 2-bit weights (measured)\n",
      r["decoder_picojoules_per_weight"].get<double>(),
      r["decoders"]["t5"]["area"].get<double>() - r["decoders"]["2bit"]["area"].get<double>());
  fmt::print("  what 0.4 bits a weight save in memory and PHY, pJ a weight (derived):");
  for (const auto& [name, value] : r["saved_picojoules_per_weight"].items())
    fmt::print(" {} {:.2f}", name, value.get<double>());
  fmt::print("\n");
}

}  // namespace

void print_lanes(const std::vector<std::string>& technologies, bool json) {
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : technologies) all.push_back(compare(load_technology(name)));
  if (json) {
    fmt::print("{}\n", all.dump());
    return;
  }
  for (const nlohmann::json& r : all) print(r);
}

}  // namespace tern::energy
