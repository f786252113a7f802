#include "golden/kernels.hpp"

#include "spec/numerics/dot.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "golden/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tern::golden::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// int8 products are taken in int16 pairs and summed in int32; |w * x| <= 121 * 128 fits int16.
int32_t Dot(const int8_t* w, const int8_t* x, int n) {
  const hn::ScalableTag<int32_t> d32;
  const hn::ScalableTag<int16_t> d16;
  const hn::Rebind<int8_t, decltype(d16)> d8;
  const int lanes = static_cast<int>(hn::Lanes(d16));
  auto sum0 = hn::Zero(d32);
  auto sum1 = hn::Zero(d32);
  int i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto wide_w = hn::PromoteTo(d16, hn::LoadU(d8, w + i));
    const auto wide_x = hn::PromoteTo(d16, hn::LoadU(d8, x + i));
    sum0 = hn::ReorderWidenMulAccumulate(d32, wide_w, wide_x, sum0, sum1);
  }
  int32_t sum = hn::GetLane(hn::SumOfLanes(d32, hn::Add(sum0, sum1)));
  for (; i < n; ++i) sum += static_cast<int32_t>(w[i]) * x[i];
  return sum;
}

void Matvec(const int8_t* w, int rows, int stride, const int8_t* x, int32_t* out) {
  for (int r = 0; r < rows; ++r)
    out[r] = Dot(w + static_cast<std::ptrdiff_t>(r) * stride, x, stride);
}

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

HWY_EXPORT(Matvec);
HWY_EXPORT(DotCodes);

void matvec(const int8_t* w, int rows, int stride, const int8_t* x, int32_t* out) {
  HWY_DYNAMIC_DISPATCH(Matvec)(w, rows, stride, x, out);
}

void matvec_scalar(const int8_t* w, int rows, int stride, const int8_t* x, int32_t* out) {
  for (int r = 0; r < rows; ++r)
    out[r] = spec::dot(w + static_cast<std::ptrdiff_t>(r) * stride, x, stride);
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
