// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spec/generated/spec.hpp"

/// Where the bytes of a matrix lie in memory.
/// A stripe is five neighbouring rows, or one row in the value layout; a tile is C columns; a beat
/// is one stripe of one tile of one plane, C bytes. The engine streams: for each row block, for
/// each tile, for each plane, for each stripe of the block: one beat.
///
/// In the layout Sign the eight stripes of forty rows are five beats of eight rows each, and
/// stripes and blocks are multiples of eight. With group scales, the scale words of the block's
/// stripes precede the first tile of each group, in order, padded to whole beats.
namespace tern::spec {

constexpr uint32_t ceil_div(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }
constexpr uint64_t align_up(uint64_t v, uint64_t unit) { return (v + unit - 1) / unit * unit; }

/// Stripes, rows and beats of the least that the layout Sign holds.
inline constexpr uint32_t kSignStripes = 8;
inline constexpr uint32_t kSignRows = kSignStripes * kTritsPerByte;
inline constexpr uint32_t kSignBeats = kSignRows / 8;

/// Columns that share a scale; 0: none do.
constexpr uint32_t group_columns(Group group) {
  return group == Group::kColumns64 ? 64 : group == Group::kColumns128 ? 128 : 0;
}

/// Stripes that so many rows fill.
constexpr uint32_t stripes_for(uint32_t rows, Layout layout) {
  if (layout == Layout::kValue) return rows;
  if (layout == Layout::kPlane) return ceil_div(rows, kTritsPerByte);
  return ceil_div(rows, kSignRows) * kSignStripes;
}

struct MatrixShape {
  uint32_t rows = 0;  ///< Valid rows.
  uint32_t cols = 0;  ///< Valid columns.
  uint32_t stripes =
      0;  ///< Stripes streamed; more than the rows need when rows are filled in later (K cache).
  uint32_t block = 0;   ///< Stripes of a row block; the last block may be shorter.
  uint32_t planes = 1;  ///< 1 in the layouts Value and Sign.
  Layout layout = Layout::kPlane;
  uint32_t columns = 64;  ///< C
  Group group = Group::kNone;

  constexpr uint32_t tiles() const { return ceil_div(cols, columns); }
  constexpr uint32_t rows_per_stripe() const {
    return layout == Layout::kValue ? 1 : kTritsPerByte;
  }
  /// Groups of columns, the last of which may be narrower; 0 without scales.
  constexpr uint32_t groups() const {
    return group == Group::kNone ? 0 : ceil_div(cols, group_columns(group));
  }

  /// Stripes of the row block that begins with stripe `first`.
  constexpr uint32_t block_length(uint32_t first) const {
    return stripes - first < block ? stripes - first : block;
  }
  /// Beats of one tile of one plane of a block of `length` stripes.
  constexpr uint32_t tile_beats(uint32_t length) const {
    return layout == Layout::kSign ? length / kSignStripes * kSignBeats : length;
  }
  /// Beats of the scale words of a block of `length` stripes, for each group.
  constexpr uint32_t scale_beats(uint32_t length) const {
    return group == Group::kNone ? 0 : ceil_div(length * kScaleBytes, columns);
  }
  constexpr uint64_t block_beats(uint32_t length) const {
    return uint64_t{tiles()} * planes * tile_beats(length) +
           uint64_t{groups()} * scale_beats(length);
  }
  constexpr uint64_t beats() const {
    if (block == 0) return 0;
    const uint32_t rest = stripes % block;
    return stripes / block * block_beats(block) + (rest != 0 ? block_beats(rest) : 0);
  }
  constexpr uint64_t bytes() const { return beats() * columns; }

  /// Byte that holds column `col` of plane `plane` of stripe `stripe`. Layout Sign: the byte of the
  /// stripe's first row; see sign_offset().
  constexpr uint64_t offset(uint32_t stripe, uint32_t col, uint32_t plane = 0) const {
    const uint32_t first = stripe / block * block;
    const uint32_t in_block = stripe - first;
    const uint32_t beat_in_tile = layout == Layout::kSign ? in_block * kTritsPerByte / 8 : in_block;
    const uint32_t length = block_length(first);
    const uint64_t beat = first / block * block_beats(block) + group_scale_beats(col, length) +
                          uint64_t{col / columns * planes + plane} * tile_beats(length) +
                          beat_in_tile;
    return beat * columns + col % columns;
  }
  /// Layout Sign: byte that holds column `col` of row `row`, in bit row_bit(row).
  constexpr uint64_t sign_offset(uint32_t row, uint32_t col) const {
    const uint32_t set = row / kSignRows * kSignStripes;
    return offset(set, col) + uint64_t{row % kSignRows / 8} * columns;
  }
  static constexpr uint32_t row_bit(uint32_t row) { return row % kSignRows % 8; }
  /// First byte of the scale word of stripe `stripe` for the group of column `col`.
  constexpr uint64_t scale_offset(uint32_t stripe, uint32_t col) const {
    const uint32_t first = stripe / block * block;
    const uint32_t length = block_length(first);
    const uint32_t width = group_columns(group);
    const uint64_t tile = col / width * width / columns;
    const uint64_t beat = first / block * block_beats(block) + tile * planes * tile_beats(length) +
                          uint64_t{col / width} * scale_beats(length);
    return beat * columns + uint64_t{stripe - first} * kScaleBytes;
  }

 private:
  /// Beats of scales of a block before column `col`.
  constexpr uint64_t group_scale_beats(uint32_t col, uint32_t length) const {
    return group == Group::kNone ? 0
                                 : uint64_t{col / group_columns(group) + 1} * scale_beats(length);
  }
};

constexpr MatrixShape shape_of(const MatrixDescriptor& m, uint32_t columns) {
  return {m.rows,    m.cols,
          m.stripes, m.block,
          m.planes,  static_cast<Layout>(m.layout),
          columns,   static_cast<Group>(m.group)};
}

/// Whether a vector that a model may do without is there.
constexpr bool present(const VectorDescriptor& v) { return v.count != 0; }

/// The K cache of one head: tokens are rows, in row blocks of key_block tokens, streamed in whole
/// blocks.
constexpr MatrixShape key_cache_shape(uint32_t tokens, uint32_t head_dim, uint32_t key_block,
                                      uint32_t columns) {
  return {tokens,         head_dim, ceil_div(tokens, key_block) * key_block, key_block, 1,
          Layout::kValue, columns};
}

/// The V cache of one head: head dimensions are rows, tokens are columns, one row block.
constexpr MatrixShape value_cache_shape(uint32_t tokens, uint32_t head_dim, uint32_t columns) {
  return {head_dim, tokens, head_dim, head_dim, 1, Layout::kValue, columns};
}

/// The scales of one head's keys, or values, in one layer: int32 [context] in whole units of
/// addresses.
constexpr uint64_t kv_scale_bytes(uint32_t context) {
  return align_up(uint64_t{4} * context, kAddrUnit);
}

static_assert(MatrixShape{12, 100, 3, 2, 1, Layout::kPlane, 64}.beats() == 6);
static_assert(MatrixShape{12, 100, 3, 2, 1, Layout::kPlane, 64}.offset(1, 70) == 3 * 64 + 6);
static_assert(MatrixShape{12, 100, 3, 2, 1, Layout::kPlane, 64}.offset(2, 70) == 5 * 64 + 6);
static_assert(MatrixShape{12, 100, 3, 2, 2, Layout::kPlane, 64}.offset(1, 0, 1) == 3 * 64);
// 40 rows, 200 columns, groups of 128: a beat of scales, two tiles of five beats, a beat of scales,
// two tiles.
namespace layout_examples {
inline constexpr MatrixShape kSigns{40, 200, 8, 8, 1, Layout::kSign, 64, Group::kColumns128};
static_assert(kSigns.beats() == 2 + 4 * 5 && kSigns.groups() == 2);
static_assert(kSigns.scale_offset(3, 130) == 11 * 64 + 3 * 8);
static_assert(kSigns.sign_offset(39, 64) == (1 + 5 + 4) * 64 && MatrixShape::row_bit(39) == 7);
inline constexpr MatrixShape kPlanes{50, 64, 10, 8, 2, Layout::kPlane, 8, Group::kColumns64};
static_assert(kPlanes.block_beats(8) == 8 * 2 * 8 + 8 && kPlanes.beats() == 136 + 34);
static_assert(kPlanes.offset(9, 8, 1) == (136 + 2 + 3 * 2 + 1) * 8);
static_assert(kPlanes.scale_offset(9, 63) == (136 + 1) * 8);
}  // namespace layout_examples
static_assert(kv_scale_bytes(16) == 64 && kv_scale_bytes(17) == 128);

}  // namespace tern::spec
