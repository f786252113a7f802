// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tern::io {

/// "[256, 1024]", for messages.
std::string shape_text(std::span<const std::uint64_t> shape);

/// Which of the layouts that share one type id a tensor has.
enum class TensorLayout : std::uint8_t {
  kStandard,     ///< the only or the usual one; of I2_S: not known
  kBlocksOf128,  ///< Q2_0 as published by PrismML: 34 bytes for 128 elements
  kX86,          ///< I2_S as bitnet.cpp writes it on x86
  kArm,          ///< I2_S as bitnet.cpp writes it on ARM
};

/// What a file cannot say about itself.
struct GgufOptions {
  /// The order of the weights in I2_S tensors: kX86 or kArm; kStandard: not told. Where the shape
  /// of a tensor tells, that decides, and a contradiction is an error.
  TensorLayout i2s_order = TensorLayout::kStandard;
  /// The pre-tokenizer of a byte-level vocabulary (see PreTokenizer), whatever the file says;
  /// empty: what the file says.
  std::string pre = {};
};

/// "x86", "arm" or "" (not told), as the command line says it. Throws Error on another word.
TensorLayout i2s_order_named(std::string_view word);

/// One tensor of a GGUF file; a view, valid as long as the Gguf it came from.
struct GgufTensor {
  std::string_view file;  ///< for messages
  std::string_view name;
  /// GGUF order: dimensions()[0] is the contiguous one. A linear layer's weight of `out` rows and
  /// `in` columns has dimensions {in, out}.
  std::array<std::uint64_t, 4> shape{1, 1, 1, 1};
  std::uint32_t rank = 1;
  std::uint32_t type = 0;            ///< ggml type id, see tensor_types.hpp
  std::span<const std::byte> bytes;  ///< the blocks, exactly as many as the shape needs
  TensorLayout layout = TensorLayout::kStandard;

  std::span<const std::uint64_t> dimensions() const { return {shape.data(), rank}; }
  std::uint64_t cols() const { return shape[0]; }                        ///< contiguous
  std::uint64_t rows() const { return shape[1] * shape[2] * shape[3]; }  ///< all the others
  std::uint64_t elements() const { return cols() * rows(); }
};

/// A GGUF file (version 2 or 3, little endian): metadata and tensor table, mapped, never read
/// whole.
///
/// A model that is split into files NAME-00001-of-00003.gguf and so on is opened by the name of any
/// part, and is the tensors of all of them with the metadata of the first. A part is never taken
/// for a whole model: parts that are missing, renamed, or of another split are errors.
///
/// The constructor checks every count, length, offset and size against the file before it is used,
/// and refuses duplicate names and overlapping tensors. A tensor of a type that cannot be decoded
/// is in the table, with the bytes up to the next tensor, and is refused where it is read. Two
/// layouts of Q2_0 are in use under one type id: that which the sizes of all Q2_0 tensors of the
/// model fit is taken, blocks of 64 where both do. Memory used is bounded by about twice the file's
/// size. All errors are Error and name the file.
class Gguf {
 public:
  explicit Gguf(const std::filesystem::path& path, const GgufOptions& options = {});
  /// The same from memory, of a model that is not split; `name` stands for the file in messages.
  Gguf(std::vector<std::byte> bytes, std::string name, const GgufOptions& options = {});

  Gguf(Gguf&&) noexcept = default;
  Gguf& operator=(Gguf&&) noexcept = default;

  const std::string& file() const { return *file_; }  ///< of a split model the first part
  std::uint32_t version() const { return version_; }
  std::uint64_t file_size() const;  ///< of all parts
  /// How many files the model is split into; 1: it is not split.
  std::size_t parts() const { return 1 + other_parts_.size(); }
  const GgufOptions& options() const { return options_; }

  bool has(std::string_view key) const { return metadata_.contains(key); }
  /// All keys, sorted.
  std::vector<std::string_view> keys() const;

  /// A single value. T: bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float,
  /// double, std::string or std::string_view (into the file). Integers of any stored width convert
  /// if the value fits; float and double read either width, finite values only. Throws Error naming
  /// file and key if the key is missing, of another kind, or out of range.
  template <typename T>
  T get(std::string_view key) const;
  /// `fallback` if the key is missing; otherwise as `get`.
  template <typename T>
  T get_or(std::string_view key, T fallback) const {
    return has(key) ? get<T>(key) : fallback;
  }
  /// A number or a truth value (0 or 1) of any stored kind; nothing for anything else and for keys
  /// that are missing.
  std::optional<double> number(std::string_view key) const;
  /// The value for a message: `4`, `"yarn"`, `an array of 3 INT32`.
  std::string value_text(std::string_view key) const;
  /// An array of one level. T: std::string_view (into the file), float (stored FLOAT32),
  /// std::int32_t or std::uint32_t (stored INT32 or UINT32, range checked).
  template <typename T>
  std::vector<T> get_array(std::string_view key) const;

  /// In the order of the file.
  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  /// nullptr if there is none of that name.
  const GgufTensor* find_tensor(std::string_view name) const;
  /// Throws Error if there is none of that name.
  const GgufTensor& tensor(std::string_view name) const;
  /// A part of this file has been read and takes no memory until it is read again. No effect on a
  /// model in memory.
  void release(std::span<const std::byte> bytes) const;

 private:
  struct Value {
    std::uint32_t type = 0;  ///< of the value, or of the elements of an array
    bool is_array = false;
    std::uint64_t count = 1;
    std::span<const std::byte> bytes;  ///< scalar, or the array's elements
  };
  friend class GgufParser;
  friend class SplitGguf;

  Gguf() = default;
  void map(const std::filesystem::path& path);
  const Value& value(std::string_view key) const;

  std::shared_ptr<const void> owner_;  ///< keeps bytes_ alive
  bool mapped_ = false;                ///< bytes_ is a mapped file
  std::unique_ptr<std::string> file_;
  std::span<const std::byte> bytes_;
  std::uint32_t version_ = 0;
  std::map<std::string_view, Value> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string_view, std::size_t> tensor_index_;
  GgufOptions options_;
  std::vector<std::unique_ptr<Gguf>> other_parts_;  ///< without tensors, which are in tensors_
};

}  // namespace tern::io
