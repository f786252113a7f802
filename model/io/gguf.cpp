// SPDX-License-Identifier: Apache-2.0
#include "io/gguf.hpp"

#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "io/error.hpp"
#include "io/gguf_parser.hpp"
#include "io/gguf_split.hpp"
#include "io/mapped_file.hpp"

namespace tern::io {

namespace {

template <typename T>
T load(std::span<const std::byte> bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Calls `use` with the scalar as its own C++ type; false if it is not a number.
template <typename Use>
bool visit_number(std::uint32_t type, std::span<const std::byte> bytes, const Use& use) {
  switch (static_cast<GgufType>(type)) {
    case GgufType::kUint8:
      use(load<std::uint8_t>(bytes));
      return true;
    case GgufType::kInt8:
      use(load<std::int8_t>(bytes));
      return true;
    case GgufType::kUint16:
      use(load<std::uint16_t>(bytes));
      return true;
    case GgufType::kInt16:
      use(load<std::int16_t>(bytes));
      return true;
    case GgufType::kUint32:
      use(load<std::uint32_t>(bytes));
      return true;
    case GgufType::kInt32:
      use(load<std::int32_t>(bytes));
      return true;
    case GgufType::kUint64:
      use(load<std::uint64_t>(bytes));
      return true;
    case GgufType::kInt64:
      use(load<std::int64_t>(bytes));
      return true;
    case GgufType::kFloat32:
      use(load<float>(bytes));
      return true;
    case GgufType::kFloat64:
      use(load<double>(bytes));
      return true;
    default:
      return false;
  }
}

enum class Fit { kYes, kWrongKind, kOutOfRange };

template <typename T>
Fit convert(std::uint32_t type, std::span<const std::byte> bytes, T& out) {
  Fit fit = Fit::kWrongKind;
  visit_number(type, bytes, [&](auto value) {
    using V = decltype(value);
    if constexpr (std::is_floating_point_v<T> && std::is_floating_point_v<V>) {
      const bool fits = std::isfinite(value) &&
                        std::abs(value) <= static_cast<V>(std::numeric_limits<float>::max());
      fit = fits ? Fit::kYes : Fit::kOutOfRange;
      if (fits) out = static_cast<T>(value);
    } else if constexpr (std::is_integral_v<T> && std::is_integral_v<V>) {
      fit = std::in_range<T>(value) ? Fit::kYes : Fit::kOutOfRange;
      out = static_cast<T>(value);
    }
  });
  return fit;
}

template <typename T>
constexpr std::string_view wanted() {
  if constexpr (std::is_same_v<T, bool>) return "a truth value";
  if constexpr (std::is_integral_v<T>) return "an integer";
  if constexpr (std::is_floating_point_v<T>) return "a floating-point number";
  return "a string";
}

}  // namespace

std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string result = "[";
  for (const std::uint64_t size : shape)
    result += fmt::format("{}{}", result.size() > 1 ? ", " : "", size);
  return result + "]";
}

Gguf::Gguf(const std::filesystem::path& path, const GgufOptions& options) : options_(options) {
  SplitGguf(*this).open(path);
}

Gguf::Gguf(std::vector<std::byte> bytes, std::string name, const GgufOptions& options)
    : file_(std::make_unique<std::string>(std::move(name))), options_(options) {
  auto held = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  bytes_ = *held;
  owner_ = std::move(held);
  SplitGguf(*this).read_whole();
}

void Gguf::map(const std::filesystem::path& path) {
  auto mapped = std::make_shared<const MappedFile>(path);
  file_ = std::make_unique<std::string>(path.string());
  bytes_ = mapped->bytes();
  owner_ = std::move(mapped);
  mapped_ = true;
}

std::uint64_t Gguf::file_size() const {
  std::uint64_t size = bytes_.size();
  for (const std::unique_ptr<Gguf>& part : other_parts_) size += part->bytes_.size();
  return size;
}

std::vector<std::string_view> Gguf::keys() const {
  std::vector<std::string_view> result;
  for (const auto& entry : metadata_) result.push_back(entry.first);
  return result;
}

const Gguf::Value& Gguf::value(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) throw Error("{}: metadata {} is missing", file(), quote(key));
  return found->second;
}

std::optional<double> Gguf::number(std::string_view key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end() || found->second.is_array) return std::nullopt;
  const Value& v = found->second;
  if (v.type == static_cast<std::uint32_t>(GgufType::kBool)) return load<std::uint8_t>(v.bytes);
  std::optional<double> result;
  visit_number(v.type, v.bytes, [&](auto value) { result = static_cast<double>(value); });
  return result;
}

std::string Gguf::value_text(std::string_view key) const {
  const Value& v = value(key);
  if (v.is_array) return fmt::format("an array of {} {}", v.count, gguf_type_name(v.type));
  if (v.type == static_cast<std::uint32_t>(GgufType::kString)) return quote(text_of(v.bytes));
  if (v.type == static_cast<std::uint32_t>(GgufType::kBool))
    return load<std::uint8_t>(v.bytes) == 0 ? "false" : "true";
  std::string text;
  visit_number(v.type, v.bytes, [&](auto value) { text = fmt::format("{}", value); });
  return text;
}

template <typename T>
T Gguf::get(std::string_view key) const {
  const Value& v = value(key);
  Fit fit = Fit::kWrongKind;
  T result{};
  if (!v.is_array) {
    if constexpr (std::is_same_v<T, bool>) {
      if (v.type == static_cast<std::uint32_t>(GgufType::kBool)) {
        const auto stored = load<std::uint8_t>(v.bytes);
        fit = stored <= 1 ? Fit::kYes : Fit::kOutOfRange;
        result = stored == 1;
      }
    } else if constexpr (std::is_arithmetic_v<T>) {
      fit = convert(v.type, v.bytes, result);
    } else if (v.type == static_cast<std::uint32_t>(GgufType::kString)) {
      fit = Fit::kYes;
      result = T(text_of(v.bytes));
    }
  }
  if (fit == Fit::kWrongKind) {
    throw Error("{}: metadata {} is {}{}, {} is expected", file(), quote(key),
                v.is_array ? "an array of " : "", gguf_type_name(v.type), wanted<T>());
  }
  if (fit == Fit::kOutOfRange) throw Error("{}: metadata {} is out of range", file(), quote(key));
  return result;
}

template <typename T>
std::vector<T> Gguf::get_array(std::string_view key) const {
  const Value& v = value(key);
  const auto type = static_cast<GgufType>(v.type);
  const bool fits = std::is_same_v<T, std::string_view> ? type == GgufType::kString
                    : std::is_same_v<T, float>
                        ? type == GgufType::kFloat32
                        : type == GgufType::kInt32 || type == GgufType::kUint32;
  if (!v.is_array || !fits) {
    throw Error("{}: metadata {} is {}{}, an array of {} is expected", file(), quote(key),
                v.is_array ? "an array of " : "", gguf_type_name(v.type),
                std::is_same_v<T, std::string_view> ? "STRING"
                : std::is_same_v<T, float>          ? "FLOAT32"
                                                    : "INT32 or UINT32");
  }
  std::vector<T> result;
  result.reserve(v.count);
  std::span<const std::byte> rest = v.bytes;
  for (std::uint64_t i = 0; i < v.count; ++i) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      const auto size = load<std::uint64_t>(rest);
      result.push_back(text_of(rest.subspan(sizeof(size), size)));
      rest = rest.subspan(sizeof(size) + size);
    } else {
      T element{};
      if (convert(v.type, rest, element) != Fit::kYes) {
        throw Error("{}: metadata {}: element {} is out of range", file(), quote(key), i);
      }
      result.push_back(element);
      rest = rest.subspan(sizeof(T));
    }
  }
  return result;
}

template bool Gguf::get<bool>(std::string_view) const;
template std::int32_t Gguf::get<std::int32_t>(std::string_view) const;
template std::uint32_t Gguf::get<std::uint32_t>(std::string_view) const;
template std::int64_t Gguf::get<std::int64_t>(std::string_view) const;
template std::uint64_t Gguf::get<std::uint64_t>(std::string_view) const;
template float Gguf::get<float>(std::string_view) const;
template double Gguf::get<double>(std::string_view) const;
template std::string Gguf::get<std::string>(std::string_view) const;
template std::string_view Gguf::get<std::string_view>(std::string_view) const;
template std::vector<std::string_view> Gguf::get_array<std::string_view>(std::string_view) const;
template std::vector<float> Gguf::get_array<float>(std::string_view) const;
template std::vector<std::int32_t> Gguf::get_array<std::int32_t>(std::string_view) const;
template std::vector<std::uint32_t> Gguf::get_array<std::uint32_t>(std::string_view) const;

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

const GgufTensor& Gguf::tensor(std::string_view name) const {
  const GgufTensor* found = find_tensor(name);
  if (found == nullptr) throw Error("{}: tensor {} is missing", file(), quote(name));
  return *found;
}

void Gguf::release(std::span<const std::byte> bytes) const {
  if (mapped_) release_pages(bytes);
}

}  // namespace tern::io
