// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "iss/iss.hpp"
#include "spec/generated/spec.hpp"

namespace tern::sim {

/// What the controller of a chip sees: its two memories, in the size that the chip has, and the
/// devices.
inline iss::MemoryMap controller_map(const spec::ChipConfig& chip) {
  iss::MemoryMap map;
  map.instr.bytes = chip.instr_bytes;
  map.data = {spec::kDataBase, chip.data_bytes};
  map.mmio.base = spec::kMmioBase;
  return map;
}

}  // namespace tern::sim
