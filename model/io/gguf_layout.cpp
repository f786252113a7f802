// SPDX-License-Identifier: Apache-2.0
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

std::vector<std::uint64_t> GgufParser::spaces() const {
  const std::vector<std::size_t> order = order_in_file();
  std::vector<std::uint64_t> result(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t begin = offsets_[order[i]];
    const std::uint64_t end = i + 1 < order.size() ? offsets_[order[i + 1]] : data_size_;
    result[order[i]] = end > begin ? end - begin : 0;
  }
  return result;
}

void GgufParser::set_layout(TensorType type, TensorLayout layout) {
  for (GgufTensor& tensor : gguf_.tensors_) {
    if (has_type(tensor, type)) tensor.layout = layout;
  }
}

void GgufParser::choose_i2s_order(std::span<GgufParser> parts) {
  TensorLayout layout = parts.front().gguf_.options_.i2s_order;
  for (const GgufParser& part : parts) {
    for (const GgufTensor& tensor : part.gguf_.tensors_) {
      // x86 writes blocks of 128, so a row of an odd number of 64s was written on ARM.
      if (!has_type(tensor, TensorType::kI2_S) || tensor.cols() % 128 != 64) continue;
      if (layout == TensorLayout::kX86) {
        throw Error(
            "{}: tensor {} {} is stored as I2_S; rows of {} elements have no x86 order, leave the "
            "option --i2s-order out or give arm",
            tensor.file, quote(tensor.name), shape_text(tensor.dimensions()), tensor.cols());
      }
      layout = TensorLayout::kArm;
    }
  }
  for (GgufParser& part : parts) part.set_layout(TensorType::kI2_S, layout);
}

std::pair<const GgufTensor*, std::uint64_t> GgufParser::q2_misfit(TensorLayout layout) const {
  const TensorTypeInfo& type =
      *tensor_type_info(static_cast<std::uint32_t>(TensorType::kQ2_0), layout);
  const std::vector<std::uint64_t> space = spaces();
  std::pair<const GgufTensor*, std::uint64_t> misfit;
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    const GgufTensor& tensor = gguf_.tensors_[i];
    if (!has_type(tensor, TensorType::kQ2_0)) continue;
    const std::uint64_t size = type.bytes(tensor.elements());
    // The last tensor may be padded or not.
    if (tensor.cols() % type.block_elements != 0 || size > space[i] ||
        align_up(size, align_) < align_up(space[i], align_)) {
      return {&tensor, space[i]};
    }
  }
  return {};
}

void GgufParser::choose_q2_layout(std::span<GgufParser> parts) {
  std::pair<const GgufTensor*, std::uint64_t> misfit;
  for (const TensorLayout layout : {TensorLayout::kStandard, TensorLayout::kBlocksOf128}) {
    misfit = {};
    for (const GgufParser& part : parts) {
      if (misfit.first == nullptr) misfit = part.q2_misfit(layout);
    }
    if (misfit.first != nullptr) continue;
    for (GgufParser& part : parts) part.set_layout(TensorType::kQ2_0, layout);
    return;
  }
  throw Error(
      "{}: tensor {} (Q2_0, {}) takes {} bytes, which fits neither blocks of 64 nor blocks of 128; "
      "the file is truncated or corrupt",
      misfit.first->file, quote(misfit.first->name), shape_text(misfit.first->dimensions()),
      misfit.second);
}

void GgufParser::check_block_widths() const {
  for (const GgufTensor& tensor : gguf_.tensors_) {
    const TensorTypeInfo* type = tensor_type_info(tensor.type, tensor.layout);
    if (type != nullptr && tensor.cols() % type->block_elements != 0) {
      throw Error("{}: tensor {} {} is stored as {}, whose rows must be a multiple of {} elements",
                  gguf_.file(), quote(tensor.name), shape_text(tensor.dimensions()), type->name,
                  type->block_elements);
    }
  }
}

void GgufParser::find_data() {
  align_ = alignment();
  data_begin_ = align_up(position_, align_);
  data_size_ = data_begin_ < bytes_.size() ? bytes_.size() - data_begin_ : 0;
}

void GgufParser::place_tensors(std::span<GgufParser> parts) {
  for (const GgufParser& part : parts) part.check_block_widths();
  choose_i2s_order(parts);
  choose_q2_layout(parts);
  for (GgufParser& part : parts) {
    part.check_block_widths();
    part.place();
  }
}

void GgufParser::place() {
  const std::vector<std::uint64_t> space = spaces();
  for (std::size_t i = 0; i < offsets_.size(); ++i) {
    GgufTensor& tensor = gguf_.tensors_[i];
    const TensorTypeInfo* type = tensor_type_info(tensor.type, tensor.layout);
    const std::uint64_t size = type != nullptr ? type->bytes(tensor.elements()) : space[i];
    if (offsets_[i] % align_ != 0) {
      throw Error("{}: tensor {} begins at offset {} of the data, which is not a multiple of {}",
                  gguf_.file(), quote(tensor.name), offsets_[i], align_);
    }
    if (offsets_[i] > data_size_ || size > data_size_ - offsets_[i]) {
      throw Error(
          "{}: tensor {} ({}, {}) occupies {} bytes at offset {} of {} bytes of data; the file is "
          "truncated or corrupt",
          gguf_.file(), quote(tensor.name), tensor_type_name(tensor.type),
          shape_text(tensor.dimensions()), size, offsets_[i], data_size_);
    }
    tensor.bytes = bytes_.subspan(data_begin_ + offsets_[i], size);
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
