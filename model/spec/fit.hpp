// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/descriptor_check.hpp"

/// Whether a chip can run an image: what the firmware asks of descriptors and buffers when it takes
/// a model. The firmware is compiled from these functions; the host asks them before.
namespace tern::fit {

/// A MATMUL without what changes: waits, address, activations and where the results go.
struct MatrixWords {
  uint32_t shape;  ///< The word of the layout.
  uint32_t beats;  ///< The words of the fields of these names.
  uint32_t rows;
  uint32_t cols;
  uint32_t stripes;
  constexpr bool operator==(const MatrixWords&) const = default;
};

constexpr MatrixWords words_of(const spec::MatrixDescriptor& m) {
  spec::MatmulCommand c;
  c.layout = m.layout;
  c.planes = m.planes;
  c.group = m.group;
  c.beats = m.beats;
  c.rows = m.rows;
  c.block = m.block;
  c.cols = m.cols;
  c.stripes = m.stripes;
  const spec::CommandWords w = c.pack();
  using namespace spec::fields::matmul;
  return {w.w[kLayout.word], w.w[kBeats.word], w.w[kRows.word], w.w[kCols.word],
          w.w[kStripes.word]};
}

/// The model's own sizes and matrices; `base`: where the image lies, in units of 64 bytes.
constexpr Fit check(const spec::ModelDescriptor& d, const Chip& chip, uint32_t base) {
  using spec::FirmwareError;
  if (const uint32_t at = missing_layout(d, chip); at != kNoField)
    return {FirmwareError::kMatrixLayout, 0xffff0000 | at};
  if (const uint32_t at = bad_field(d, chip, base); at != kNoField)
    return {FirmwareError::kModelShape, at};
  if (d.layers > kMaxLayers) return {FirmwareError::kTooManyLayers, d.layers};
  return {};
}

/// Layer `i`, after those before it: the first sets what all share, the norms of `sizes` and the
/// shapes in `shared`.
constexpr Fit check(const spec::LayerDescriptor& d, uint32_t i, Sizes& sizes, const Chip& chip,
                    uint32_t base, spec::ByPart<MatrixWords>& shared) {
  using spec::FirmwareError;
  if (i == 0) {
    for (const spec::Norm norm : spec::kEveryNorm)
      sizes.has[norm] = !spec::is_optional(norm) || spec::present(d.norm[norm]);
    sizes.has[spec::Norm::kAttnKNorm] = sizes.has[spec::Norm::kAttnQNorm];
  }
  if (const uint32_t at = missing_layout(d, chip); at != kNoField)
    return {FirmwareError::kMatrixLayout, i << 16 | at};
  if (const uint32_t at = bad_field(d, sizes, chip, base); at != kNoField)
    return {FirmwareError::kLayerShape, i << 16 | at};
  for (const spec::Part part : spec::kEveryPart) {
    const MatrixWords words = words_of(d.matrix[part]);
    if (i == 0) shared[part] = words;
    if (!(words == shared[part]))
      return {FirmwareError::kLayerShape, i << 16 | spec::LayerDescriptor::offset_of(part)};
  }
  return {};
}

/// What the firmware of a chip says to an image at address 0 that is packed for its beats;
/// `layers` [model.layers]. `group`, if not null: tokens that go through the layers together.
constexpr Fit fit(const spec::ModelDescriptor& model, const spec::LayerDescriptor* layers,
                  const Chip& chip, uint32_t* group = nullptr) {
  if (const Fit f = check(model, chip, 0); !f.ok()) return f;
  Sizes sizes{};
  set_sizes(sizes, model, chip);
  spec::ByPart<MatrixWords> shared{};
  for (uint32_t i = 0; i < model.layers; ++i) {
    if (const Fit f = check(layers[i], i, sizes, chip, 0, shared); !f.ok()) return f;
  }
  Plan plan{};
  Registers registers{};
  const Fit f = place(sizes, chip, plan, registers);
  if (group != nullptr) *group = plan.group;
  return f;
}

}  // namespace tern::fit
