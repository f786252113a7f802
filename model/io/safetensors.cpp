// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.hpp"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "io/error.hpp"
#include "io/gguf.hpp"
#include "io/json_values.hpp"
#include "io/tensor_blocks.hpp"

namespace tern::io {

namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = std::uint64_t{1} << 28;
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;

SafeTensor parse_tensor(const std::string& file, const std::string& name, const json& entry,
                        std::span<const std::byte> data) {
  SafeTensor tensor;
  entry.at("dtype").get_to(tensor.dtype);
  std::uint64_t elements = 1;
  for (const json& size : entry.at("shape")) {
    tensor.shape.push_back(json_integer<std::uint64_t>(size, file));
    if (tensor.shape.back() == 0 || tensor.shape.back() > kMaxElements / elements) {
      throw Error("{}: tensor {} has shape {}, which is impossible", file, quote(name),
                  shape_text(tensor.shape));
    }
    elements *= tensor.shape.back();
  }
  const json& offsets = entry.at("data_offsets");
  const auto begin = json_integer<std::uint64_t>(offsets.at(0), file);
  const auto end = json_integer<std::uint64_t>(offsets.at(1), file);
  if (begin > end || end > data.size()) {
    throw Error(
        "{}: tensor {} lies at {} to {} of {} bytes of data; the file is truncated or "
        "corrupt",
        file, quote(name), begin, end, data.size());
  }
  const std::size_t size = dtype_size(tensor.dtype);
  if (size != 0 && elements * size != end - begin) {
    throw Error("{}: tensor {} ({}, {}) has {} bytes, {} are expected; the file is corrupt", file,
                quote(name), tensor.dtype, shape_text(tensor.shape), end - begin, elements * size);
  }
  tensor.bytes = data.subspan(begin, end - begin);
  return tensor;
}

}  // namespace

std::uint64_t SafeTensor::elements() const {
  std::uint64_t count = 1;
  for (const std::uint64_t size : shape) count *= size;
  return count;
}

std::size_t dtype_size(std::string_view dtype) {
  if (dtype == "F32") return 4;
  if (dtype == "F16" || dtype == "BF16") return 2;
  return dtype == "U8" ? 1 : 0;
}

Safetensors::Safetensors(const std::filesystem::path& path) : name_(path.string()), file_(path) {
  const auto bytes = file_.bytes();
  std::uint64_t header = 0;
  if (bytes.size() >= sizeof header) std::memcpy(&header, bytes.data(), sizeof header);
  if (bytes.size() < sizeof header || header > kMaxHeader ||
      header > bytes.size() - sizeof header) {
    throw Error("{}: is not a safetensors file, or is truncated", name_);
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + sizeof header;
  const auto data = bytes.subspan(sizeof header + header);
  try {
    const json table = parse_json({text, header}, name_);
    for (const auto& [name, entry] : table.items()) {
      if (name != "__metadata__") tensors_[name] = parse_tensor(name_, name, entry, data);
    }
  } catch (const json::exception& e) {
    throw Error("{}: the header of the safetensors file cannot be read: {}", name_,
                json_problem(e));
  }
}

void read_floats(const SafeTensor& tensor, std::uint64_t first, std::span<float> out) {
  const std::byte* at = tensor.bytes.data() + first * dtype_size(tensor.dtype);
  if (tensor.dtype == "F32") {
    std::memcpy(out.data(), at, out.size_bytes());
    return;
  }
  if (tensor.dtype != "F16" && tensor.dtype != "BF16") throw std::invalid_argument(tensor.dtype);
  const bool half = tensor.dtype == "F16";
  for (float& value : out) {
    std::uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    value = half ? half_to_float(bits) : std::bit_cast<float>(std::uint32_t{bits} << 16);
    at += sizeof bits;
  }
}

}  // namespace tern::io
