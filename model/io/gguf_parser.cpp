// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_parser.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "io/error.hpp"
#include "io/tensor_types.hpp"

namespace tern::io {

static_assert(std::endian::native == std::endian::little, "GGUF is read in the host's byte order");

namespace {

constexpr std::uint64_t kMaxEntries = 1 << 20;  // metadata keys or tensors
constexpr std::uint64_t kMaxKeyLength = 65535;  // by the GGUF specification
constexpr std::uint64_t kMaxTensorName = 64;    // by the GGUF specification
constexpr int kMaxArrayDepth = 4;
constexpr std::uint64_t kMinKeySize = 8 + 1 + 4 + 1;
constexpr std::uint64_t kMinTensorSize = 8 + 1 + 4 + 8 + 4 + 8;

struct TypeRow {
  std::string_view name;
  std::size_t size;
};
constexpr TypeRow kTypes[] = {{"UINT8", 1},  {"INT8", 1},  {"UINT16", 2},  {"INT16", 2},
                              {"UINT32", 4}, {"INT32", 4}, {"FLOAT32", 4}, {"BOOL", 1},
                              {"STRING", 0}, {"ARRAY", 0}, {"UINT64", 8},  {"INT64", 8},
                              {"FLOAT64", 8}};

constexpr std::uint32_t number(GgufType type) { return static_cast<std::uint32_t>(type); }

/// Such files begin with the length of a JSON object, which follows.
bool is_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() <= sizeof(length)) return false;
  std::memcpy(&length, bytes.data(), sizeof(length));
  return bytes[sizeof(length)] == std::byte{'{'} && length <= bytes.size() - sizeof(length);
}

}  // namespace

std::size_t gguf_type_size(std::uint32_t type) {
  return type < std::size(kTypes) ? kTypes[type].size : 0;
}

std::string gguf_type_name(std::uint32_t type) {
  return type < std::size(kTypes) ? std::string(kTypes[type].name) : fmt::format("type {}", type);
}

void GgufParser::parse_tables() {
  parse_header();
  parse_metadata();
  parse_tensor_table();
  find_data();
}

std::span<const std::byte> GgufParser::take(std::uint64_t size, std::string_view what) {
  if (size > bytes_.size() - position_) {
    throw Error(
        "{}: the file ends inside {}: {} bytes needed at offset {}, {} left; it is truncated or "
        "corrupt",
        gguf_.file(), what, size, position_, bytes_.size() - position_);
  }
  const auto result = bytes_.subspan(position_, size);
  position_ += size;
  return result;
}

template <typename T>
T GgufParser::read(std::string_view what) {
  T result;
  std::memcpy(&result, take(sizeof(T), what).data(), sizeof(T));
  return result;
}

std::string_view GgufParser::read_string(std::string_view what) {
  const auto bytes = take(read<std::uint64_t>(what), what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void GgufParser::parse_header() {
  const auto magic = take(4, "the magic number");
  if (std::memcmp(magic.data(), "GGUF", 4) != 0) {
    const std::string_view found(reinterpret_cast<const char*>(magic.data()), 4);
    if (is_safetensors(bytes_)) {
      throw Error(
          "{}: is a safetensors file; give the folder that it is in, with config.json and "
          "the tokenizer",
          gguf_.file());
    }
    throw Error("{}: not a GGUF file: it begins with {}, expected \"GGUF\"", gguf_.file(),
                quote(found));
  }
  const auto version = read<std::uint32_t>("the version");
  if (version != 0 && (version & 0xffff) == 0) {
    throw Error(
        "{}: big-endian GGUF (version field 0x{:08x}) is not supported; convert it to little "
        "endian",
        gguf_.file(), version);
  }
  if (version != 2 && version != 3) {
    throw Error("{}: GGUF version {} is not supported, only 2 and 3", gguf_.file(), version);
  }
  gguf_.version_ = version;
  tensor_count_ = read<std::uint64_t>("the tensor count");
  metadata_count_ = read<std::uint64_t>("the metadata count");
  const std::uint64_t left = bytes_.size() - position_;
  if (tensor_count_ > std::min(kMaxEntries, left / kMinTensorSize)) {
    throw Error("{}: {} tensors cannot fit in a file of {} bytes; it is truncated or corrupt",
                gguf_.file(), tensor_count_, bytes_.size());
  }
  if (metadata_count_ > std::min(kMaxEntries, left / kMinKeySize)) {
    throw Error("{}: {} metadata keys cannot fit in a file of {} bytes; it is truncated or corrupt",
                gguf_.file(), metadata_count_, bytes_.size());
  }
}

void GgufParser::skip_array(std::string_view key, std::uint32_t type, std::uint64_t count,
                            int depth) {
  const std::string what = fmt::format("the array {}", quote(key));
  if (type >= std::size(kTypes)) {
    throw Error("{}: metadata {} is an array of unknown type {}", gguf_.file(), quote(key), type);
  }
  const std::uint64_t left = bytes_.size() - position_;
  const std::size_t least = type == number(GgufType::kString)  ? 8
                            : type == number(GgufType::kArray) ? 12
                                                               : gguf_type_size(type);
  if (count > left / least) {
    throw Error(
        "{}: metadata {} claims {} elements of {}, the file has {} bytes left; it is truncated or "
        "corrupt",
        gguf_.file(), quote(key), count, gguf_type_name(type), left);
  }
  if (type == number(GgufType::kString)) {
    for (std::uint64_t i = 0; i < count; ++i) read_string(what);
  } else if (type == number(GgufType::kArray)) {
    if (depth >= kMaxArrayDepth) {
      throw Error("{}: metadata {} nests arrays deeper than {}", gguf_.file(), quote(key),
                  kMaxArrayDepth);
    }
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto inner_type = read<std::uint32_t>(what);
      const auto inner_count = read<std::uint64_t>(what);
      skip_array(key, inner_type, inner_count, depth + 1);
    }
  } else {
    take(count * gguf_type_size(type), what);
  }
}

void GgufParser::parse_metadata() {
  for (std::uint64_t i = 0; i < metadata_count_; ++i) {
    const std::string ordinal = fmt::format("metadata key {} of {}", i + 1, metadata_count_);
    const std::string_view key = read_string(ordinal);
    if (key.empty() || key.size() > kMaxKeyLength) {
      throw Error("{}: {} has a name of {} bytes, 1 to {} are allowed", gguf_.file(), ordinal,
                  key.size(), kMaxKeyLength);
    }
    const std::string what = fmt::format("metadata {}", quote(key));
    Gguf::Value value;
    value.type = read<std::uint32_t>(what);
    if (value.type == number(GgufType::kArray)) {
      value.is_array = true;
      value.type = read<std::uint32_t>(what);
      value.count = read<std::uint64_t>(what);
      const std::size_t begin = position_;
      skip_array(key, value.type, value.count, 1);
      value.bytes = bytes_.subspan(begin, position_ - begin);
    } else if (value.type == number(GgufType::kString)) {
      const std::string_view text = read_string(what);
      value.bytes = std::as_bytes(std::span(text));
    } else if (gguf_type_size(value.type) != 0) {
      value.bytes = take(gguf_type_size(value.type), what);
    } else {
      throw Error("{}: {} has unknown type {}", gguf_.file(), what, value.type);
    }
    if (!gguf_.metadata_.emplace(key, value).second) {
      throw Error("{}: {} occurs twice", gguf_.file(), what);
    }
  }
}

void GgufParser::parse_tensor_table() {
  for (std::uint64_t i = 0; i < tensor_count_; ++i) {
    const std::string ordinal = fmt::format("tensor {} of {}", i + 1, tensor_count_);
    GgufTensor tensor;
    tensor.file = gguf_.file();
    tensor.name = read_string(ordinal);
    if (tensor.name.empty() || tensor.name.size() > kMaxTensorName) {
      throw Error("{}: {} has a name of {} bytes, 1 to {} are allowed", gguf_.file(), ordinal,
                  tensor.name.size(), kMaxTensorName);
    }
    const std::string what = fmt::format("tensor {}", quote(tensor.name));
    tensor.rank = read<std::uint32_t>(what);
    if (tensor.rank < 1 || tensor.rank > 4) {
      throw Error("{}: {} has {} dimensions, 1 to 4 are allowed", gguf_.file(), what, tensor.rank);
    }
    std::uint64_t elements = 1;
    for (std::uint32_t d = 0; d < tensor.rank; ++d) {
      tensor.shape[d] = read<std::uint64_t>(what);
      // No type stores more than 8 elements a byte, so anything larger cannot be in the file
      // either.
      const std::uint64_t limit = 8 * static_cast<std::uint64_t>(bytes_.size());
      if (tensor.shape[d] == 0 || tensor.shape[d] > limit / elements) {
        throw Error("{}: {}: dimension {} is {}, which is impossible in a file of {} bytes",
                    gguf_.file(), what, d, tensor.shape[d], bytes_.size());
      }
      elements *= tensor.shape[d];
    }
    tensor.type = read<std::uint32_t>(what);
    offsets_.push_back(read<std::uint64_t>(what));
    if (!gguf_.tensor_index_.emplace(tensor.name, gguf_.tensors_.size()).second) {
      throw Error("{}: {} occurs twice", gguf_.file(), what);
    }
    gguf_.tensors_.push_back(tensor);
  }
}

std::uint64_t GgufParser::alignment() const {
  const auto alignment = gguf_.get_or<std::uint32_t>("general.alignment", 32);
  if (!std::has_single_bit(alignment)) {
    throw Error("{}: general.alignment is {}, a power of two is expected", gguf_.file(), alignment);
  }
  return alignment;
}

}  // namespace tern::io
