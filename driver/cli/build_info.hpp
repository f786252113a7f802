// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tern::cli {

/// {"version": "0.1.0", "commit": "0123456789ab"}: which program made a page or a file of results.
/// The commit ends in -dirty when files differed from it; it is "unknown" outside a git checkout.
nlohmann::json build_info();
/// YYYY-MM-DD of today, in UTC.
std::string today();

}  // namespace tern::cli
