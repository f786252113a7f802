// SPDX-License-Identifier: Apache-2.0
// Products of the beats of one plane, for the target that is being compiled: included once for
// each.
#if defined(TERN_GOLDEN_PANELS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TERN_GOLDEN_PANELS_INL
#undef TERN_GOLDEN_PANELS_INL
#else
#define TERN_GOLDEN_PANELS_INL
#endif

#include <hwy/cache_control.h>

#include <array>
#include <cstring>
#include <utility>

#include "golden/vectors-inl.hpp"

#if HWY_TARGET != HWY_SCALAR
TERN_BEFORE_NAMESPACE();
namespace tern::golden::HWY_NAMESPACE {

using spec::kTritsPerByte;

constexpr std::size_t kLanes = hn::MaxLanes(I32());
constexpr std::size_t kVector = hn::MaxLanes(U8());

/// The bytes of one plane of a row block that one group of columns has, or every other vector of
/// them where beats are longer than vectors.
struct Panel {
  const uint8_t* data;
  std::size_t vectors;
  std::size_t pitch;       ///< Bytes from a vector to the next one of its beats.
  std::size_t beat_pitch;  ///< Bytes from a beat to the next one.
  std::size_t ahead;  ///< Bytes from a vector to what is fetched meanwhile, maybe beyond the end.
  const int8_t* x;
  std::size_t x_pitch;
  Words x_sum;  ///< Of the whole group, or 0.
};

/// step(bytes of the first of the beats at some columns, x of these).
template <std::size_t kBeats, typename Step>
HWY_INLINE void ForVectors(const Panel& p, std::size_t first, Step step) {
  const uint8_t* at = p.data + first * p.beat_pitch;
  const uint8_t* ahead = p.data + p.ahead + first * p.vectors * kVector;
  const int8_t* x = p.x;
  const std::size_t pitch = p.pitch, x_pitch = p.x_pitch;
  std::size_t left = p.vectors;
  do {
    for (std::size_t b = 0; b < kBeats; ++b, ahead += kVector) hwy::Prefetch(ahead);
    step(at, hn::BitCast(U8(), hn::Load(hn::ScalableTag<int8_t>(), x)));
    at += pitch;
    x += x_pitch;
  } while (--left != 0);
}

/// Written out, as gcc would clear an array in memory.
template <std::size_t... i>
HWY_INLINE std::array<Words, sizeof...(i)> Zeros(std::index_sequence<i...>) {
  return {((void)i, hn::Zero(I32()))...};
}

HWY_INLINE void AddTo(int32_t* total, Words sum, int32_t factor) {
  const I32 d;
  hn::Store(hn::Add(hn::Load(d, total), hn::Mul(sum, hn::Set(d, factor))), d, total);
}

/// Adds the products of kBeats beats, lane by lane, times the factor of each row, to totals.
///
/// Plane layout: a trit is floor(code / 3^k) - 3 floor(code / 3^(k+1)) - 1, so that the sums of
/// trits times x follow from those of quotients times x. All sums are modulo 2^32, the last ones
/// are in range.
template <std::size_t kBeats>
void AddPlane(const Panel& p, std::size_t first, const int32_t* factors, int32_t* totals) {
  auto sums = Zeros(std::make_index_sequence<kBeats * kTritsPerByte>());
  const std::size_t beat_pitch = p.beat_pitch;
  ForVectors<kBeats>(p, first, [&](const uint8_t* at, Bytes x) {
    for (std::size_t b = 0; b < kBeats; ++b) {
      const uint8_t* beat = at + b * beat_pitch;
      const Bytes codes = Legal(hn::LoadU(U8(), beat));
      const Quotients q = Divide(codes);
      sums[b * kTritsPerByte + 0] = DotWide(sums[b * kTritsPerByte + 0], codes, x);
      sums[b * kTritsPerByte + 1] = Dot(sums[b * kTritsPerByte + 1], q.by_3, x);
      sums[b * kTritsPerByte + 2] = Dot(sums[b * kTritsPerByte + 2], q.by_9, x);
      sums[b * kTritsPerByte + 3] = Dot(sums[b * kTritsPerByte + 3], q.by_27, x);
      sums[b * kTritsPerByte + 4] = Dot(sums[b * kTritsPerByte + 4], q.by_81, x);
    }
  });
  for (std::size_t b = 0; b < kBeats; ++b) {
    for (uint32_t i = 0; i < kTritsPerByte; ++i) {
      Words trits = hn::Sub(sums[b * kTritsPerByte + i], p.x_sum);
      if (i + 1 < kTritsPerByte) {
        const Words next = sums[b * kTritsPerByte + i + 1];
        trits = hn::Sub(trits, hn::Add(next, hn::Add(next, next)));
      }
      const std::size_t row = (first + b) * kTritsPerByte + i;
      AddTo(totals + row * kLanes, trits, factors[row]);
    }
  }
}

template <std::size_t kBeats>
void AddValue(const Panel& p, std::size_t first, const int32_t* factors, int32_t* totals) {
  auto sums = Zeros(std::make_index_sequence<kBeats>());
  const std::size_t beat_pitch = p.beat_pitch;
  ForVectors<kBeats>(p, first, [&](const uint8_t* at, Bytes x) {
    for (std::size_t b = 0; b < kBeats; ++b) {
      const uint8_t* beat = at + b * beat_pitch;
      sums[b] = DotWide(sums[b], Legal(hn::LoadU(U8(), beat)), x);
    }
  });
  const Words centre = hn::Mul(p.x_sum, hn::Set(I32(), static_cast<int32_t>(spec::kValueMax)));
  for (std::size_t b = 0; b < kBeats; ++b) {
    const std::size_t row = first + b;
    AddTo(totals + row * kLanes, hn::Sub(sums[b], centre), factors[row]);
  }
}

/// Bit i of a byte times x is 2^i times the part of the sum that belongs to row i.
void AddSign(const Panel& p, std::size_t first, const int32_t* factors, int32_t* totals) {
  auto sums = Zeros(std::make_index_sequence<8>());
  ForVectors<1>(p, first, [&](const uint8_t* at, Bytes x) {
    const Bytes signs = hn::LoadU(U8(), at);
    for (int i = 0; i < 8; ++i)
      sums[i] = Dot(sums[i], hn::And(signs, hn::Set(U8(), static_cast<uint8_t>(1 << i))), x);
  });
  for (int i = 0; i < 8; ++i) {
    const std::size_t row = first * 8 + static_cast<std::size_t>(i);
    const Words positive = hn::ShiftRightSame(sums[i], i);
    AddTo(totals + row * kLanes, hn::Sub(hn::Add(positive, positive), p.x_sum), factors[row]);
  }
}

/// The beats of one plane of some tiles as lines of whole vectors, for beats that are shorter than
/// a vector.
template <std::size_t kColumns>
void Untile(const uint8_t* data, std::size_t tiles, std::size_t tile_pitch, std::size_t beats,
            std::size_t stride, uint8_t* lines) {
  for (std::size_t tile = 0; tile < tiles; ++tile, data += tile_pitch, lines += kColumns)
    for (std::size_t b = 0; b < beats; ++b)
      std::memcpy(lines + b * stride, data + b * kColumns, kColumns);
}

}  // namespace tern::golden::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif
