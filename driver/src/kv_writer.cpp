// SPDX-License-Identifier: Apache-2.0
#include "kv_writer.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include "io/error.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::driver {
namespace {

constexpr std::byte kZeroCode{spec::kValueMax};

}  // namespace

void write_kv_caches(const io::Image& image, uint32_t positions, const KvSource& source,
                     Transport& transport) {
  const spec::ModelDescriptor& m = image.model();
  const spec::MatrixShape keys =
      spec::key_cache_shape(m.context, m.head_dim, m.key_block, image.columns());
  const spec::MatrixShape values = spec::value_cache_shape(m.context, m.head_dim, image.columns());
  const std::size_t codes = std::size_t{positions} * m.head_dim;
  std::vector<std::byte> key_bytes(m.key_cache_bytes, kZeroCode);
  std::vector<std::byte> value_bytes(m.value_cache_bytes, kZeroCode);
  for (uint32_t i = 0; i < m.layers; ++i) {
    const spec::LayerDescriptor& layer = image.layer(i);
    for (uint32_t h = 0; h < m.kv_heads; ++h) {
      const KvHead head = source(i, h);
      if (head.keys.size() != codes || head.values.size() != codes ||
          head.key_scales.size() != positions || head.value_scales.size() != positions) {
        throw Error("layer {}, KV head {}: not the keys and values of {} positions of {} elements",
                    i, h, positions, m.head_dim);
      }
      for (uint32_t t = 0; t < positions; ++t) {
        for (uint32_t d = 0; d < m.head_dim; ++d) {
          key_bytes[keys.offset(t, d)] = std::byte{head.keys[t * m.head_dim + d]};
          value_bytes[values.offset(d, t)] = std::byte{head.values[t * m.head_dim + d]};
        }
      }
      transport.write_memory(layer.k_cache + h * m.key_cache_bytes, key_bytes);
      transport.write_memory(layer.v_cache + h * m.value_cache_bytes, value_bytes);
      transport.write_memory(layer.k_scales + h * m.kv_scale_bytes,
                             std::as_bytes(std::span(head.key_scales)));
      transport.write_memory(layer.v_scales + h * m.kv_scale_bytes,
                             std::as_bytes(std::span(head.value_scales)));
    }
  }
}

}  // namespace tern::driver
