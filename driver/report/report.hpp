// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "estimate/estimate.hpp"

namespace tern::report {

/// What a report is of.
struct Question {
  std::string model;       ///< Name, for titles.
  std::string config;      ///< The same.
  std::string dram;        ///< The same.
  std::string technology;  ///< The same.
  uint32_t context = 512;
  uint32_t batch = 1;
  uint32_t prefill = 64;  ///< Prompt tokens of the prefill figure.
  std::string command;    ///< That makes the report again.
  nlohmann::json made;    ///< {version, commit, date} of the program.
};

/// Everything that the page shows, as page.hpp wants it, and "summary": the figures that scripts
/// want, as plain numbers. `progress` is called with the steps done and all steps.
nlohmann::json make_report(estimate::Estimator& estimator, const Question& question,
                           const energy::Technology& technology, const energy::Dram& dram_energy,
                           const std::function<void(int done, int all)>& progress = {});

}  // namespace tern::report
