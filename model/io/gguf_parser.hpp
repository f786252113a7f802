#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.hpp"

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

/// Builds the tables of a Gguf whose file_ and bytes_ are set. Internal to gguf.cpp.
class GgufParser {
 public:
  GgufParser(Gguf& gguf, const GgufOptions& options)
      : gguf_(gguf), options_(options), bytes_(gguf.bytes_) {}
  void parse();

 private:
  void parse_header();
  void parse_metadata();
  void parse_tensor_table();
  void check_block_widths() const;
  void choose_i2s_order();
  void choose_q2_layout(std::uint64_t align, std::uint64_t data_size);
  void place_tensors();
  void check_overlaps() const;

  /// The next `size` bytes; `what` is being read, for the message if the file ends before.
  std::span<const std::byte> take(std::uint64_t size, std::string_view what);
  template <typename T>
  T read(std::string_view what);
  std::string_view read_string(std::string_view what);
  void skip_array(std::string_view key, std::uint32_t type, std::uint64_t count, int depth);
  std::uint64_t alignment() const;
  /// Bytes from the beginning of a tensor to the next one's, or to the end of the data.
  std::vector<std::uint64_t> spaces(std::uint64_t data_size) const;
  std::vector<std::size_t> order_in_file() const;

  Gguf& gguf_;
  const GgufOptions& options_;
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  std::uint64_t metadata_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::vector<std::uint64_t> offsets_;  ///< of each tensor, relative to the data section
};

}  // namespace tern::io
