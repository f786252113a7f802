// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "io/atomic_file.hpp"
#include "io/tokenizer.hpp"
#include "spec/generated/spec.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::io {

/// Writes a .tern image part by part, into a file or into memory, and keeps only the descriptors:
/// the memory it takes does not depend on the size of the model. Every part begins at a multiple of
/// 64 bytes. A file appears, complete, when finish() returns; without it nothing is left behind.
///
///     ImageWriter writer(chip, "model.tern");
///     layer.matrix[part].offset = writer.append_matrix(shape, fill);  // and all other parts
///     writer.finish(model, layers, vocabulary, "name");
///
/// The same calls give the same bytes in a file and in memory. Throws Error when the operating
/// system refuses to write.
class ImageWriter {
 public:
  /// Into memory, for take(). `chip` must outlive the writer.
  explicit ImageWriter(const spec::ChipConfig& chip);
  /// Into a file.
  ImageWriter(const spec::ChipConfig& chip, const std::filesystem::path& target);

  const spec::ChipConfig& chip() const { return chip_; }
  /// Bytes written so far.
  uint64_t size() const { return file_ ? file_->size() : memory_.size(); }

  /// Begins a part; returns its offset.
  uint64_t begin();
  /// Continues the part.
  void write(std::span<const std::byte> data);
  template <typename T>
  void write_all(const std::vector<T>& data) {
    write(std::as_bytes(std::span(data)));
  }
  /// A whole part; returns its offset.
  uint64_t append(std::span<const std::byte> data);
  template <typename T>
  uint64_t append_all(const std::vector<T>& data) {
    return append(std::as_bytes(std::span(data)));
  }

  /// Fills one stripe: `shape.planes` lines of `shape.cols` T5 codes. Layout Sign: what begins with
  /// the stripe, eight stripes in five lines of bits; the stripes between are left out.
  using FillStripe = std::function<void(uint32_t stripe, std::span<uint8_t> codes)>;
  /// The scale word of a stripe and group.
  using ScaleWord = std::function<uint64_t(uint32_t stripe, uint32_t group)>;
  /// A matrix as a part, its beats in stream order. `fill` is called once for every stripe, in
  /// order, and `scale` for every group of it where the shape has groups; one row block is in
  /// memory at a time. Returns the part's offset.
  uint64_t append_matrix(const spec::MatrixShape& shape, const FillStripe& fill,
                         const ScaleWord& scale = {});

  /// Adds tokenizer, name and descriptors, places the KV caches, writes the header with the
  /// checksum and makes a file durable. To be called once, last.
  void finish(spec::ModelDescriptor model, std::vector<spec::LayerDescriptor> layers,
              const Vocabulary& vocabulary, std::string_view name);
  /// The image, when it was written into memory and finished.
  std::vector<std::byte> take() { return std::move(memory_); }

 private:
  void write_at(uint64_t offset, std::span<const std::byte> data);
  uint64_t checksum() const;

  const spec::ChipConfig& chip_;
  std::optional<AtomicFile> file_;
  std::vector<std::byte> memory_;
};

}  // namespace tern::io
