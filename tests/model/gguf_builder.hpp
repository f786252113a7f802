// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer.hpp"

namespace tern::test {

/// Writes GGUF files for tests, from nothing but the format's description: it shares no code with
/// the reader, and it writes whatever it is told, right or wrong.
class GgufBuilder {
 public:
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  ///< used for placing; written as metadata only if not 32

  GgufBuilder& u32(std::string_view key, std::uint32_t value) { return scalar(key, 4, value); }
  GgufBuilder& u64(std::string_view key, std::uint64_t value) { return scalar(key, 10, value); }
  GgufBuilder& i32(std::string_view key, std::int32_t value) { return scalar(key, 5, value); }
  GgufBuilder& f32(std::string_view key, float value) { return scalar(key, 6, value); }
  GgufBuilder& boolean(std::string_view key, std::uint8_t value) { return scalar(key, 7, value); }
  GgufBuilder& string(std::string_view key, std::string_view value);
  GgufBuilder& strings(std::string_view key, std::span<const std::string> values);
  GgufBuilder& floats(std::string_view key, std::span<const float> values);
  GgufBuilder& ints(std::string_view key, std::span<const std::int32_t> values);
  /// A metadata value given by its type number and its bytes.
  GgufBuilder& raw(std::string_view key, std::uint32_t type, std::string_view bytes);
  /// Appended after the tensors before it, aligned.
  GgufBuilder& tensor(std::string_view name, std::vector<std::uint64_t> shape, std::uint32_t type,
                      std::string data);
  /// A tensor-table entry alone, with any offset.
  GgufBuilder& tensor_entry(std::string_view name, std::vector<std::uint64_t> shape,
                            std::uint32_t type, std::uint64_t offset);

  std::vector<std::byte> build() const;
  /// Bytes before the tensor data, padding included.
  std::size_t header_size() const;

 private:
  template <typename T>
  GgufBuilder& scalar(std::string_view key, std::uint32_t type, T value) {
    return raw(key, type, {reinterpret_cast<const char*>(&value), sizeof(value)});
  }
  std::string header() const;

  std::string metadata_;
  std::uint64_t metadata_count_ = 0;
  std::string table_;
  std::uint64_t tensor_count_ = 0;
  std::string data_;
};

/// Little-endian bytes of values, for tensor data.
template <typename T>
std::string bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

/// Stored forms of trits (a multiple of 256 of them) with one half-precision scale, given by its
/// bits.
std::string pack_tq1(std::span<const std::int8_t> trits, std::uint16_t half_scale);
std::string pack_tq2(std::span<const std::int8_t> trits, std::uint16_t half_scale);
/// The same for the other ternary types by id: 41 Q1_0 (no zeros), 42 Q2_0 with blocks of `block`
/// (64 or 128), 142 PQ2_0, 143 PTQ1_0. A multiple of the type's block.
std::string pack_ternary(std::uint32_t type, std::span<const std::int8_t> trits,
                         std::uint16_t half_scale, std::size_t block = 128);
/// I2_S in the order of x86 (stride 32) or ARM (stride 16), with scale and padding.
std::string pack_i2s(std::span<const std::int8_t> trits, float scale, std::size_t stride);

/// <unk>, <s>, </s>, 256 bytes, and a few pieces of English.
io::Vocabulary tiny_vocabulary();

/// A complete bitnet-b1.58 model of random weights: hidden 256, 4 heads of 64, 2 key-value heads,
/// ffn 256, `layers` layers, 24 positions, tiny_vocabulary(); TQ1_0 and TQ2_0 linears, F32 norms,
/// F16 embedding. `more_tokens` are added to the vocabulary, for a big embedding.
GgufBuilder tiny_model(std::uint32_t seed, int layers = 1, int more_tokens = 0);

}  // namespace tern::test
