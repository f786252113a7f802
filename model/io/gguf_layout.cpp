#include <algorithm>
#include <numeric>

#include "io/error.hpp"
#include "io/gguf_parser.hpp"
#include "io/tensor_types.hpp"

/// The part of GgufParser that decides how each tensor lies in the file, and where.
namespace tern::io {

namespace {

bool has_type(const GgufTensor& tensor, TensorType type) {
  return tensor.type == static_cast<std::uint32_t>(type);
}

std::uint64_t align_up(std::uint64_t size, std::uint64_t align) {
  return (size + align - 1) / align * align;
}

}  // namespace

TensorLayout i2s_order_named(std::string_view word) {
  if (word.empty()) return TensorLayout::kStandard;
  if (word == "x86") return TensorLayout::kX86;
  if (word == "arm") return TensorLayout::kArm;
  throw Error("--i2s-order is {}, x86 or arm is expected", quote(word));
}

std::vector<std::size_t> GgufParser::order_in_file() const {
  std::vector<std::size_t> order(offsets_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return offsets_[a] < offsets_[b]; });
  return order;
}

std::vector<std::uint64_t> GgufParser::spaces(std::uint64_t data_size) const {
  const std::vector<std::size_t> order = order_in_file();
  std::vector<std::uint64_t> result(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t begin = offsets_[order[i]];
    const std::uint64_t end = i + 1 < order.size() ? offsets_[order[i + 1]] : data_size;
    result[order[i]] = end > begin ? end - begin : 0;
  }
  return result;
}

void GgufParser::choose_i2s_order() {
  TensorLayout layout = options_.i2s_order;
  for (const GgufTensor& tensor : gguf_.tensors_) {
    // x86 writes blocks of 128, so a row of an odd number of 64s was written on ARM.
    if (!has_type(tensor, TensorType::kI2_S) || tensor.cols() % 128 != 64) continue;
    if (layout == TensorLayout::kX86) {
      throw Error(
          "{}: tensor {} {} is stored as I2_S; rows of {} elements have no x86 order, leave the "
          "option --i2s-order out or give arm",
          gguf_.file(), quote(tensor.name), shape_text(tensor.dimensions()), tensor.cols());
    }
    layout = TensorLayout::kArm;
  }
  for (GgufTensor& tensor : gguf_.tensors_) {
    if (has_type(tensor, TensorType::kI2_S)) tensor.layout = layout;
  }
}

void GgufParser::choose_q2_layout(std::uint64_t align, std::uint64_t data_size) {
  const std::vector<std::uint64_t> space = spaces(data_size);
  const auto fits = [&](std::size_t i, TensorLayout layout) {
    const GgufTensor& tensor = gguf_.tensors_[i];
    const TensorTypeInfo& type = *tensor_type_info(tensor.type, layout);
    if (tensor.cols() % type.block_elements != 0) return false;
    const std::uint64_t size = type.bytes(tensor.elements());
    // The last tensor may be padded or not.
    return size <= space[i] && align_up(size, align) >= align_up(space[i], align);
  };
  constexpr TensorLayout kLayouts[] = {TensorLayout::kStandard, TensorLayout::kBlocksOf128};
  const GgufTensor* misfit = nullptr;
  std::uint64_t misfit_space = 0;
  for (const TensorLayout layout : kLayouts) {
    bool all = true;
    for (std::size_t i = 0; i < offsets_.size() && all; ++i) {
      if (!has_type(gguf_.tensors_[i], TensorType::kQ2_0) || fits(i, layout)) continue;
      all = false;
      misfit = &gguf_.tensors_[i];
      misfit_space = space[i];
    }
    if (!all) continue;
    for (GgufTensor& tensor : gguf_.tensors_) {
      if (has_type(tensor, TensorType::kQ2_0)) tensor.layout = layout;
    }
    return;
  }
  throw Error(
      "{}: tensor {} (Q2_0, {}) takes {} bytes, which fits neither blocks of 64 nor blocks of 128; "
      "the file is truncated or corrupt",
      gguf_.file(), quote(misfit->name), shape_text(misfit->dimensions()), misfit_space);
}

void GgufParser::check_block_widths() const {
  for (const GgufTensor& tensor : gguf_.tensors_) {
    const TensorTypeInfo& type = tensor_type_info(tensor);
    if (tensor.cols() % type.block_elements != 0) {
      throw Error("{}: tensor {} {} is stored as {}, whose rows must be a multiple of {} elements",
                  gguf_.file(), quote(tensor.name), shape_text(tensor.dimensions()), type.name,
                  type.block_elements);
    }
  }
}

void GgufParser::place_tensors() {
  const std::uint64_t align = alignment();
  const std::uint64_t start = align_up(position_, align);
  const std::uint64_t data_size = start < bytes_.size() ? bytes_.size() - start : 0;
  check_block_widths();
  choose_i2s_order();
  choose_q2_layout(align, data_size);
  check_block_widths();
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    GgufTensor& tensor = gguf_.tensors_[i];
    const TensorTypeInfo& type = tensor_type_info(tensor);
    const std::uint64_t size = type.bytes(tensor.elements());
    if (offsets_[i] % align != 0) {
      throw Error("{}: tensor {} begins at offset {} of the data, which is not a multiple of {}",
                  gguf_.file(), quote(tensor.name), offsets_[i], align);
    }
    if (offsets_[i] > data_size || size > data_size - offsets_[i]) {
      throw Error(
          "{}: tensor {} ({}, {}) occupies {} bytes at offset {} of {} bytes of data; the file is "
          "truncated or corrupt",
          gguf_.file(), quote(tensor.name), type.name, shape_text(tensor.dimensions()), size,
          offsets_[i], data_size);
    }
    tensor.bytes = bytes_.subspan(start + offsets_[i], size);
  }
  check_overlaps();
}

void GgufParser::check_overlaps() const {
  const std::vector<std::size_t> order = order_in_file();
  for (std::size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = gguf_.tensors_[order[i - 1]];
    const GgufTensor& after = gguf_.tensors_[order[i]];
    if (offsets_[order[i - 1]] + before.bytes.size() > offsets_[order[i]]) {
      throw Error("{}: tensors {} and {} overlap", gguf_.file(), quote(before.name),
                  quote(after.name));
    }
  }
}

}  // namespace tern::io
