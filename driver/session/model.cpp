// SPDX-License-Identifier: Apache-2.0
#include "tern/model.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/fit.hpp"
#include "io/image_magic.hpp"
#include "io/mapped_file.hpp"
#include "io/skeleton.hpp"

namespace tern {
namespace {

void check_context(const io::Image& image, const ModelOptions& options) {
  const uint32_t wanted = options.convert.context;
  if (wanted != 0 && wanted != image.model().context)
    throw Error(
        "{}: an image has its context from its conversion, {} positions; give --context {} to tern "
        "convert, or leave out {}",
        image.origin(), image.model().context, wanted, options.convert.context_flag);
}

/// Of a model that need not run on `chip`, whether it could.
void note_obstacle(const io::Image& image, const ModelOptions& options,
                   const spec::ChipConfig& chip) {
  if (!options.notes || options.convert.for_chip || image.columns() != chip.columns) return;
  const std::string why = io::obstacle(io::skeleton_of(image), chip);
  if (!why.empty())
    options.notes(fmt::format("no chip of configuration {} runs this model: {}", chip.name, why));
}

}  // namespace

bool is_image(const std::filesystem::path& path) {
  if (io::is_folder(path)) return false;
  const io::MappedFile file(path);
  uint32_t magic = 0;
  if (file.bytes().size() >= sizeof magic) std::memcpy(&magic, file.bytes().data(), sizeof magic);
  return magic == spec::kImageMagic || magic == io::kSwappedImageMagic;
}

ModelOptions for_golden(ModelOptions options) {
  options.convert.for_chip = !options.config.empty();
  return options;
}

void note_context(uint32_t positions, int all, const ModelOptions& options) {
  if (!options.notes || options.convert.context != 0 || static_cast<int64_t>(positions) >= all)
    return;
  options.notes(fmt::format("context {} of the model's {} positions; {} N takes another number",
                            positions, all, options.convert.context_flag));
}

std::unique_ptr<io::ModelFiles> open_model_files(const ModelOptions& options) {
  auto files = io::open_model(options.file, options.gguf);
  if (options.notes) {
    for (const std::string& note : files->notes())
      options.notes(fmt::format("{}: {}", files->file(), note));
  }
  return files;
}

LoadedModel load_model(const ModelOptions& options, const spec::ChipConfig& chip) {
  const std::filesystem::path& path = options.file;
  LoadedModel model;
  if (is_image(path)) {
    if (options.convert.weights_trits != 0)
      throw Error(
          "{}: an image has its weights quantised already; give --weights-trits to the "
          "conversion of the file that it was made from",
          path.string());
    model.image = std::make_unique<io::Image>(io::Image::open(path));
    check_context(*model.image, options);
    note_obstacle(*model.image, options, chip);
    return model;
  }
  model.files = open_model_files(options);
  model.image = std::make_unique<io::Image>(
      io::Image::from_bytes(io::convert(*model.files, chip, {}, options.convert), path.string()));
  note_context(model.image->model().context, model.files->config().context, options);
  note_obstacle(*model.image, options, chip);
  return model;
}

}  // namespace tern
