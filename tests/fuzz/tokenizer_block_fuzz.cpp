// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <vector>

#include "io/chip_config.hpp"
#include "io/error.hpp"
#include "io/image.hpp"
#include "io/image_parts.hpp"
#include "io/synth.hpp"
#include "target.hpp"

namespace tern {
namespace {

const spec::ChipConfig& chip() { return io::find_config("nano"); }

/// An image of one small layer.
const std::vector<std::byte>& plain_image() {
  static const std::vector<std::byte> made = [] {
    io::ImageWriter writer(chip());
    io::SynthOptions options;
    options.layers = 1;
    options.context = 8;
    io::synthesise(io::find_preset("tiny-qwen3"), options, writer);
    return writer.take();
  }();
  return made;
}

template <typename T>
T get(const std::vector<std::byte>& bytes, std::uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}
template <typename T>
void put(std::vector<std::byte>& bytes, std::uint64_t offset, T value) {
  if constexpr (requires { io::checksum_of(value); }) value.checksum = io::checksum_of(value);
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

/// The image with this block for its tokenizer, and all else as it must be with it.
std::vector<std::byte> image_with(std::span<const std::uint8_t> block) {
  std::vector<std::byte> bytes = plain_image();
  auto header = get<spec::ImageHeader>(bytes, 0);
  auto model = get<spec::ModelDescriptor>(bytes, header.model);
  std::vector<spec::LayerDescriptor> layers{get<spec::LayerDescriptor>(bytes, model.layer_table)};
  header.tokenizer = spec::align_up(bytes.size(), spec::kAddrUnit);
  header.tokenizer_bytes = block.size();
  bytes.resize(header.tokenizer + block.size());
  std::memcpy(bytes.data() + header.tokenizer, block.data(), block.size());
  header.bytes = bytes.size();
  model.cache_offset = spec::align_up(bytes.size(), spec::kAddrUnit);
  io::place_caches(model, layers, chip().columns);
  put(bytes, header.model, model);
  put(bytes, model.layer_table, layers[0]);
  put(bytes, 0, header);
  header.checksum = io::image_checksum(bytes);
  put(bytes, 0, header);
  return bytes;
}

}  // namespace
}  // namespace tern

/// The tokenizer block of an image that is right otherwise, and a text.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tern;
  if (size == 0) return 0;
  std::vector<std::byte> bytes = image_with({data, size});
  const fuzz::TimeBound time;
  const fuzz::AllocationBound bound(bytes.size());
  try {
    const io::Image image = io::Image::from_bytes(std::move(bytes), "input.tern");
    const io::Tokenizer& t = image.tokenizer();
    t.decode(t.encode("the tin hen \xF0\x9F\x98\x80\xFF", true, io::ControlTokens::kAreFound));
  } catch (const Error& e) {
    fuzz::check_message(e.what());
  }
  return 0;
}
