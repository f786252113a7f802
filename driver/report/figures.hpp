// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "estimate/estimate.hpp"

namespace tern::report {

using estimate::Estimator;
using estimate::Token;

// Figures of page.js; each is one object of `figures`.
nlohmann::json cycles_figure(const Token& token);
nlohmann::json operations_figure(const Token& token);
nlohmann::json units_figure(const Token& token);
nlohmann::json energy_figure(const Token& token);
nlohmann::json energy_operations_figure(const Token& token);
nlohmann::json traffic_figure(const Token& token);
nlohmann::json roofline_figure(const Estimator& e, const Token& decode, const Token& prefill);
nlohmann::json context_figure(const std::vector<Token>& tokens);
nlohmann::json peers_figure(const Estimator& e, const Token& token, bool same_model);
nlohmann::json timeline_figure(const Estimator& e);

double millijoules(const Token& token);
/// Part of the memory's peak that the token's traffic takes.
double memory_share(const Estimator& e, const Token& token);

}  // namespace tern::report
