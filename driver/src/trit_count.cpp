// SPDX-License-Identifier: Apache-2.0
#include "trit_count.hpp"

namespace tern::driver {
namespace {

uint64_t trits(const spec::MatrixDescriptor& m) {
  const bool value = m.layout == static_cast<uint32_t>(spec::Layout::kValue);
  return uint64_t{m.rows} * m.cols * (value ? spec::kTritsPerByte : m.planes);
}

}  // namespace

uint64_t token_trits(const io::Image& image, uint64_t length, bool head) {
  const spec::ModelDescriptor& m = image.model();
  uint64_t sum = head ? trits(m.head) : 0;
  for (uint32_t i = 0; i < m.layers; ++i) {
    for (const spec::MatrixDescriptor& w : image.layer(i).matrix) sum += trits(w);
  }
  return sum + 3 * spec::kTritsPerByte * length * m.layers * m.heads * m.head_dim;
}

}  // namespace tern::driver
