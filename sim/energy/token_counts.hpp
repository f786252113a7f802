// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "counts.hpp"
#include "io/synth.hpp"
#include "spec/generated/spec.hpp"
#include "technology.hpp"

namespace tern::energy {

/// Counts of one decoded token of a model with a cache of `context` tokens, from its shape: beats,
/// traffic and results follow from the layouts (derived, exact); elements of the vector unit and
/// cycles of the controller from the schedule in docs/firmware.md; time is that of the stream at
/// the peak rate of the memory less its refreshes, or at one beat a cycle if that is longer.
Counts token_counts(const io::SynthPreset& shape, const spec::ChipConfig& chip, uint32_t context,
                    const Dram& dram, double clock_hz);

}  // namespace tern::energy
