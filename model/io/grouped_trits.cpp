// SPDX-License-Identifier: Apache-2.0
#include "io/grouped_trits.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "io/error.hpp"
#include "io/tensor_blocks.hpp"

namespace tern::io {

namespace {

/// Blocks of 64 whose scales are equal two by two, as those of a model with groups of 128 are.
bool pairs_agree(const GgufTensor& tensor, const TensorTypeInfo& type) {
  if (tensor.cols() % (2 * type.block_elements) != 0) return false;
  TernaryBlock a, b;
  for (const std::byte* at = tensor.bytes.data(); at != tensor.bytes.data() + tensor.bytes.size();
       at += 2 * type.block_bytes) {
    decode_ternary_block(type, at, a);
    decode_ternary_block(type, at + type.block_bytes, b);
    if (std::abs(a.scale) != std::abs(b.scale)) return false;
  }
  return true;
}

/// The trits of a block with its sign, and the magnitude of its scale.
float take_block(const GgufTensor& tensor, const TensorTypeInfo& type, std::uint64_t element,
                 float tensor_scale, std::span<std::int8_t> out) {
  TernaryBlock block;
  const std::uint32_t step = type.block_elements;
  decode_ternary_block(type, tensor.bytes.data() + element / step * type.block_bytes, block);
  const float scale = type.trailer_bytes != 0 ? tensor_scale : block.scale;
  const auto where = [&](std::uint64_t at) {
    return fmt::format("row {} column {}", at / tensor.cols(), at % tensor.cols());
  };
  if (!std::isfinite(scale)) {
    throw Error("{}: tensor {:?}: the scale at {} is not finite; the file is corrupt", tensor.file,
                tensor.name, where(element));
  }
  for (std::uint32_t i = 0; i < step; ++i) {
    if (block.codes[i] == 2)
      throw Error("{}: tensor {:?}: the code at {} is 3, which is not a trit", tensor.file,
                  tensor.name, where(element + i));
    out[i] = static_cast<std::int8_t>(scale < 0 ? -block.codes[i] : block.codes[i]);
  }
  return std::abs(scale);
}

}  // namespace

TernaryFormat ternary_format(const GgufTensor& tensor) {
  const TensorTypeInfo& type = tensor_type_info(tensor);
  const bool bits = type.type == TensorType::kQ1_0;
  if (has_one_scale(tensor)) {
    // A block whose scale is 0 has weights that are 0.
    TernaryBlock block;
    bool signs = bits;
    for (std::uint64_t at = 0; signs && at < tensor.bytes.size(); at += type.block_bytes) {
      decode_ternary_block(type, tensor.bytes.data() + at, block);
      signs = block.scale != 0;
    }
    return {0, signs};
  }
  const bool narrow = type.block_elements == 64 && !pairs_agree(tensor, type);
  return {narrow ? 64u : 128u, bits};
}

GroupedTrits decode_grouped(const GgufTensor& tensor, std::uint64_t first, std::uint64_t rows,
                            std::uint32_t group) {
  const TensorTypeInfo& type = tensor_type_info(tensor);
  const float tensor_scale = tensor_scale_of(tensor);
  GroupedTrits out{rows, tensor.cols(), group, {}, {}};
  out.trits.resize(rows * out.cols);
  out.scales.resize(rows * out.groups());
  const std::uint32_t step = type.block_elements;
  for (std::uint64_t at = 0; at < out.trits.size(); at += step) {
    const std::span<std::int8_t> codes(&out.trits[at], step);
    const float scale = take_block(tensor, type, first * out.cols + at, tensor_scale, codes);
    const bool empty = std::none_of(codes.begin(), codes.end(), std::identity());
    const std::uint64_t row = at / out.cols, begin = at % out.cols;
    for (std::uint64_t g = begin / group; g <= (begin + step - 1) / group; ++g) {
      float& known = out.scales[row * out.groups() + g];
      if (!empty && known != 0 && scale != 0 && known != scale) {
        throw Error("{}: tensor {:?} has scales {} and {} in row {} columns {} to {}", tensor.file,
                    tensor.name, known, scale, first + row, g * group, (g + 1) * group - 1);
      }
      if (!empty) known = std::max(known, scale);
    }
    // What has no scale is 0, beside a block that has one.
    if (scale == 0 && step < group) std::fill(codes.begin(), codes.end(), std::int8_t{0});
  }
  return out;
}

std::optional<float> only_magnitude(std::span<const float> values) {
  float found = 0;
  for (const float value : values) {
    const float magnitude = std::abs(value);
    if (magnitude == 0) continue;
    if (found != 0 && magnitude != found) return std::nullopt;
    found = magnitude;
  }
  return found;
}

}  // namespace tern::io
