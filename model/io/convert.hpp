#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"
#include "spec/generated/spec.hpp"

namespace tern::io {

/// Packs a GGUF model into a .tern image for one chip configuration: linear layers as one plane of
/// trits, the head as values of five trits with one scale a row, the embedding and the norms as
/// int16 with one exponent each, rope tables in Q15. Progress is called with the part done, 0 to 1.
/// Throws Error on a model that the image or the chip cannot hold.
std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const std::function<void(double, std::string_view)>& progress = {});

}  // namespace tern::io
