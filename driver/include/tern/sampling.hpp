// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "spec/generated/spec.hpp"
#include "tern/device.hpp"

namespace tern {

/// How a token is drawn from the logits of a position. The values are as users give them; a device
/// takes them as integers (GenerateSettings).
struct Sampling {
  static constexpr double kMaxTemperature = 100;

  double temperature = 0.7;      ///< 0 to kMaxTemperature; 0 takes the likeliest token.
  double top_p = 0.95;           ///< 0 to 1: the likeliest tokens that together reach it are kept.
  uint32_t top_k = spec::kTopK;  ///< 1 to spec::kTopK: so many tokens are kept at most.
};

/// The settings of Device::generate() for `sampling`; all others have their defaults. The inverse
/// temperature is rounded to a multiple of 2^-32, top-p to one of 2^-16, both to the nearest;
/// temperatures below 2^-31 are taken as that. Throws Error that names the value which is not a
/// number of its range.
GenerateSettings generate_settings(const Sampling& sampling);

}  // namespace tern
