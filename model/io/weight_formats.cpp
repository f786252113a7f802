// SPDX-License-Identifier: Apache-2.0
#include "io/weight_formats.hpp"

#include "io/error.hpp"
#include "spec/generated/layer.hpp"

namespace tern::io {

namespace {

using spec::Group;
using spec::Layout;

Group group_of(uint32_t columns) {
  if (columns == 0) return Group::kNone;
  return columns == 64 ? Group::kColumns64 : Group::kColumns128;
}

}  // namespace

LayerFormat layer_format(const ModelFiles& files, spec::Part part, const spec::ChipConfig& chip,
                         const ConvertSettings& settings) {
  uint32_t group = 0;
  bool signs = chip.sign_weights;
  for (int i = 0; i < files.config().layers; ++i) {
    const std::string tensor = layer_tensor(i, spec::kParts[part].gguf);
    const std::optional<TernaryFormat> format = files.ternary_format(tensor);
    if (!format && settings.weights_trits == 0) {
      throw Error(
          "{}: tensor {} has float weights, a ternary type is expected: {}; --weights-trits 1 to 5 "
          "quantises them",
          files.file(), quote(tensor), supported_ternary_types());
    }
    if ((!format || format->group != 0) && !chip.group_scales) {
      throw Error(
          "{}: tensor {} {}; configuration {} was built without group scales and takes one scale a "
          "matrix, choose another one (nano, edge)",
          files.file(), quote(tensor), format ? "has several scales" : "would need several scales",
          chip.name);
    }
    if (!format) return {{Layout::kPlane, settings.weights_trits, group_of(settings.group)}, true};
    signs = signs && format->signs;
    // All layers share the narrowest groups.
    if (format->group != 0 && (group == 0 || format->group < group)) group = format->group;
  }
  return {{signs ? Layout::kSign : Layout::kPlane, 1, group_of(group)}, false};
}

std::optional<MatrixFormat> table_format(const ModelFiles& files, std::string_view tensor,
                                         const spec::ChipConfig& chip) {
  if (!chip.group_scales) return std::nullopt;
  const std::optional<TernaryFormat> format = files.ternary_format(tensor);
  if (!format) return std::nullopt;
  const bool signs = format->signs && chip.sign_weights;
  return MatrixFormat{signs ? Layout::kSign : Layout::kPlane, 1,
                      group_of(format->group == 64 ? 64 : 128)};
}

}  // namespace tern::io
