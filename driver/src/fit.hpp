#pragma once

#include <cstdint>

#include "io/image.hpp"

namespace tern::driver {

/// Throws tern::Error, naming the matrix, when the chip cannot run the model: packed for another
/// beat width, more columns than the activation buffer holds, larger row blocks than the
/// accumulators hold, or more memory, up to `end`, than commands can address. The firmware checks
/// the rest.
void check_fits(const io::Image& image, const spec::ChipConfig& chip, uint64_t end);

}  // namespace tern::driver
