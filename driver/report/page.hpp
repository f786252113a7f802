// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tern::report {

/// A self-contained HTML page of `data`, which has:
///
/// * title, subtitle, reproduce: texts; headline: [{label, value, tag}]; made: {version, commit,
/// date};
/// * figures: [{kind, note, ...}] in the order in which they are shown; page.js knows the kinds;
/// * assumptions: [{what, value, tag, source}]; a tag may have `recalled`: true beside it;
/// * warnings: [text], shown in red above everything; may be left out, as may
/// * failures: [{reason, points, first}], what cannot be shown and why;
/// * plan: text of the file that is needed to make the page again.
///
/// All of it is text to the page, whatever it looks like; bytes that are no UTF-8 are replaced.
/// Nothing is fetched when it is opened; plots are SVG, drawn by Apache ECharts, which is inside.
std::string make_page(const nlohmann::json& data);

}  // namespace tern::report
