// SPDX-License-Identifier: Apache-2.0
// Vector operations of the golden model's kernels, for the target that is being compiled: no
// include guard of the usual kind.
#if defined(TERN_GOLDEN_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef TERN_GOLDEN_VECTORS_INL
#undef TERN_GOLDEN_VECTORS_INL
#else
#define TERN_GOLDEN_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "spec/numerics/t5.hpp"

// Highway 1.0 leaves out AVX512_VNNI, which it has made sure of.
#undef TERN_BEFORE_NAMESPACE
#if HWY_TARGET == HWY_AVX3_DL
#define TERN_BEFORE_NAMESPACE()                     \
  HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni") \
  static_assert(true, "For requiring trailing semicolon")
#else
#define TERN_BEFORE_NAMESPACE() HWY_BEFORE_NAMESPACE()
#endif

#if HWY_TARGET != HWY_SCALAR
TERN_BEFORE_NAMESPACE();
namespace tern::golden::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using U8 = hn::ScalableTag<uint8_t>;
using U16 = hn::Repartition<uint16_t, U8>;
using I16 = hn::Repartition<int16_t, U8>;
using I32 = hn::Repartition<int32_t, U8>;
using Bytes = hn::Vec<U8>;
using Words = hn::Vec<I32>;

/// sum + u * x, where the four products of a lane's bytes, unsigned times signed, are added up.
HWY_INLINE Words DotWide(Words sum, Bytes u, Bytes x) {
#if HWY_TARGET == HWY_AVX3_DL
  return Words{_mm512_dpbusd_epi32(sum.raw, u.raw, x.raw)};
#else
  const I16 d16;
  const I32 d32;
  const auto pairs = hn::BitCast(d16, x);
  const auto u_pairs = hn::BitCast(U16(), u);
  const auto even = hn::BitCast(d16, hn::And(u_pairs, hn::Set(U16(), uint16_t{0xff})));
  const auto odd = hn::BitCast(d16, hn::ShiftRight<8>(u_pairs));
  auto rest = hn::Zero(d32);
  sum = hn::ReorderWidenMulAccumulate(d32, even, hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), sum,
                                      rest);
  sum = hn::ReorderWidenMulAccumulate(d32, odd, hn::ShiftRight<8>(pairs), sum, rest);
  return hn::Add(sum, rest);
#endif
}

/// DotWide() of u up to 128.
HWY_INLINE Words Dot(Words sum, Bytes u, Bytes x) {
#if HWY_TARGET == HWY_AVX3
  const __m512i pairs = _mm512_maddubs_epi16(u.raw, x.raw);
  return hn::Add(sum, Words{_mm512_madd_epi16(pairs, _mm512_set1_epi16(1))});
#elif HWY_TARGET == HWY_AVX2
  const __m256i pairs = _mm256_maddubs_epi16(u.raw, x.raw);
  return hn::Add(sum, Words{_mm256_madd_epi16(pairs, _mm256_set1_epi16(1))});
#elif HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SSSE3
  const __m128i pairs = _mm_maddubs_epi16(u.raw, x.raw);
  return hn::Add(sum, Words{_mm_madd_epi16(pairs, _mm_set1_epi16(1))});
#else
  return DotWide(sum, u, x);
#endif
}

/// The sums of the lanes of four vectors, next to one another.
HWY_INLINE void StoreSums(Words a, Words b, Words c, Words d, int32_t* sums) {
  const I32 d32;
  const hn::Repartition<int64_t, I32> d64;
  // In each 128 bits: a, b, a, b and c, d, c, d, then a, b, c, d.
  const auto ab =
      hn::BitCast(d64, hn::Add(hn::InterleaveLower(d32, a, b), hn::InterleaveUpper(d32, a, b)));
  const auto cd =
      hn::BitCast(d64, hn::Add(hn::InterleaveLower(d32, c, d), hn::InterleaveUpper(d32, c, d)));
  const auto lower = hn::BitCast(d32, hn::InterleaveLower(d64, ab, cd));
  const auto upper = hn::BitCast(d32, hn::InterleaveUpper(d64, ab, cd));
  const auto fold = [](auto self, auto v) {
    constexpr std::size_t lanes = hn::MaxLanes(hn::DFromV<decltype(v)>());
    if constexpr (lanes == 4) {
      return v;
    } else {
      const hn::Half<hn::DFromV<decltype(v)>> half;
      return self(self, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
    }
  };
  hn::StoreU(fold(fold, hn::Add(lower, upper)), hn::FixedTag<int32_t, 4>(), sums);
}

/// Illegal codes count as zeros.
HWY_INLINE Bytes Legal(Bytes codes) {
  const auto last = hn::Set(U8(), static_cast<uint8_t>(spec::kT5Codes - 1));
  const auto zero = hn::Set(U8(), static_cast<uint8_t>(spec::kT5Zero));
  return hn::IfThenElse(hn::Gt(codes, last), zero, codes);
}

/// floor(n / 3^k) of legal codes, where kFactor / 2^16 is 3^-k, rounded up.
template <uint16_t kFactor>
HWY_INLINE Bytes Quotient(Bytes codes) {
  const U16 d16;
  const auto low = hn::Set(d16, uint16_t{0xff});
  const auto factor = hn::Set(d16, kFactor);
  const auto pairs = hn::BitCast(d16, codes);
  const auto even = hn::MulHigh(hn::And(pairs, low), factor);
  // The odd ones lie 8 bits higher, and so do their quotients.
  const auto odd = hn::MulHigh(hn::AndNot(low, pairs), factor);
  return hn::BitCast(U8(), hn::OrAnd(even, hn::Not(low), odd));
}

struct Quotients {
  Bytes by_3, by_9, by_27, by_81;
};

HWY_INLINE Quotients Divide(Bytes codes) {
#if HWY_TARGET == HWY_AVX3_DL
  struct Table {
    uint8_t of[128];
    constexpr explicit Table(int divisor) : of{} {
      for (int i = 0; i < 128; ++i) of[i] = static_cast<uint8_t>(i / divisor);
    }
  };
  alignas(64) static constexpr Table by_3(3), by_9(9), by_27(27);
  const Bytes third = Quotient<21846>(codes);
  const auto look_up = [&](const Table& table) {
    return Bytes{_mm512_permutex2var_epi8(_mm512_load_si512(table.of), third.raw,
                                          _mm512_load_si512(table.of + 64))};
  };
  return {third, look_up(by_3), look_up(by_9), look_up(by_27)};
#else
  return {Quotient<21846>(codes), Quotient<7282>(codes), Quotient<2428>(codes),
          Quotient<810>(codes)};
#endif
}

}  // namespace tern::golden::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
#endif
