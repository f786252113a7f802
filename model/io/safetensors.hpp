// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/mapped_file.hpp"

namespace tern::io {

/// One tensor of a safetensors file; a view, valid as long as the file it came from.
struct SafeTensor {
  std::string dtype;                 ///< "BF16", "F16", "F32" or "U8"; others are kept by name
  std::vector<std::uint64_t> shape;  ///< the last dimension is the contiguous one
  std::span<const std::byte> bytes;

  std::uint64_t elements() const;
};

/// A safetensors file: a header in JSON, then the data, mapped. The constructor checks names,
/// types, shapes and offsets against the file. All errors are Error and name the file.
class Safetensors {
 public:
  explicit Safetensors(const std::filesystem::path& path);

  const std::string& file() const { return name_; }
  const std::map<std::string, SafeTensor, std::less<>>& tensors() const { return tensors_; }

 private:
  std::string name_;
  MappedFile file_;
  std::map<std::string, SafeTensor, std::less<>> tensors_;
};

/// Elements [first, first + out.size()) of a tensor of floats. Throws std::invalid_argument on
/// another type, which the caller has checked.
void read_floats(const SafeTensor& tensor, std::uint64_t first, std::span<float> out);
/// Bytes of an element; 0 for a type that read_floats() and ternary weights do not use.
std::size_t dtype_size(std::string_view dtype);

}  // namespace tern::io
