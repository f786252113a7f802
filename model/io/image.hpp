// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/mapped_file.hpp"
#include "io/tokenizer.hpp"
#include "spec/generated/spec.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::io {

/// A `.tern` image: a model in the byte order in which a chip reads it, for one width C of the
/// beat. Layout in docs/registers.md. The constructors check everything that later reads rely on
/// (sizes, offsets, shapes, checksum), so the accessors cannot fail.
class Image {
 public:
  /// Maps a file. Throws Error on anything that is not a whole, undamaged image of this version.
  static Image open(const std::filesystem::path& path);
  /// Takes an image built in memory; `origin` names it in messages.
  static Image from_bytes(std::vector<std::byte> bytes, std::string origin);

  std::span<const std::byte> bytes() const { return bytes_; }
  const spec::ImageHeader& header() const { return header_; }
  const spec::ModelDescriptor& model() const { return model_; }
  const spec::LayerDescriptor& layer(uint32_t i) const { return layers_[i]; }
  std::string_view name() const { return name_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  /// Where it came from, for messages.
  const std::string& origin() const { return origin_; }
  /// C
  uint32_t columns() const { return header_.columns; }

  std::span<const uint8_t> matrix(
      const spec::MatrixDescriptor& m) const;  ///< Beats in stream order.
  std::span<const int16_t> vector(const spec::VectorDescriptor& v) const;  ///< [count]
  /// [hidden]; empty where the embedding is of trits.
  std::span<const int16_t> embedding(uint32_t token) const;
  /// Whether the embedding is of trits with group scales (embedding.hpp).
  bool has_trit_embedding() const;
  struct TritRow {
    std::span<const uint8_t> codes;   ///< Five neighbouring elements each.
    std::span<const int16_t> scales;  ///< [groups]
  };
  TritRow trit_embedding(uint32_t token) const;
  std::span<const int16_t> rope(uint32_t position) const;  ///< [2][head_dim/2] Q15
  std::span<const int32_t> head_row_scales() const;        ///< [vocab]

  /// Bytes that one decoded token streams at context length `tokens`: weights, head, K and V.
  uint64_t stream_bytes(uint32_t tokens) const;

 private:
  Image() = default;
  void parse();
  template <typename T>
  std::span<const T> view(uint64_t offset, uint64_t count, std::string_view what) const;
  template <typename T>
  std::span<const T> view_aligned(uint64_t offset, uint64_t count, std::string_view what) const;
  template <typename Descriptor>
  void check_descriptor(std::string_view what, const Descriptor& d) const;
  void check_matrix(const spec::MatrixDescriptor& m, uint32_t rows, uint32_t cols,
                    std::string_view what) const;
  void check_vector(const spec::VectorDescriptor& v, uint32_t count, std::string_view what) const;
  void check_optional(const spec::VectorDescriptor& v, uint32_t count, std::string_view what) const;
  void check_alike() const;
  void check_model() const;
  void check_embedding() const;
  void check_caches() const;
  void check_disjoint() const;
  void parse_tokenizer(std::span<const uint8_t> block);

  std::string origin_;
  std::optional<MappedFile> file_;
  std::vector<std::byte> owned_;
  std::span<const std::byte> bytes_;
  spec::ImageHeader header_{};
  spec::ModelDescriptor model_{};
  std::vector<spec::LayerDescriptor> layers_;
  std::string_view name_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

/// Bytes of the tokenizer block of an image (CBOR).
std::vector<uint8_t> pack_tokenizer(const Vocabulary& vocabulary);

/// XXH3-64 of an image with its checksum field taken as 0. `done` is called with every slice of the
/// image that has been read.
uint64_t image_checksum(std::span<const std::byte> bytes,
                        void (*done)(std::span<const std::byte>) = nullptr);

}  // namespace tern::io
