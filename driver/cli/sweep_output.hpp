// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "sweep_points.hpp"

/// Results of a design-space exploration as files.
namespace tern::sweep {

/// Points that cannot run for the same reason.
struct Failure {
  std::string reason;
  std::size_t points = 0;
  const Result* first = nullptr;
};
/// By how many points they concern, most first.
std::vector<Failure> failures(const std::vector<Result>& results);

/// A line a point: what it is, all parameters of its chip, whether it runs (`ok`), the reason if it
/// does not, then its figures, which are empty if it does not.
std::string to_csv(const std::vector<Result>& results, const Sources& sources);
nlohmann::json to_json(const Plan& plan, const std::vector<Result>& results);
/// For report::make_page(). `made`: its object of that name.
nlohmann::json to_page(const Plan& plan, const std::vector<Result>& results, const Sources& sources,
                       const nlohmann::json& made);
/// "12 of 48 points: 1067 MHz is more than ...", for each technology and clock that do not fit.
std::vector<std::string> clock_warnings(const std::vector<Result>& results, const Sources& sources);

}  // namespace tern::sweep
