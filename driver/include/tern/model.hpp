// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/convert.hpp"
#include "io/image.hpp"
#include "io/model_files.hpp"

namespace tern {

/// Told what a user should know and what is no error, a sentence without a line feed at a time.
using Notes = std::function<void(std::string_view sentence)>;

/// Which model, and how it becomes an image.
struct ModelOptions {
  std::filesystem::path file;   ///< GGUF file, Hugging Face folder or .tern image.
  std::string config;           ///< Chip configuration; empty: the device's, else "edge".
  io::GgufOptions gguf;         ///< What a GGUF file cannot say about itself.
  io::ConvertSettings convert;  ///< Context, and the conversion of what is no image.
  Notes notes;                  ///< Empty: nobody is told.
};

/// A model as it was found: an image, and the files it came from when there are any. Both stay
/// where they are when this is moved, since a device refers to them.
struct LoadedModel {
  std::unique_ptr<io::ModelFiles> files;
  std::unique_ptr<io::Image> image;
};

/// Whether a file begins as a .tern image does. Throws Error when it cannot be read.
bool is_image(const std::filesystem::path& path);

/// Opens a GGUF file or a folder, with notes on how it was read. Throws Error as io::open_model().
std::unique_ptr<io::ModelFiles> open_model_files(const ModelOptions& options);

/// Opens the .tern image of `options`, or converts its GGUF file or folder in memory, for the beats
/// of `chip`. Notes say when the context is shorter than the model's, and when a model that need
/// not run on the chip cannot. Throws Error when the file is no model, when an image is asked for
/// another context or other weights than it has, and when the chip cannot run the model
/// (options.convert.for_chip).
LoadedModel load_model(const ModelOptions& options, const spec::ChipConfig& chip);

/// `options` for a model that need not run on a chip unless a configuration is named.
ModelOptions for_golden(ModelOptions options);

/// Notes that a model of `all` positions got only `positions`, if that was not asked for.
void note_context(uint32_t positions, int all, const ModelOptions& options);

}  // namespace tern
