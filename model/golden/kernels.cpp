#include "golden/kernels.hpp"

#include <hwy/cache_control.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "spec/numerics/group_scale.hpp"
#include "spec/numerics/t5.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "golden/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tern::golden::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR  // its vectors are too short to be taken apart

void MultiplyBeats(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                   int32_t* out) {
  multiply_beats_scalar(beats, shape, x, out);
}

#else

/// What a product needs beside the beats. Columns are padded to whole vectors; x is 0 there.
struct Work {
  std::size_t stride = 0;  ///< padded columns
  std::vector<int16_t> x;  ///< by vectors of codes: x of its even columns, then of its odd ones
  int32_t x_sum = 0;
  std::vector<int32_t> start;  ///< -121 x, summed by the lanes to which its columns go
  std::vector<uint8_t> codes;  ///< of one plane of a row block: [stripe][stride]
};

Work Prepare(const spec::MatrixShape& shape, const int8_t* x) {
  const hn::ScalableTag<int16_t> d16;
  const hn::Repartition<int8_t, decltype(d16)> d8;
  const std::size_t half = hn::Lanes(d16);
  Work w;
  const std::size_t columns = std::size_t{shape.tiles()} * shape.columns;
  w.stride = spec::align_up(columns, 2 * half);
  w.codes.assign(w.stride * std::min(shape.block, shape.stripes), spec::kT5Zero);
  std::vector<int8_t> padded(w.stride);
  std::copy(x, x + shape.cols, padded.begin());
  w.x.resize(w.stride);
  for (std::size_t i = 0; i < w.stride; i += 2 * half) {
    const auto pairs = hn::BitCast(d16, hn::LoadU(d8, &padded[i]));
    hn::StoreU(hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), d16, &w.x[i]);
    hn::StoreU(hn::ShiftRight<8>(pairs), d16, &w.x[i + half]);
  }
  for (uint32_t c = 0; c < shape.cols; ++c) w.x_sum += x[c];
  const hn::Repartition<int32_t, decltype(d16)> d32;
  const auto centre = hn::Set(d16, static_cast<int16_t>(-static_cast<int>(spec::kT5Zero)));
  auto a = hn::Zero(d32), b = a;
  for (std::size_t i = 0; i < w.stride; i += half)
    a = hn::ReorderWidenMulAccumulate(d32, centre, hn::LoadU(d16, &w.x[i]), a, b);
  w.start.resize(hn::Lanes(d32));
  hn::StoreU(hn::Add(a, b), d32, w.start.data());
  return w;
}

/// The beats of one plane of a row block, in stream order, to one line of codes a stripe.
template <std::size_t kColumns>
void Untile(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t stripes, Work& w) {
  for (uint32_t tile = 0; tile < shape.tiles(); ++tile) {
    uint8_t* to = w.codes.data() + tile * kColumns;
    for (uint32_t s = 0; s < stripes; ++s, beats += kColumns, to += w.stride)
      std::memcpy(to, beats, kColumns);
    beats += std::size_t{stripes} * (shape.planes - 1) * kColumns;
  }
}

void Untile(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t stripes, Work& w) {
  switch (shape.columns) {
    case 8:
      return Untile<8>(beats, shape, stripes, w);
    case 16:
      return Untile<16>(beats, shape, stripes, w);
    case 32:
      return Untile<32>(beats, shape, stripes, w);
    default:
      return Untile<64>(beats, shape, stripes, w);
  }
}

/// sums[k] = sum of floor(code / 3^k) * x for k < kDigits, but of code - 121 for k = 0, as the
/// other sum could leave int32. A trit is floor(code / 3^k) - 3 floor(code / 3^(k+1)) - 1, so the
/// sums of the trits follow from these, and a quotient costs one multiplication. Meanwhile as much
/// is fetched from `ahead` on, which may lie beyond the beats.
template <int kDigits>
void Quotients(const uint8_t* codes, const uint8_t* ahead, const Work& w, uint32_t* sums) {
  const hn::ScalableTag<int16_t> d16;
  const hn::ScalableTag<uint16_t> du16;
  const hn::Repartition<uint8_t, decltype(du16)> du8;
  const hn::Repartition<int32_t, decltype(d16)> d32;
  const std::size_t half = hn::Lanes(d16);
  const auto last = hn::Set(du8, static_cast<uint8_t>(spec::kT5Codes - 1));
  const auto zero = hn::Set(du8, static_cast<uint8_t>(spec::kT5Zero));
  const auto low = hn::Set(du16, uint16_t{0xff});
  // floor(code * m / 2^16) is the quotient for all codes.
  const auto by_3 = hn::Set(du16, uint16_t{21846});
  const auto by_9 = hn::Set(du16, uint16_t{7282});
  const auto by_27 = hn::Set(du16, uint16_t{2428});
  const auto by_81 = hn::Set(du16, uint16_t{810});
  auto a1 = hn::Zero(d32), a2 = a1, a3 = a1, a4 = a1;
  auto b0 = a1, b1 = a1, b2 = a1, b3 = a1, b4 = a1;
  auto a0 = hn::LoadU(d32, w.start.data());
  const auto add = [&](auto code, const int16_t* at) {
    const auto x = hn::LoadU(d16, at);
    const auto dot = [&](auto q, auto& a, auto& b) {
      a = hn::ReorderWidenMulAccumulate(d32, hn::BitCast(d16, q), x, a, b);
    };
    dot(code, a0, b0);
    if constexpr (kDigits > 1) {
      dot(hn::MulHigh(code, by_3), a1, b1);
      dot(hn::MulHigh(code, by_9), a2, b2);
      dot(hn::MulHigh(code, by_27), a3, b3);
      dot(hn::MulHigh(code, by_81), a4, b4);
    }
  };
  for (std::size_t i = 0; i < w.stride; i += 2 * half) {
    hwy::Prefetch(ahead + i);
    auto code = hn::LoadU(du8, codes + i);
    code = hn::IfThenElse(hn::Gt(code, last), zero, code);
    const auto pairs = hn::BitCast(du16, code);
    add(hn::And(pairs, low), &w.x[i]);
    add(hn::ShiftRight<8>(pairs), &w.x[i + half]);
  }
  const auto total = [&](auto a, auto b) {
    return static_cast<uint32_t>(hn::GetLane(hn::SumOfLanes(d32, hn::Add(a, b))));
  };
  sums[0] = total(a0, b0);
  if constexpr (kDigits > 1) {
    sums[1] = total(a1, b1);
    sums[2] = total(a2, b2);
    sums[3] = total(a3, b3);
    sums[4] = total(a4, b4);
  }
}

void MultiplyBeats(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                   int32_t* out) {
  Work w = Prepare(shape, x);
  const bool value = shape.layout == spec::Layout::kValue;
  const uint32_t height = shape.rows_per_stripe();
  const uint32_t stripes = std::min(shape.stripes, spec::ceil_div(shape.rows, height));
  std::fill(out, out + shape.rows, 0);
  for (uint32_t first = 0; first < stripes; first += shape.block) {
    const uint32_t length = std::min(shape.block, shape.stripes - first);
    const uint32_t used = std::min(length, stripes - first);
    for (uint32_t plane = 0; plane < shape.planes; ++plane) {
      Untile(beats + shape.offset(first, 0, plane), shape, length, w);
      const uint8_t* ahead =  // the next row block
          beats + shape.offset(first, 0, plane) + length * w.stride;
      for (uint32_t s = 0; s < used; ++s) {
        const uint8_t* codes = w.codes.data() + s * w.stride;
        int32_t* rows = out + std::size_t{first + s} * height;
        uint32_t sums[spec::kTritsPerByte + 1] = {};
        if (value) {
          Quotients<1>(codes, ahead + s * w.stride, w, sums);
          *rows = static_cast<int32_t>(sums[0]);
          continue;
        }
        Quotients<spec::kTritsPerByte>(codes, ahead + s * w.stride, w, sums);
        sums[0] += spec::kT5Zero * static_cast<uint32_t>(w.x_sum);
        const uint32_t valid = std::min(height, shape.rows - (first + s) * height);
        for (uint32_t i = 0; i < valid; ++i) {
          const uint32_t dot = sums[i] - 3 * sums[i + 1] - static_cast<uint32_t>(w.x_sum);
          rows[i] += static_cast<int32_t>(dot) * spec::kPow3[plane];
        }
      }
    }
  }
}

#endif

int32_t DotCodes(const uint8_t* code, const int8_t* x, int n) {
  const hn::ScalableTag<int32_t> d32;
  const hn::ScalableTag<int16_t> d16;
  const hn::Rebind<int8_t, decltype(d16)> d8;
  const hn::Rebind<uint8_t, decltype(d16)> du8;
  const int lanes = static_cast<int>(hn::Lanes(d16));
  const auto bias = hn::Set(d16, static_cast<int16_t>(spec::kValueMax));
  auto sum0 = hn::Zero(d32);
  auto sum1 = hn::Zero(d32);
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto value = hn::Sub(hn::PromoteTo(d16, hn::LoadU(du8, code + i)), bias);
    const auto wide_x = hn::PromoteTo(d16, hn::LoadU(d8, x + i));
    sum0 = hn::ReorderWidenMulAccumulate(d32, value, wide_x, sum0, sum1);
  }
  int32_t sum = hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum0, sum1)));
  for (; i < n; ++i)
    sum += (static_cast<int32_t>(code[i]) - static_cast<int32_t>(spec::kValueMax)) * x[i];
  return sum;
}

}  // namespace tern::golden::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tern::golden {

int32_t weight_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row,
                  uint32_t col) {
  if (shape.layout == spec::Layout::kValue)
    return spec::t5_decode_value(beats[shape.offset(row, col)]);
  if (shape.layout == spec::Layout::kSign)
    return beats[shape.sign_offset(row, col)] >> spec::MatrixShape::row_bit(row) & 1 ? 1 : -1;
  int32_t weight = 0;
  for (uint32_t plane = 0; plane < shape.planes; ++plane) {
    const uint8_t code = beats[shape.offset(row / spec::kTritsPerByte, col, plane)];
    weight += spec::t5_decode(code).t[row % spec::kTritsPerByte] * spec::kPow3[plane];
  }
  return weight;
}

uint32_t scale_at(const uint8_t* beats, const spec::MatrixShape& shape, uint32_t row,
                  uint32_t col) {
  if (shape.group == spec::Group::kNone) return 1;
  uint64_t word = 0;
  std::memcpy(&word, beats + shape.scale_offset(row / spec::kTritsPerByte, col), sizeof word);
  return spec::scale_of(word, row % spec::kTritsPerByte);
}

HWY_EXPORT(MultiplyBeats);
HWY_EXPORT(DotCodes);

void multiply_beats(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                    int32_t* out) {
  if (shape.group != spec::Group::kNone || shape.layout == spec::Layout::kSign)
    return multiply_grouped_scalar(beats, shape, x, out);
  HWY_DYNAMIC_DISPATCH(MultiplyBeats)(beats, shape, x, out);
}

void multiply_beats_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                           int32_t* out) {
  const uint32_t height = shape.rows_per_stripe();
  std::fill(out, out + shape.rows, 0);
  for (uint32_t row = 0; row < shape.rows; row += height) {
    for (uint32_t plane = 0; plane < shape.planes; ++plane) {
      for (uint32_t c = 0; c < shape.cols; ++c) {
        const uint8_t code = beats[shape.offset(row / height, c, plane)];
        if (height == 1) {
          out[row] += spec::t5_decode_value(code) * x[c];
          continue;
        }
        const spec::Trits trits = spec::t5_decode(code);
        for (uint32_t i = 0; i < height && row + i < shape.rows; ++i)
          out[row + i] += trits.t[i] * spec::kPow3[plane] * x[c];
      }
    }
  }
}

namespace {

/// Sum of w * x over columns [begin, end) of a row of signs.
int32_t dot_signs(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                  uint32_t row, uint32_t begin, uint32_t end) {
  const uint32_t bit = spec::MatrixShape::row_bit(row);
  int32_t sum = 0;
  for (uint32_t tile = begin; tile < end; tile += shape.columns) {
    const uint8_t* line = beats + shape.sign_offset(row, tile);
    const uint32_t live = std::min(shape.columns, end - tile);
    for (uint32_t i = 0; i < live; ++i) sum += line[i] >> bit & 1 ? x[tile + i] : -x[tile + i];
  }
  return sum;
}

/// The same of a row of planes.
int32_t dot_planes(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                   uint32_t row, uint32_t begin, uint32_t end) {
  const uint32_t stripe = row / spec::kTritsPerByte, digit = row % spec::kTritsPerByte;
  int32_t sum = 0;
  for (uint32_t tile = begin; tile < end; tile += shape.columns) {
    const uint32_t live = std::min(shape.columns, end - tile);
    for (uint32_t plane = 0; plane < shape.planes; ++plane) {
      const uint8_t* line = beats + shape.offset(stripe, tile, plane);
      for (uint32_t i = 0; i < live; ++i)
        sum += spec::t5_decode(line[i]).t[digit] * spec::kPow3[plane] * x[tile + i];
    }
  }
  return sum;
}

}  // namespace

void multiply_grouped_scalar(const uint8_t* beats, const spec::MatrixShape& shape, const int8_t* x,
                             int32_t* out) {
  const bool sign = shape.layout == spec::Layout::kSign;
  const uint32_t width =
      shape.group == spec::Group::kNone ? shape.cols : spec::group_columns(shape.group);
  for (uint32_t row = 0; row < shape.rows; ++row) {
    uint32_t sum = 0;  // what an image's maker must not allow wraps, as on the chip
    for (uint32_t begin = 0; begin < shape.cols; begin += width) {
      const uint32_t end = std::min(begin + width, shape.cols);
      const int32_t dot = sign ? dot_signs(beats, shape, x, row, begin, end)
                               : dot_planes(beats, shape, x, row, begin, end);
      sum += static_cast<uint32_t>(dot) * scale_at(beats, shape, row, begin);
    }
    out[row] = static_cast<int32_t>(sum);
  }
}

int32_t dot_codes(const uint8_t* code, const int8_t* x, int n) {
  return HWY_DYNAMIC_DISPATCH(DotCodes)(code, x, n);
}

int32_t dot_codes_scalar(const uint8_t* code, const int8_t* x, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; ++i) sum += spec::t5_decode_value(code[i]) * x[i];
  return sum;
}

}  // namespace tern::golden
#endif
