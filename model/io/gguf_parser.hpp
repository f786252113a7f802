// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/gguf.hpp"
#include "io/tensor_types.hpp"

namespace tern::io {

/// The value types of GGUF metadata, by their number in the file.
enum class GgufType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// Bytes of one value; 0 for strings and arrays, whose size varies.
std::size_t gguf_type_size(std::uint32_t type);
/// "UINT8", ... or "type 77".
std::string gguf_type_name(std::uint32_t type);

/// Builds the tables of a Gguf whose file_, bytes_ and options_ are set, or of each part of a split
/// one. Internal to gguf_split.cpp.
class GgufParser {
 public:
  explicit GgufParser(Gguf& gguf) : gguf_(gguf), bytes_(gguf.bytes_) {}

  /// Metadata and tensors, these without their bytes.
  void parse_tables();
  /// Finds the bytes of every tensor of a model whose tables have been parsed. What the sizes in
  /// one part tell of a layout holds for the tensors of all parts.
  static void place_tensors(std::span<GgufParser> parts);

 private:
  void parse_header();
  void parse_metadata();
  void parse_tensor_table();
  void check_block_widths() const;
  static void choose_i2s_order(std::span<GgufParser> parts);
  static void choose_q2_layout(std::span<GgufParser> parts);
  /// A Q2_0 tensor that this layout does not fit, and the bytes up to the next tensor; or nullptr.
  std::pair<const GgufTensor*, std::uint64_t> q2_misfit(TensorLayout layout) const;
  void set_layout(TensorType type, TensorLayout layout);
  void find_data();
  void place();
  void check_overlaps() const;

  /// The next `size` bytes; `what` is being read, for the message if the file ends before.
  std::span<const std::byte> take(std::uint64_t size, std::string_view what);
  template <typename T>
  T read(std::string_view what);
  std::string_view read_string(std::string_view what);
  void skip_array(std::string_view key, std::uint32_t type, std::uint64_t count, int depth);
  std::uint64_t alignment() const;
  /// Bytes from the beginning of a tensor to the next one's, or to the end of the data.
  std::vector<std::uint64_t> spaces() const;
  std::vector<std::size_t> order_in_file() const;

  Gguf& gguf_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::uint64_t align_ = 1;
  std::uint64_t data_begin_ = 0;
  std::uint64_t data_size_ = 0;
  std::uint64_t metadata_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::vector<std::uint64_t> offsets_;  ///< of each tensor, relative to the data section
};

}  // namespace tern::io
