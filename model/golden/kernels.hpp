#pragma once

#include <cstdint>
#include <span>

namespace tern::golden {

/// out[r] = dot(w[r], x) for a dense matrix of rows x stride int8; x has `stride` elements (zero
/// beyond the columns). SIMD for the widest instruction set of this machine; equal to matvec_scalar
/// to the bit, because integer sums have no order.
void matvec(const int8_t* w, int rows, int stride, const int8_t* x, int32_t* out);

/// The same by spec::dot.
void matvec_scalar(const int8_t* w, int rows, int stride, const int8_t* x, int32_t* out);

/// Sum of (code[i] - 121) * x[i] over n bytes of value layout, all legal codes.
int32_t dot_codes(const uint8_t* code, const int8_t* x, int n);
int32_t dot_codes_scalar(const uint8_t* code, const int8_t* x, int n);

}  // namespace tern::golden
