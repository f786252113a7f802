// SPDX-License-Identifier: Apache-2.0
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

struct ConvertSettings {
  /// Trits of a weight, 1 to 5, of linear layers that the file has as floats; 0: such are refused.
  uint32_t weights_trits = 0;
  /// Columns of a row that then share a scale: 64 or 128.
  uint32_t group = 128;
  /// Positions of the image, at most the file's; 0: as choose_context() says.
  uint32_t context = 0;
  std::string_view context_flag = "--context";  ///< For messages: what sets it.
  /// Whether a model that the chip cannot run is refused. Otherwise its image is for the golden
  /// model alone.
  bool for_chip = true;
};

/// Packs a model into a .tern image for one chip configuration: linear layers as trits, or bits
/// where the file has bits and the chip takes them, with one scale a matrix or group scales as the
/// file has them; an embedding and a head of trits likewise, others as int16 with one exponent and
/// as values of five trits with one scale a row; the norms as int16 with one exponent each, rope
/// tables in Q15. A part of the layers has the same format in all of them. Throws Error on a model
/// that the image or the chip cannot hold.
std::vector<std::byte> convert(const ModelFiles& files, const spec::ChipConfig& chip,
                               const ConvertProgress& progress = {},
                               const ConvertSettings& settings = {});
std::vector<std::byte> convert(const Gguf& gguf, const spec::ChipConfig& chip,
                               const ConvertProgress& progress = {},
                               const ConvertSettings& settings = {});

/// The same bytes into a file, which appears when it is complete. Takes memory for the largest
/// linear layer, whatever the size of the model; see AtomicFile.
void convert_to_file(const ModelFiles& files, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress = {},
                     const ConvertSettings& settings = {});
void convert_to_file(const Gguf& gguf, const spec::ChipConfig& chip,
                     const std::filesystem::path& target, const ConvertProgress& progress = {},
                     const ConvertSettings& settings = {});

}  // namespace tern::io
