#pragma once

#include "model.hpp"

/// What the firmware asks of descriptors before it relies on them.
namespace tern::firmware {

inline constexpr uint32_t kNoField = 0xffffffff;

/// Byte offset of the first field of the descriptor that the firmware or the chip cannot run;
/// kNoField if there is none.
uint32_t bad_field(const spec::ModelDescriptor& d, const Chip& chip, uint32_t base);
uint32_t bad_field(const spec::LayerDescriptor& d, const Model& model);

/// Byte offset of the first field that asks for group scales or signs where the chip has none;
/// kNoField if there is none.
uint32_t missing_layout(const spec::ModelDescriptor& d, const Chip& chip);
uint32_t missing_layout(const spec::LayerDescriptor& d, const Chip& chip);

}  // namespace tern::firmware
