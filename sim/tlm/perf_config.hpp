// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "memory_model.hpp"
#include "spec/generated/spec.hpp"

namespace tern::tlm {

/// What the performance model is a model of: the parameters of tern_chip and the memory behind it.
/// Named configurations fill `chip` (io::find_config()); any field may then be changed.
struct PerfConfig {
  spec::ChipConfig chip = spec::kConfigs[1];
  FixedMemoryTiming memory{};
  /// Writes of the store unit without a response; its parameter MaxWrites.
  uint32_t max_writes = 16;
};

/// Throws tern::Error that names the field which the RTL would not take.
void check(const PerfConfig& config);

}  // namespace tern::tlm
