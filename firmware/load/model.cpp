// SPDX-License-Identifier: Apache-2.0
#include "load/model.hpp"

#include "issue/scratch.hpp"
#include "spec/generated/registers.hpp"
#include "spec/numerics/checksum.hpp"
#include "spec/numerics/head_norm.hpp"
#include "spec/numerics/rope.hpp"

namespace tern::firmware {
namespace {

using spec::FirmwareError;

uint32_t field(uint32_t word, uint32_t lsb, uint32_t mask) { return word >> lsb & mask; }

/// Reads `bytes` at a byte offset of the image, a multiple of 8, through the scratchpad.
void fetch(Units& units, const Model& model, uint64_t offset, uint32_t bytes, Word* words) {
  const uint32_t skip = static_cast<uint32_t>(offset % spec::kAddrUnit);
  spec::LoadCommand c;
  c.read_addr = model.base + static_cast<uint32_t>(offset / spec::kAddrUnit);
  c.beats = model.chip.beats(skip + bytes);
  c.count = (skip + bytes) / 4;
  c.dst = 0;
  units.wait(units.issue(c, units.after()));
  for (uint32_t i = 0; i < bytes / 4; ++i) words[i] = read_scratch(skip / 4 + i);
}

template <typename Struct>
void fetch(Units& units, const Model& model, uint64_t offset, Struct& out) {
  fetch(units, model, offset, sizeof out, reinterpret_cast<Word*>(&out));
}

void keep(const spec::ModelDescriptor& d, Model& m) {
  fit::set_sizes(m, d, m.chip);
  m.residual_frac = d.residual_frac;
  m.silu = d.activation == static_cast<uint32_t>(spec::Activation::kSilu);
  m.head_root = spec::scale_sqrt(spec::make_scale(d.head_dim));
  m.head_shift = d.head_shift;
  m.eps = d.eps;
  m.score_scale = d.score_scale;
  m.head_scale = d.head_scale;
  m.embedding = m.base + static_cast<uint32_t>(d.embedding.offset / spec::kAddrUnit);
  m.embedding_exponent = d.embedding.exponent;
  m.output_gain = m.base + static_cast<uint32_t>(d.output_norm.offset / spec::kAddrUnit);
  m.output_exponent = d.output_norm.exponent;
  m.head = m.base + static_cast<uint32_t>(d.head.offset / spec::kAddrUnit);
  m.head_row_scales = m.base + static_cast<uint32_t>(d.head_row_scales / spec::kAddrUnit);
  m.rope_table = m.base + static_cast<uint32_t>(d.rope_table / spec::kAddrUnit);
  m.key_units = static_cast<uint32_t>(d.key_cache_bytes / spec::kAddrUnit);
  m.value_units = static_cast<uint32_t>(d.value_cache_bytes / spec::kAddrUnit);
  m.scale_units = static_cast<uint32_t>(d.kv_scale_bytes / spec::kAddrUnit);
}

void keep(const spec::LayerDescriptor& d, const Model& m, Layer& l) {
  const auto units = [&](uint64_t offset) {
    return m.base + static_cast<uint32_t>(offset / spec::kAddrUnit);
  };
  for (const Norm norm : spec::kEveryNorm) {
    l.gain[norm] = units(d.norm[norm].offset);
    l.exponent[norm] = static_cast<int16_t>(d.norm[norm].exponent);
  }
  for (const Part part : spec::kEveryPart) {
    l.matrix[part] = units(d.matrix[part].offset);
    // Rope gives queries and keys more fraction bits.
    const bool rotated = (part == Part::kAttnQ || part == Part::kAttnK) && !m.has[Norm::kAttnQNorm];
    const int shift =
        rotated ? spec::rope_shift(m.head_bits[index_of(part)]) - spec::kRopeGuard : 0;
    l.scale[part] = spec::scale_shift(d.matrix[part].scale, shift);
  }
  l.k_cache = units(d.k_cache);
  l.v_cache = units(d.v_cache);
  l.k_scales = units(d.k_scales);
  l.v_scales = units(d.v_scales);
}

Status load_layers(Units& units, const spec::ModelDescriptor& d, Model& model) {
  for (uint32_t i = 0; i < d.layers; ++i) {
    spec::LayerDescriptor layer;
    fetch(units, model, d.layer_table + uint64_t{i} * sizeof layer, layer);
    const uint32_t found = spec::descriptor_checksum(reinterpret_cast<const uint32_t*>(&layer),
                                                     spec::checked_words<spec::LayerDescriptor>());
    if (found != layer.checksum) return {FirmwareError::kLayerChecksum, i};
    if (i == 0) {
      model.head_bits[0] = spec::result_bits(layer.matrix[Part::kAttnQ]);
      model.head_bits[1] = spec::result_bits(layer.matrix[Part::kAttnK]);
    }
    if (const Status status =
            fit::check(layer, i, model, model.chip, model.base, model.matrix_words);
        !status.ok())
      return status;
    keep(layer, model, model.layer[i]);
    if (i > 0) model.layer[i - 1].next_gain = model.layer[i].gain[Norm::kAttnNorm];
  }
  model.layer[d.layers - 1].next_gain = model.output_gain;
  return {};
}

}  // namespace

void Chip::read() {
  namespace reg = spec::reg;
  const uint32_t config = Bus::read(spec::mmio::kConfig);
  const uint32_t config2 = Bus::read(spec::mmio::kConfig2);
  const uint32_t config3 = Bus::read(spec::mmio::kConfig3);
  columns = field(config, reg::kConfigColumnsLsb, reg::kConfigColumnsMask);
  act_columns = field(config, reg::kConfigActColumnsLsb, reg::kConfigActColumnsMask);
  acc_depth = field(config, reg::kConfigAccDepthLsb, reg::kConfigAccDepthMask);
  act_depth = field(config2, reg::kConfig2ActDepthLsb, reg::kConfig2ActDepthMask);
  scratch_words = 64 * field(config3, reg::kConfig3ScratchLsb, reg::kConfig3ScratchMask);
  group_scales = field(config3, reg::kConfig3GroupScalesLsb, reg::kConfig3GroupScalesMask) != 0;
  sign_weights = field(config3, reg::kConfig3SignWeightsLsb, reg::kConfig3SignWeightsMask) != 0;
  key_block = Bus::read(spec::mmio::kKeyBlock);
  columns_log2 = static_cast<uint32_t>(spec::bit_width(columns)) - 1;
}

Status load_model(Units& units, uint32_t base, Model& model) {
  model.loaded = false;
  model.base = base;
  model.layer = reinterpret_cast<Layer*>(model.room);
  model.chip.read();

  spec::ImageHeader header;
  fetch(units, model, 0, header);
  if (header.magic != spec::kImageMagic) return {FirmwareError::kImageMagic, header.magic};
  if (header.version != spec::kImageVersion || header.model_bytes != sizeof(spec::ModelDescriptor))
    return {FirmwareError::kImageVersion, header.version};
  if (header.columns != model.chip.columns) return {FirmwareError::kImageColumns, header.columns};

  spec::ModelDescriptor d;
  fetch(units, model, header.model, d);
  const uint32_t found = spec::descriptor_checksum(reinterpret_cast<const uint32_t*>(&d),
                                                   spec::checked_words<spec::ModelDescriptor>());
  if (found != d.checksum) return {FirmwareError::kModelChecksum, found};
  if (const Status status = fit::check(d, model.chip, base); !status.ok()) return status;
  keep(d, model);
  if (const Status status = load_layers(units, d, model); !status.ok()) return status;
  if (const Status status = fit::place(model, model.chip, model.plan, model.reg); !status.ok())
    return status;
  model.loaded = !units.timed_out();
  return {};
}

}  // namespace tern::firmware
