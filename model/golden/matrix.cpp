// SPDX-License-Identifier: Apache-2.0
#include "golden/matrix.hpp"

#include <algorithm>

namespace tern::golden {
namespace {

/// Less than this is not worth another thread's while.
constexpr uint64_t kPartBytes = 1 << 16;
/// Parts for each thread, so that none waits long for one that the machine holds up.
constexpr uint32_t kPartsOfThread = 4;

}  // namespace

void Matrix::multiply(std::span<const int8_t> x, std::span<int32_t> out, Workers& workers) const {
  const Operand operand = make_operand(shape_, x.data());
  const uint32_t blocks = row_blocks(shape_);
  uint32_t part = blocks;
  if (workers.threads() > 1) {
    const uint64_t block_bytes = shape_.block_beats(shape_.block) * shape_.columns;
    part = std::max(spec::ceil_div(blocks, kPartsOfThread * workers.threads()),
                    static_cast<uint32_t>(spec::ceil_div(kPartBytes, block_bytes)));
  }
  workers.run(spec::ceil_div(blocks, part), [&](uint32_t i) {
    multiply_blocks(beats_.data(), shape_, operand, i * part, std::min(part, blocks - i * part),
                    out.data());
  });
}

}  // namespace tern::golden
