#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "io/model_files.hpp"
#include "spec/generated/spec.hpp"

namespace tern::io {

/// Called with the part done, 0 to 1, and what comes next.
using ConvertProgress = std::function<void(double part, std::string_view what)>;

/// Packs a model into a .tern image for one chip configuration: linear layers as one plane of
/// trits, the head as values of five trits with one scale a row, the embedding and the norms as
/// int16 with one exponent each, rope tables in Q15. Throws Error on a model that the image or the
/// chip cannot hold.
std::vector<std::byte> convert(const ModelFiles& files, const spec::ChipConfig& chip,
                               const ConvertProgress& progress = {});
std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const ConvertProgress& progress = {});

/// The same bytes into a file, which appears when it is complete. Takes memory for the largest
/// linear layer, whatever the size of the model; see AtomicFile.
void convert_to_file(const ModelFiles& files, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress = {});
void convert_to_file(const Gguf& gguf, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress = {});

}  // namespace tern::io
