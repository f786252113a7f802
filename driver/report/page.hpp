#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tern::report {

/// A self-contained HTML page of `data`, which has:
///
/// * title, subtitle, reproduce: texts; headline: [{label, value, tag}];
/// * figures: [{kind, note, ...}] in the order in which they are shown; page.js knows the kinds;
/// * assumptions: [{what, value, tag, source}].
///
/// Nothing is fetched when it is opened; plots are SVG, drawn by Apache ECharts, which is inside.
std::string make_page(const nlohmann::json& data);

}  // namespace tern::report
