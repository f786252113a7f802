#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "estimate.hpp"

/// The points of a design-space exploration: what to combine, and what comes out.
namespace tern::sweep {

/// One combination.
struct Point {
  std::string model = "bitnet-2b4t";
  uint32_t layers = 0;
  uint32_t positions = 0;  ///< Of a preset's cache; 0: as many as the model has.
  std::string config = "edge";  ///< Whose parameters are those not named in `parameters`.
  std::map<std::string, uint32_t> parameters;
  std::string dram = "ddr4-2400";
  double clock_mhz = 0;
  std::string technology = "osu018";
  uint32_t context = 512;
  uint32_t batch = 1;

  nlohmann::json to_json() const;
  /// Text that tells it from all others.
  std::string key() const { return to_json().dump(); }
};

struct Plan {
  std::vector<Point> points;
  std::vector<std::string> varied;  ///< Names of what differs between the points.
};

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
///     technologies: [osu018]
///     contexts: [512]
///     batches: [1]
///
/// What is left out is as in Point. Throws tern::Error with file and line for anything else.
Plan load_plan(const std::filesystem::path& file);

struct Result {
  Point point;
  double chip_mhz = 0;
  double cycles_per_token = 0;
  double tokens_per_second = 0;
  double joules_per_token = 0;
  double watts = 0;
  double memory_share = 0;  ///< Of the peak.
  std::map<std::string, double> joules;  ///< By unit.
  std::string error;  ///< Why the chip cannot run the model; then all else is 0.
};

/// Memories that take a moment to characterise, once each; may be used by several threads.
class Memories {
 public:
  explicit Memories(const Plan& plan);
  const estimate::Memory& find(const std::string& name) const { return memories_.at(name); }

 private:
  std::map<std::string, estimate::Memory> memories_;
};

Result run(const Point& point, const Memories& memories);

/// Results as they come, a line of JSON each. What a line that is cut off would hold is run again.
class Journal {
 public:
  explicit Journal(std::filesystem::path file);
  const std::filesystem::path& file() const { return file_; }
  bool has(const Point& point) const { return lines_.contains(point.key()); }
  void add(const Result& result);
  /// In the order of the plan.
  std::vector<Result> results(const Plan& plan) const;

 private:
  std::filesystem::path file_;
  std::map<std::string, Result> lines_;
};

/// Those that no other beats in both speed and energy, slowest first.
std::vector<const Result*> pareto_front(const std::vector<Result>& results);
/// What is special about a point.
std::string label(const Plan& plan, const Point& point);

std::string to_csv(const std::vector<Result>& results);
nlohmann::json to_json(const Plan& plan, const std::vector<Result>& results);
nlohmann::json to_page(const Plan& plan, const std::vector<Result>& results,
                       const std::string& command);

}  // namespace tern::sweep
