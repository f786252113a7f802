// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <optional>
#include <vector>

#include "io/error.hpp"
#include "io/image.hpp"
#include "io/image_parts.hpp"
#include "target.hpp"

namespace tern {
namespace {

volatile std::size_t sink;

template <typename T>
void read_ends(std::span<const T> values) {
  if (values.empty()) return;
  sink = static_cast<std::size_t>(values.front());
  sink = static_cast<std::size_t>(values.back());
}

void read_all(const io::Image& image) {
  const spec::ModelDescriptor& m = image.model();
  for (std::uint32_t i = 0; i < m.layers; ++i) {
    const spec::LayerDescriptor& l = image.layer(i);
    for (const spec::VectorDescriptor& v : l.norm) read_ends(image.vector(v));
    for (const spec::MatrixDescriptor& w : l.matrix) read_ends(image.matrix(w));
  }
  read_ends(image.matrix(m.head));
  read_ends(image.vector(m.output_norm));
  read_ends(image.embedding(0));
  read_ends(image.embedding(m.vocab - 1));
  if (image.has_trit_embedding()) {
    for (const uint32_t token : {0u, m.vocab - 1}) {
      read_ends(image.trit_embedding(token).codes);
      read_ends(image.trit_embedding(token).scales);
    }
  }
  read_ends(image.rope(m.context - 1));
  read_ends(image.head_row_scales());
  sink = image.stream_bytes(m.context);
  const io::Tokenizer& t = image.tokenizer();
  t.decode(t.encode("the tin hen \xF0\x9F\x98\x80\xFF", true, io::ControlTokens::kAreFound));
}

void open(std::vector<std::byte> bytes) {
  const fuzz::AllocationBound bound(bytes.size());
  try {
    read_all(io::Image::from_bytes(std::move(bytes), "input.tern"));
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
}

/// A copy of `Descriptor` at `offset` with the right checksum, if it lies in the image.
template <typename Descriptor>
std::optional<Descriptor> sign(std::vector<std::byte>& bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Descriptor)) return std::nullopt;
  Descriptor d;
  std::memcpy(&d, bytes.data() + offset, sizeof d);
  d.checksum = io::checksum_of(d);
  std::memcpy(bytes.data() + offset, &d, sizeof d);
  return d;
}

/// Size and checksums made right, which no fuzzer would find.
void sign(std::vector<std::byte>& bytes) {
  spec::ImageHeader header;
  if (bytes.size() < sizeof header) return;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.bytes = bytes.size();
  if (const auto model = sign<spec::ModelDescriptor>(bytes, header.model)) {
    for (std::uint64_t i = 0; i < std::min(model->layers, 8u); ++i)
      sign<spec::LayerDescriptor>(bytes, model->layer_table + i * sizeof(spec::LayerDescriptor));
  }
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = io::image_checksum(bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
}

}  // namespace
}  // namespace tern

/// A .tern image as it is, and once more with its checksums made right.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tern::fuzz::TimeBound time;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> bytes(begin, begin + size);
  tern::open(bytes);
  tern::sign(bytes);
  tern::open(std::move(bytes));
  return 0;
}
