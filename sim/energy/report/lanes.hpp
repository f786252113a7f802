// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace tern::energy {

/// Prints, for each technology: area and energy of a multiply-accumulate of the ternary, the 4-bit
/// and the 8-bit lane and their ratios; and what a T5 decoder costs for each weight against what
/// the denser weights save in each memory.
void print_lanes(const std::vector<std::string>& technologies, bool json);

}  // namespace tern::energy
