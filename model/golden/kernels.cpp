// SPDX-License-Identifier: Apache-2.0
#include "golden/kernels.hpp"

#include <algorithm>

#include "golden/scales.hpp"
#include "spec/numerics/group_scale.hpp"
#include "spec/numerics/t5.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "golden/kernels.cpp"
#include <hwy/foreach_target.h>

#include "golden/panels-inl.hpp"

TERN_BEFORE_NAMESPACE();
namespace tern::golden::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR  // its vectors are too short to be taken apart

Operand MakeOperand(const spec::MatrixShape& shape, const int8_t* x) {
  Operand o;
  o.x = hwy::AllocateAligned<int8_t>(shape.cols);
  std::copy_n(x, shape.cols, o.x.get());
  return o;
}

void MultiplyBlocks(const uint8_t* beats, const spec::MatrixShape& shape, const Operand& x,
                    uint32_t first, uint32_t count, int32_t* out) {
  const uint32_t rows = shape.block * shape.rows_per_stripe();
  multiply_rows_scalar(beats, shape, x.x.get(), first * rows,
                       std::min((first + count) * rows, shape.rows), out);
}

#else

using spec::Layout;

Operand MakeOperand(const spec::MatrixShape& shape, const int8_t* x) {
  const uint32_t groups = std::max(shape.groups(), 1u);
  const uint32_t width =
      shape.groups() != 0 ? spec::group_columns(shape.group) : shape.tiles() * shape.columns;
  Operand o;
  o.stride = spec::align_up(width, kVector);
  o.x = hwy::AllocateAligned<int8_t>(groups * o.stride);
  o.sums = hwy::AllocateAligned<int32_t>(groups * kLanes);
  std::fill_n(o.x.get(), groups * o.stride, int8_t{0});
  const auto ones = hn::Set(U8(), uint8_t{1});
  for (uint32_t g = 0; g < groups; ++g) {
    int8_t* line = o.x.get() + g * o.stride;
    std::copy_n(x + g * width, std::min(width, shape.cols - g * width), line);
    auto sum = hn::Zero(I32());
    for (std::size_t i = 0; i < o.stride; i += kVector)
      sum = Dot(sum, ones, hn::BitCast(U8(), hn::Load(hn::ScalableTag<int8_t>(), line + i)));
    hn::Store(sum, I32(), o.sums.get() + g * kLanes);
  }
  return o;
}

/// Multiplies row blocks of a matrix.
class Multiplier {
 public:
  Multiplier(const spec::MatrixShape& shape, const Operand& x)
      : shape_(shape), x_(x), columns_(shape.columns) {
    const std::size_t longest = std::min(shape.block, shape.stripes);
    const std::size_t rows = longest * shape.rows_per_stripe();
    totals_ = hwy::AllocateAligned<int32_t>(rows * kLanes);
    factors_ = hwy::AllocateAligned<int32_t>(rows);
    lines_ = hwy::AllocateAligned<uint8_t>(shape.tile_beats(shape.block_length(0)) * x.stride);
  }

  /// at: the first beat of the block that begins with `stripe`. goes_on: what follows it is mostly
  /// wanted next.
  void block(const uint8_t* at, uint32_t stripe, bool goes_on, int32_t* out) {
    const uint32_t height = shape_.rows_per_stripe();
    const uint32_t length = shape_.block_length(stripe);
    rows_ = std::min(length * height, shape_.rows - stripe * height);
    const uint32_t rows_per_beat = shape_.layout == Layout::kSign ? 8 : height;
    beats_ = spec::ceil_div(rows_, rows_per_beat);
    rows_in_beats_ = beats_ * rows_per_beat;
    tile_bytes_ = shape_.tile_beats(length) * columns_;
    ahead_ = goes_on ? shape_.block_beats(length) * columns_ : 0;
    std::fill_n(totals_.get(), rows_in_beats_ * kLanes, 0);
    const uint32_t groups = std::max(shape_.groups(), 1u);
    const std::size_t width =
        shape_.groups() != 0 ? spec::group_columns(shape_.group) / shape_.columns : shape_.tiles();
    for (uint32_t g = 0; g < groups; ++g) {
      const uint8_t* scales = at;
      at += shape_.scale_beats(length) * columns_;
      const std::size_t tiles = std::min(width, shape_.tiles() - g * width);
      for (uint32_t plane = 0; plane < shape_.planes; ++plane) {
        set_factors(scales, spec::kPow3[plane]);
        this->plane(at + plane * tile_bytes_, tiles, g);
      }
      at += tiles * shape_.planes * tile_bytes_;
    }
    reduce(out + stripe * height);
  }

 private:
  void reduce(int32_t* out) const {
    const auto total = [&](uint32_t row) { return hn::Load(I32(), &totals_[row * kLanes]); };
    uint32_t r = 0;
    for (; r + 4 <= rows_; r += 4)
      StoreSums(total(r), total(r + 1), total(r + 2), total(r + 3), out + r);
    for (; r < rows_; ++r) out[r] = hn::GetLane(hn::SumOfLanes(I32(), total(r)));
  }

  /// What each row's sums are multiplied with: the weight of the plane, and the group's scale.
  void set_factors(const uint8_t* scales, int32_t weight) {
    if (shape_.group == spec::Group::kNone) {
      std::fill_n(factors_.get(), rows_in_beats_, weight);
      return;
    }
    int32_t* factor = factors_.get();
    for (uint32_t r = 0; r < rows_in_beats_; r += kTritsPerByte, scales += spec::kScaleBytes) {
      const uint64_t word = scale_word_at(scales);
      for (uint32_t i = 0; i < kTritsPerByte; ++i)
        *factor++ = static_cast<int32_t>(spec::scale_of(word, i)) * weight;
    }
  }

  /// One plane of the tiles of a group.
  void plane(const uint8_t* data, std::size_t tiles, uint32_t group) {
    const std::size_t pitch = shape_.planes * tile_bytes_;
    const int8_t* x = &x_.x[group * x_.stride];
    Words x_sum = hn::Load(I32(), &x_.sums[group * kLanes]);
    if (columns_ < kVector) {
      untile(data, tiles, pitch);
      add({lines_.get(), x_.stride / kVector, kVector, x_.stride, 0, x, kVector, x_sum});
      return;
    }
    for (std::size_t i = 0; i < columns_; i += kVector, x_sum = hn::Zero(I32()))
      add({data + i, tiles, pitch, columns_, ahead_, x + i, columns_, x_sum});
  }

  void untile(const uint8_t* data, std::size_t tiles, std::size_t pitch) {
    switch (columns_) {
      case 8:
        return Untile<8>(data, tiles, pitch, beats_, x_.stride, lines_.get());
      case 16:
        return Untile<16>(data, tiles, pitch, beats_, x_.stride, lines_.get());
      default:
        return Untile<32>(data, tiles, pitch, beats_, x_.stride, lines_.get());
    }
  }

  void add(const Panel& p) {
    const int32_t* factors = factors_.get();
    int32_t* totals = totals_.get();
    std::size_t b = 0;
    switch (shape_.layout) {
      case Layout::kPlane:
        for (; b + 2 <= beats_; b += 2) AddPlane<2>(p, b, factors, totals);
        for (; b < beats_; ++b) AddPlane<1>(p, b, factors, totals);
        return;
      case Layout::kValue:
        for (; b + 8 <= beats_; b += 8) AddValue<8>(p, b, factors, totals);
        for (; b < beats_; ++b) AddValue<1>(p, b, factors, totals);
        return;
      case Layout::kSign:
        for (; b < beats_; ++b) AddSign(p, b, factors, totals);
        return;
    }
  }

  const spec::MatrixShape& shape_;
  const Operand& x_;
  const std::size_t columns_;
  uint32_t rows_ = 0;   ///< Valid ones of the block.
  uint32_t beats_ = 0;  ///< That hold them, in one plane of a tile.
  std::size_t rows_in_beats_ = 0;
  std::size_t tile_bytes_ = 0;  ///< Of one plane of a tile of the block.
  std::size_t ahead_ = 0;
  hwy::AlignedFreeUniquePtr<int32_t[]> totals_;   ///< [rows of a block][lanes]
  hwy::AlignedFreeUniquePtr<int32_t[]> factors_;  ///< [rows of a block]
  hwy::AlignedFreeUniquePtr<uint8_t[]> lines_;    ///< [beats][stride]
};

void MultiplyBlocks(const uint8_t* beats, const spec::MatrixShape& shape, const Operand& x,
                    uint32_t first, uint32_t count, int32_t* out) {
  Multiplier multiplier(shape, x);
  const uint64_t bytes = shape.block_beats(shape.block) * shape.columns;
  for (uint32_t block = first; block < first + count; ++block)
    multiplier.block(beats + block * bytes, block * shape.block,
                     block + 1 < first + count || block + 1 == row_blocks(shape), out);
}

#endif

}  // namespace tern::golden::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tern::golden {

HWY_EXPORT(MakeOperand);
HWY_EXPORT(MultiplyBlocks);

Operand make_operand(const spec::MatrixShape& shape, const int8_t* x) {
  return HWY_DYNAMIC_DISPATCH(MakeOperand)(shape, x);
}

void multiply_blocks(const uint8_t* beats, const spec::MatrixShape& shape, const Operand& x,
                     uint32_t first, uint32_t count, int32_t* out) {
  HWY_DYNAMIC_DISPATCH(MultiplyBlocks)(beats, shape, x, first, count, out);
}

}  // namespace tern::golden
#endif
