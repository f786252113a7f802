// SPDX-License-Identifier: Apache-2.0
#include "io/image_writer.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "io/image.hpp"
#include "io/image_parts.hpp"

namespace tern::io {
namespace {

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

uint64_t image_checksum(std::span<const std::byte> bytes,
                        void (*done)(std::span<const std::byte>)) {
  constexpr std::size_t slice = 16 << 20;
  constexpr std::size_t at = offsetof(spec::ImageHeader, checksum);
  constexpr uint64_t zero = 0;
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                 &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  XXH3_64bits_update(state.get(), bytes.data(), at);
  XXH3_64bits_update(state.get(), &zero, sizeof zero);
  for (bytes = bytes.subspan(at + sizeof zero); !bytes.empty();) {
    const auto part = bytes.first(std::min(slice, bytes.size()));
    XXH3_64bits_update(state.get(), part.data(), part.size());
    if (done) done(part);
    bytes = bytes.subspan(part.size());
  }
  return XXH3_64bits_digest(state.get());
}

ImageWriter::ImageWriter(const spec::ChipConfig& chip)
    : chip_(chip), memory_(sizeof(spec::ImageHeader)) {}

ImageWriter::ImageWriter(const spec::ChipConfig& chip, const std::filesystem::path& target)
    : chip_(chip) {
  file_.emplace(target);
  write(bytes_of(spec::ImageHeader{}));
}

void ImageWriter::write(std::span<const std::byte> data) {
  if (file_) {
    file_->write(data);
  } else {
    memory_.insert(memory_.end(), data.begin(), data.end());
  }
}

void ImageWriter::write_at(uint64_t offset, std::span<const std::byte> data) {
  if (file_) {
    file_->write_at(offset, data);
  } else {
    std::copy(data.begin(), data.end(), memory_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
}

uint64_t ImageWriter::begin() {
  constexpr std::array<std::byte, spec::kAddrUnit> zeros{};
  write(std::span(zeros).first(spec::align_up(size(), spec::kAddrUnit) - size()));
  return size();
}

uint64_t ImageWriter::append(std::span<const std::byte> data) {
  const uint64_t at = begin();
  write(data);
  return at;
}

uint64_t ImageWriter::append_matrix(const spec::MatrixShape& shape, const FillStripe& fill,
                                    const ScaleWord& scale) {
  const uint64_t at = begin();
  const bool sign = shape.layout == spec::Layout::kSign;
  const uint32_t lines = sign ? spec::kSignBeats : shape.planes;
  std::vector<uint8_t> codes(std::size_t{lines} * shape.cols);
  std::vector<uint8_t> beats;
  for (uint32_t first = 0; first < shape.stripes; first += shape.block) {
    const uint32_t length = shape.block_length(first);
    const uint64_t base = first / shape.block * shape.block_beats(shape.block) * shape.columns;
    // Padding of columns are zeros; of scales and bits, too.
    beats.assign(shape.block_beats(length) * shape.columns, sign ? 0 : spec::kT5Zero);
    for (uint32_t g = 0; g < shape.groups(); ++g) {
      const uint32_t column = g * spec::group_columns(shape.group);
      uint8_t* words = &beats[shape.scale_offset(first, column) - base];
      std::fill_n(words, shape.scale_beats(length) * shape.columns, uint8_t{0});
      for (uint32_t stripe = first; stripe < first + length; ++stripe) {
        const uint64_t word = scale(stripe, g);
        std::memcpy(words + std::size_t{stripe - first} * spec::kScaleBytes, &word, sizeof word);
      }
    }
    for (uint32_t stripe = first; stripe < first + length;
         stripe += sign ? spec::kSignStripes : 1) {
      fill(stripe, codes);
      for (uint32_t line = 0; line < lines; ++line) {
        for (uint32_t c = 0; c < shape.cols; c += shape.columns) {
          const uint64_t to = sign ? shape.sign_offset(stripe * spec::kTritsPerByte + 8 * line, c)
                                   : shape.offset(stripe, c, line);
          std::memcpy(&beats[to - base], &codes[std::size_t{line} * shape.cols + c],
                      std::min(shape.columns, shape.cols - c));
        }
      }
    }
    write_all(beats);
  }
  return at;
}

void ImageWriter::finish(spec::ModelDescriptor model, std::vector<spec::LayerDescriptor> layers,
                         const Vocabulary& vocabulary, std::string_view name) {
  spec::ImageHeader header{};
  header.magic = spec::kImageMagic;
  header.version = spec::kImageVersion;
  header.columns = chip_.columns;
  const std::vector<uint8_t> tokenizer = pack_tokenizer(vocabulary);
  header.tokenizer = append_all(tokenizer);
  header.tokenizer_bytes = tokenizer.size();
  header.name = append(std::as_bytes(std::span(name)));
  header.name_bytes = name.size();
  header.model_bytes = sizeof model;
  header.model = append(bytes_of(model));
  model.layer_table = append_all(layers);
  header.bytes = begin();
  model.cache_offset = header.bytes;
  place_caches(model, layers, chip_.columns);
  for (spec::LayerDescriptor& layer : layers) layer.checksum = checksum_of(layer);
  model.checksum = checksum_of(model);
  write_at(header.model, bytes_of(model));
  write_at(model.layer_table, std::as_bytes(std::span(layers)));
  write_at(0, bytes_of(header));
  header.checksum = checksum();
  write_at(0, bytes_of(header));
  if (file_) file_->commit();
}

/// Of all that was written, while the checksum in the header is still 0.
uint64_t ImageWriter::checksum() const {
  if (!file_) return image_checksum(memory_);
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                 &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> buffer(1 << 20);
  for (uint64_t at = 0; at < size();) {
    const std::span part(buffer.data(), std::min<uint64_t>(buffer.size(), size() - at));
    file_->read_at(at, part);
    XXH3_64bits_update(state.get(), part.data(), part.size());
    at += part.size();
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace tern::io
