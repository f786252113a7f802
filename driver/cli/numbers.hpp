// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "tern/backend_options.hpp"

/// Numbers that a user gives, as flags or in a plan: how they are written and what they may be.
namespace tern::cli {

inline constexpr WholeRange kSeeds{0, std::numeric_limits<uint64_t>::max()};
inline constexpr WholeRange kCycles{1, std::numeric_limits<uint64_t>::max(), "cycles"};
inline constexpr WholeRange kLayers{1, 4096, "layers"};
inline constexpr WholeRange kPositions{1, 1 << 20, "positions"};
inline constexpr WholeRange kTokens{1, 1 << 20, "tokens"};
inline constexpr WholeRange kTokensOrNone{0, 1 << 20, "tokens"};
inline constexpr WholeRange kSequences{1, 1024, "sequences"};
inline constexpr RealRange kProbability{0, 1};
inline constexpr RealRange kSeconds{0.01, 3600, "seconds"};

/// The number that the whole of `text` is in decimal digits. nullopt for anything else: signs,
/// spaces, other bases, nothing at all, more than 64 bits.
std::optional<uint64_t> parse_whole(std::string_view text);
/// The finite number that the whole of `text` is in decimal, with or without exponent. nullopt for
/// anything else: names such as nan, spaces, a leading plus, what no double holds.
std::optional<double> parse_real(std::string_view text);

/// Refuses text that is not a number of the range, with a message that says the range.
CLI::Validator within(const WholeRange& range);
CLI::Validator within(const RealRange& range);

/// Makes every numeric option of `app` and its commands take decimal numbers alone, whatever its
/// own check: what parse_whole() and parse_real() refuse is refused. Signed options take a minus.
void check_numbers(CLI::App& app);

}  // namespace tern::cli
