// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "parameters.hpp"

/// What a design-space exploration combines.
namespace tern::sweep {

/// One combination.
struct Point {
  std::string model = "bitnet-2b4t";
  uint32_t layers = 0;
  uint32_t positions = 0;       ///< Of a preset's cache; 0: as many as the model has.
  std::string config = "edge";  ///< Whose parameters are those not named in `parameters`.
  cli::Parameters parameters;
  std::string dram = "ddr4-2400";
  double clock_mhz = 0;
  std::string technology = "asap7";
  uint32_t context = 512;
  uint32_t batch = 1;

  nlohmann::json to_json() const;
  /// Text that tells it from all others.
  std::string key() const;
};
Point point_of(const nlohmann::json& json);

struct Plan {
  std::vector<Point> points;
  std::vector<std::string> varied;  ///< Names of what differs between the points.
  std::string text;                 ///< The file.
};

/// A plan may have so many points: a day's work of one core.
inline constexpr uint64_t kMostPoints = 50'000;

/// All combinations of the lists of a YAML file:
///
///     models: [bitnet-2b4t]        # presets or files
///     layers: [30]                 # of a preset; optional
///     positions: [4096]            # of its cache; optional
///     configs: [edge]              # named configurations to start from
///     parameters:                  # of spec::ChipConfig, optional
///       columns: [32, 64]
///       act_columns: [1, 8]
///     drams: [ddr4-2400]
///     clock_mhz: [0]               # 0: a beat a cycle is the memory's peak
///     technologies: [asap7]
///     contexts: [512]
///     batches: [1]
///
/// What is left out is as in Point. Throws tern::Error with file and line for anything else, for
/// numbers out of their ranges, and for more than kMostPoints points, which are counted first.
Plan load_plan(const std::filesystem::path& file);

/// What is special about a point.
std::string label(const Plan& plan, const Point& point);

}  // namespace tern::sweep
