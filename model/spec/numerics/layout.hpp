#pragma once

#include "spec/generated/spec.hpp"

/// Where the bytes of a matrix lie in memory.
/// A stripe is five neighbouring rows (plane layout) or one row (value layout); a tile is C
/// columns; a beat is one stripe of one tile of one plane. The engine streams: for each row block,
/// for each tile, for each plane, for each stripe of the block: one beat.
namespace tern::spec {

constexpr uint32_t ceil_div(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }
constexpr uint64_t align_up(uint64_t v, uint64_t unit) { return (v + unit - 1) / unit * unit; }

struct MatrixShape {
  uint32_t rows = 0;  ///< Valid rows.
  uint32_t cols = 0;  ///< Valid columns.
  uint32_t stripes =
      0;  ///< Stripes streamed; more than the rows need when rows are filled in later (K cache).
  uint32_t block = 0;   ///< Stripes of a row block; the last block may be shorter.
  uint32_t planes = 1;  ///< 1 in the value layout.
  Layout layout = Layout::kPlane;
  uint32_t columns = 64;  ///< C

  constexpr uint32_t tiles() const { return ceil_div(cols, columns); }
  constexpr uint64_t beats() const { return static_cast<uint64_t>(tiles()) * planes * stripes; }
  constexpr uint64_t bytes() const { return beats() * columns; }
  constexpr uint32_t rows_per_stripe() const {
    return layout == Layout::kPlane ? kTritsPerByte : 1;
  }

  /// Byte that holds column `col` of plane `plane` of stripe `stripe`.
  constexpr uint64_t offset(uint32_t stripe, uint32_t col, uint32_t plane = 0) const {
    const uint32_t first = stripe / block * block;
    const uint32_t length = stripes - first < block ? stripes - first : block;
    const uint64_t beat = static_cast<uint64_t>(first) * tiles() * planes +
                          static_cast<uint64_t>(col / columns * planes + plane) * length +
                          (stripe - first);
    return beat * columns + col % columns;
  }
};

constexpr MatrixShape shape_of(const MatrixDescriptor& m, uint32_t columns) {
  return {m.rows, m.cols, m.stripes, m.block, m.planes, static_cast<Layout>(m.layout), columns};
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
static_assert(kv_scale_bytes(16) == 64 && kv_scale_bytes(17) == 128);

}  // namespace tern::spec
