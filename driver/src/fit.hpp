#pragma once

#include <cstdint>

#include "io/image.hpp"

namespace tern::driver {

/// Throws tern::Error, naming the matrix, when the chip cannot run the model: packed for another
/// beat width, more columns than the activation buffer holds, larger row blocks than the
/// accumulators hold, or addresses that commands cannot name.
void check_fits(const io::Image& image, const spec::ChipConfig& chip);

/// Bytes of the largest batch of commands that the token loop queues, at the end of the context.
uint64_t work_area_bytes(const io::Image& image, const spec::ChipConfig& chip);

}  // namespace tern::driver
