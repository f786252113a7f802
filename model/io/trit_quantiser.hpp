// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace tern::io {

/// Largest weight of `trits` trits: (3^trits - 1) / 2.
int largest_weight(std::uint32_t trits);

/// round(w / step) of each weight, ties away from zero, at most the largest weight of `trits`
/// trits; returns the squared error. A step of 0 gives zeros.
double quantise_group(std::span<const float> weights, std::uint32_t trits, double step,
                      std::span<std::int8_t> out);

/// A step that makes the squared error small: of several between a third of and the whole range of
/// the weights, each refined by least squares for the integers that it gives (Lloyd's iteration),
/// the best. 0 for weights that are all 0.
double best_step(std::span<const float> weights, std::uint32_t trits);

}  // namespace tern::io
