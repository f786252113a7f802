// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/registers.hpp"
#include "spec/generated/spec.hpp"

namespace tern::spec {

/// What the registers CONFIG, CONFIG2 and CONFIG3 of a chip read as, on either side.
struct ConfigWords {
  uint32_t config, config2, config3;
  bool operator==(const ConfigWords&) const = default;
};

constexpr ConfigWords config_words(const ChipConfig& chip) {
  return {chip.columns << reg::kConfigColumnsLsb | chip.act_columns << reg::kConfigActColumnsLsb |
              chip.acc_depth << reg::kConfigAccDepthLsb,
          chip.act_depth << reg::kConfig2ActDepthLsb | chip.cmd_depth << reg::kConfig2CmdDepthLsb,
          chip.lanes << reg::kConfig3LanesLsb |
              uint32_t{chip.group_scales} << reg::kConfig3GroupScalesLsb |
              uint32_t{chip.sign_weights} << reg::kConfig3SignWeightsLsb |
              chip.trees << reg::kConfig3TreesLsb |
              chip.scratch_words / 64 << reg::kConfig3ScratchLsb};
}

}  // namespace tern::spec
