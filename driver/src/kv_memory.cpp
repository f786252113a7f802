#include "kv_memory.hpp"

#include <algorithm>
#include <cstring>

namespace tern::driver {

KvMemory::KvMemory(Transport& transport, const spec::ModelDescriptor& model)
    : transport_(transport),
      keys_(spec::key_cache_shape(model.context, model.head_dim, model.key_block,
                                  transport.config().columns)),
      values_(spec::value_cache_shape(model.context, model.head_dim, transport.config().columns)) {}

/// Tokens of one row block lie beat after beat within a tile.
void KvMemory::write_keys(uint64_t address, uint32_t first, const HeadCodes& codes) {
  const uint32_t step = keys_.columns;
  const uint32_t end = first + codes.tokens;
  for (uint32_t token = first; token < end;) {
    const uint32_t block_end = (token / keys_.block + 1) * keys_.block;
    const uint32_t count = std::min(end, block_end) - token;
    run_.resize(std::size_t{count} * step);
    for (uint32_t col = 0; col < keys_.cols; col += step) {
      const uint32_t n = std::min(step, keys_.cols - col);
      for (uint32_t i = 0; i < count; ++i) {
        std::byte* beat = run_.data() + std::size_t{i} * step;
        std::memcpy(beat, codes.data + (token - first + i) * codes.stride + col, n);
        std::memset(beat + n, spec::kT5Zero, step - n);
      }
      transport_.write_memory(address + keys_.offset(token, col), run_);
    }
    token += count;
  }
}

/// Tokens of one tile lie byte after byte within the beat of each dimension.
void KvMemory::write_values(uint64_t address, uint32_t first, const HeadCodes& codes) {
  const uint32_t step = values_.columns;
  const uint32_t end = first + codes.tokens;
  for (uint32_t token = first; token < end;) {
    const uint32_t count = std::min(end, (token / step + 1) * step) - token;
    run_.resize(count);
    for (uint32_t dim = 0; dim < values_.rows; ++dim) {
      for (uint32_t i = 0; i < count; ++i) {
        run_[i] = static_cast<std::byte>(codes.data[(token - first + i) * codes.stride + dim]);
      }
      transport_.write_memory(address + values_.offset(dim, token), run_);
    }
    token += count;
  }
}

}  // namespace tern::driver
