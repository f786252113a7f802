// SPDX-License-Identifier: Apache-2.0
#include "golden/kv_cache.hpp"

#include <algorithm>

#include "golden/kernels.hpp"
#include "io/error.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::golden {

KvCache::KvCache(uint32_t context, uint32_t head_dim, uint32_t key_block, uint32_t columns)
    : head_dim_(head_dim),
      key_shape_(spec::key_cache_shape(context, head_dim, key_block, columns)),
      value_shape_(spec::value_cache_shape(context, head_dim, columns)),
      keys_(key_shape_.bytes(), spec::kT5Zero),
      values_(value_shape_.bytes(), spec::kT5Zero),
      key_scales_(context),
      value_scales_(context) {}

void KvCache::append(std::span<const uint8_t> key, int32_t key_scale,
                     std::span<const uint8_t> value, int32_t value_scale) {
  for (uint32_t d = 0; d < key.size(); ++d) {
    keys_[key_shape_.offset(tokens_, d)] = key[d];
    values_[value_shape_.offset(d, tokens_)] = value[d];
  }
  key_scales_[tokens_] = key_scale;
  value_scales_[tokens_] = value_scale;
  ++tokens_;
}

void KvCache::assign(const KvHead& head, uint32_t tokens) {
  const std::size_t codes = std::size_t{tokens} * head_dim_;
  const auto negative = [](int32_t scale) { return scale < 0; };
  if (head.keys.size() != codes || head.values.size() != codes ||
      head.key_scales.size() != tokens || head.value_scales.size() != tokens)
    throw Error("not the keys and values of {} positions of {} elements", tokens, head_dim_);
  if (!std::ranges::all_of(head.keys, spec::t5_legal) ||
      !std::ranges::all_of(head.values, spec::t5_legal))
    throw Error("keys or values have codes above {}", spec::kT5Codes - 1);
  if (std::ranges::any_of(head.key_scales, negative) ||
      std::ranges::any_of(head.value_scales, negative))
    throw Error("keys or values have a negative scale");
  clear();
  for (uint32_t t = 0; t < tokens; ++t) {
    append(std::span(head.keys).subspan(t * head_dim_, head_dim_), head.key_scales[t],
           std::span(head.values).subspan(t * head_dim_, head_dim_), head.value_scales[t]);
  }
}

void KvCache::multiply_keys(std::span<const int8_t> q, std::span<int32_t> scores) const {
  spec::MatrixShape held = key_shape_;
  held.rows = tokens_;
  multiply_beats(keys_.data(), held, q.data(), scores.data());
}

void KvCache::multiply_values(std::span<const int8_t> p, std::span<int32_t> out) const {
  spec::MatrixShape held = value_shape_;
  held.cols = tokens_;
  multiply_beats(values_.data(), held, p.data(), out.data());
}

}  // namespace tern::golden
