// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sweep_points.hpp"

namespace tern::sweep {

/// Results as they come, a line of JSON each, behind a line that says which plan and which program
/// they are of. What a line that is cut off would hold is run again.
class Journal {
 public:
  /// Opens or begins the journal of `plan` in `folder`. Throws tern::Error when the folder holds
  /// results of another plan or of another program.
  Journal(const std::filesystem::path& folder, const Plan& plan);
  const std::filesystem::path& file() const { return file_; }
  /// Day on which the sweep began.
  const std::string& date() const { return date_; }
  bool has(const Point& point) const { return lines_.contains(point.key()); }
  void add(const Result& result);
  /// In the order of the plan.
  std::vector<Result> results(const Plan& plan) const;

 private:
  bool read(const nlohmann::json& head);
  void check_head(const nlohmann::json& found, const nlohmann::json& head) const;

  std::filesystem::path file_;
  std::string date_;
  std::map<std::string, Result> lines_;
};

/// A point with its figures, or with the reason why it has none.
nlohmann::json result_json(const Result& result);

}  // namespace tern::sweep
