// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/placing.hpp"

/// What a chip asks of the descriptors of an image, field by field.
namespace tern::fit {

inline constexpr uint32_t kMaxLayers = 64;
inline constexpr uint32_t kMaxHeads = 64;
inline constexpr uint32_t kMaxKvHeads = 32;
inline constexpr uint32_t kNoField = 0xffffffff;

/// Of a row of a vector command, and its distance from the next, rounded up to whole results.
inline constexpr uint32_t kMaxElements = 65520;
inline constexpr int32_t kMaxExponent = 1024;  ///< Of a gain, either way.

/// The offset is aligned, and with the image's address its unit fits a command.
constexpr bool placed(uint64_t offset, uint32_t base) {
  return offset % spec::kAddrUnit == 0 && (offset / spec::kAddrUnit + base) >> 32 == 0;
}

constexpr bool normal(const spec::ScaleBits& s) { return s.m == 0 || (s.m >> 30) == 1; }

/// Offset in MatrixDescriptor of what is wrong, or kNoField.
constexpr uint32_t bad_field(const spec::MatrixDescriptor& m, uint32_t rows, uint32_t cols,
                             const Chip& chip, uint32_t base) {
  using spec::MatrixDescriptor;
  if (!placed(m.offset, base)) return offsetof(MatrixDescriptor, offset);
  if (m.rows != rows || rows >> spec::fields::matmul::kRows.width)
    return offsetof(MatrixDescriptor, rows);
  if (m.cols != cols || cols > spec::kMaxDotLength) return offsetof(MatrixDescriptor, cols);
  if (m.layout >= spec::kLayoutCount) return offsetof(MatrixDescriptor, layout);
  const auto layout = static_cast<spec::Layout>(m.layout);
  const bool value = layout == spec::Layout::kValue;
  if (m.group >= spec::kGroupCount || (value && m.group != 0))
    return offsetof(MatrixDescriptor, group);
  if (m.planes < 1 || m.planes > (layout == spec::Layout::kPlane ? spec::kMaxPlanes : 1))
    return offsetof(MatrixDescriptor, planes);
  if (m.stripes != spec::stripes_for(rows, layout)) return offsetof(MatrixDescriptor, stripes);
  if (m.block < 1 || m.block >> spec::fields::matmul::kBlock.width ||
      m.block > chip.acc_depth * (value ? spec::kTritsPerByte : 1) ||
      (value && m.block % spec::kTritsPerByte != 0 && m.stripes > m.block) ||
      (layout == spec::Layout::kSign && m.block % spec::kSignStripes != 0))
    return offsetof(MatrixDescriptor, block);
  if (m.beats != spec::shape_of(m, chip.columns).beats()) return offsetof(MatrixDescriptor, beats);
  if (!normal(m.scale)) return offsetof(MatrixDescriptor, scale);
  return kNoField;
}

/// Offset in VectorDescriptor of what is wrong, or kNoField. An absent one has count 0.
constexpr uint32_t bad_field(const spec::VectorDescriptor& v, uint64_t count, uint32_t base) {
  if (!placed(v.offset, base)) return offsetof(spec::VectorDescriptor, offset);
  if (v.count != count) return offsetof(spec::VectorDescriptor, count);
  if (v.exponent < -kMaxExponent || v.exponent > kMaxExponent)
    return offsetof(spec::VectorDescriptor, exponent);
  return kNoField;
}

/// Offset in MatrixDescriptor, or kNoField.
constexpr uint32_t missing_layout(const spec::MatrixDescriptor& m, const Chip& chip) {
  if (m.group != 0 && !chip.group_scales) return offsetof(spec::MatrixDescriptor, group);
  const bool sign = m.layout == static_cast<uint32_t>(spec::Layout::kSign);
  return sign && !chip.sign_weights ? offsetof(spec::MatrixDescriptor, layout) : kNoField;
}

constexpr uint32_t missing_layout(const spec::ModelDescriptor& d, const Chip& chip) {
  if (d.embedding_group != 0 && !chip.group_scales)
    return offsetof(spec::ModelDescriptor, embedding_group);
  const uint32_t at = missing_layout(d.head, chip);
  return at == kNoField ? at : offsetof(spec::ModelDescriptor, head) + at;
}

constexpr uint32_t missing_layout(const spec::LayerDescriptor& d, const Chip& chip) {
  for (const spec::Part part : spec::kEveryPart) {
    if (const uint32_t at = missing_layout(d.matrix[part], chip); at != kNoField)
      return spec::LayerDescriptor::offset_of(part) + at;
  }
  return kNoField;
}

constexpr uint32_t bad_field(const spec::ModelDescriptor& d, const Chip& chip, uint32_t base) {
  using D = spec::ModelDescriptor;
  const auto in = [](uint32_t v, uint32_t most) { return v >= 1 && v <= most; };
  if (!in(d.hidden, kMaxElements)) return offsetof(D, hidden);
  if (d.layers == 0) return offsetof(D, layers);
  if (!in(d.heads, kMaxHeads)) return offsetof(D, heads);
  if (!in(d.kv_heads, kMaxKvHeads) || d.heads % d.kv_heads != 0) return offsetof(D, kv_heads);
  if (!in(d.head_dim, kMaxElements / d.heads) || d.head_dim % 2 != 0 ||
      d.head_dim > chip.acc_depth * spec::kTritsPerByte ||
      d.head_dim >> spec::fields::matmul::kBlock.width)
    return offsetof(D, head_dim);
  if (!in(d.ffn, kMaxElements)) return offsetof(D, ffn);
  if (!in(d.vocab, spec::fields::matmul::kRows.max())) return offsetof(D, vocab);
  if (!in(d.context, kMaxElements)) return offsetof(D, context);
  if (d.activation >= spec::kActivationCount) return offsetof(D, activation);
  if (d.residual_frac > 30) return offsetof(D, residual_frac);
  if (d.head_shift > 62) return offsetof(D, head_shift);
  if (d.key_block != chip.key_block) return offsetof(D, key_block);
  if (!normal(d.eps)) return offsetof(D, eps);
  if (!normal(d.score_scale)) return offsetof(D, score_scale);
  if (!normal(d.head_scale)) return offsetof(D, head_scale);
  if (const uint32_t at = bad_field(d.output_norm, d.hidden, base); at != kNoField)
    return offsetof(D, output_norm) + at;
  if (const uint32_t at = bad_field(d.embedding, uint64_t{d.vocab} * d.hidden, base);
      at != kNoField)
    return offsetof(D, embedding) + at;
  if (d.embedding_group >= spec::kGroupCount) return offsetof(D, embedding_group);
  if (const uint32_t at = bad_field(d.head, d.vocab, d.hidden, chip, base); at != kNoField)
    return offsetof(D, head) + at;
  if (d.head.planes != 1) return offsetof(D, head) + offsetof(spec::MatrixDescriptor, planes);
  if (!placed(d.head_row_scales, base)) return offsetof(D, head_row_scales);
  if (!placed(d.rope_table, base)) return offsetof(D, rope_table);
  if (d.layer_table % 8 != 0) return offsetof(D, layer_table);

  const uint64_t keys =
      spec::key_cache_shape(d.context, d.head_dim, d.key_block, chip.columns).bytes();
  const uint64_t values = spec::value_cache_shape(d.context, d.head_dim, chip.columns).bytes();
  if (!placed(d.key_cache_bytes, base) || d.key_cache_bytes < keys)
    return offsetof(D, key_cache_bytes);
  if (!placed(d.value_cache_bytes, base) || d.value_cache_bytes < values)
    return offsetof(D, value_cache_bytes);
  if (!placed(d.kv_scale_bytes, base) || d.kv_scale_bytes < uint64_t{4} * d.context)
    return offsetof(D, kv_scale_bytes);
  return kNoField;
}

constexpr uint32_t bad_field(const spec::LayerDescriptor& d, const Sizes& m, const Chip& chip,
                             uint32_t base) {
  using D = spec::LayerDescriptor;
  for (const spec::Norm norm : spec::kEveryNorm) {
    const uint32_t count = m.has[norm] ? spec::count_of(norm, m) : 0;
    if (const uint32_t at = bad_field(d.norm[norm], count, base); at != kNoField)
      return D::offset_of(norm) + at;
  }
  for (const spec::Part part : spec::kEveryPart) {
    const uint32_t rows = spec::rows_of(part, m), columns = spec::columns_of(part, m);
    if (const uint32_t at = bad_field(d.matrix[part], rows, columns, chip, base); at != kNoField)
      return D::offset_of(part) + at;
  }
  if (!placed(d.k_cache, base)) return offsetof(D, k_cache);
  if (!placed(d.v_cache, base)) return offsetof(D, v_cache);
  if (!placed(d.k_scales, base)) return offsetof(D, k_scales);
  if (!placed(d.v_scales, base)) return offsetof(D, v_scales);
  return kNoField;
}

}  // namespace tern::fit
