#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "spec/numerics/layout.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// Codes of neighbouring tokens of one head: token i's code of dimension d is
/// data[i * stride + d].
struct HeadCodes {
  const uint8_t* data;
  std::size_t stride;
  uint32_t tokens;
};

/// Writes keys and values into the caches in the chip's memory. Addresses do not depend on how many
/// tokens there are, so nothing is ever moved. Bytes that were never written need no value either:
/// the engine masks rows and columns beyond the tokens of a command, and counts no codes there.
class KvMemory {
 public:
  KvMemory(Transport& transport, const spec::ModelDescriptor& model);

  /// Tokens [first, first + codes.tokens) of the head whose cache begins at `address`.
  void write_keys(uint64_t address, uint32_t first, const HeadCodes& codes);
  void write_values(uint64_t address, uint32_t first, const HeadCodes& codes);

 private:
  Transport& transport_;
  spec::MatrixShape keys_;  ///< Of the whole context.
  spec::MatrixShape values_;
  std::vector<std::byte> run_;
};

}  // namespace tern::driver
