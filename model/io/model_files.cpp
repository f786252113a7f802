// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.hpp"

#include <algorithm>

#include "io/error.hpp"
#include "io/file_status.hpp"
#include "io/hf_folder.hpp"

namespace tern::io {

namespace {

constexpr std::uint32_t kWideGroup = 128, kNarrowGroup = 64;

/// Whether each group of so many columns has one magnitude besides 0.
bool has_groups(std::span<const float> row, std::uint32_t group) {
  for (std::size_t at = 0; at < row.size(); at += group) {
    if (!only_magnitude(row.subspan(at, std::min<std::size_t>(group, row.size() - at))))
      return false;
  }
  return true;
}

}  // namespace

std::optional<TernaryFormat> ModelFiles::ternary_format(std::string_view tensor) const {
  if (has_one_scale(tensor)) return TernaryFormat{};
  const MatrixSize whole = size(tensor);
  std::vector<float> row(whole.cols);
  float first = 0;
  TernaryFormat format{0, true};
  for (std::uint64_t r = 0; r < whole.rows; ++r) {
    rows(tensor, r, row);
    // What one row needs serves those that would do with less.
    if (format.group == 0) {
      const std::optional<float> scale = only_magnitude(row);
      if (first == 0 && scale) first = *scale;
      if (!scale || (*scale != 0 && *scale != first)) format.group = kWideGroup;
    }
    if (format.group == kWideGroup && !has_groups(row, kWideGroup)) format.group = kNarrowGroup;
    if (format.group == kNarrowGroup && !has_groups(row, kNarrowGroup)) return std::nullopt;
    if (std::ranges::find(row, 0.0f) != row.end()) format.signs = false;
  }
  return format;
}

GroupedTrits ModelFiles::grouped_trits(std::string_view tensor, std::uint64_t first,
                                       std::uint64_t count, std::uint32_t group) const {
  GroupedTrits out{count, size(tensor).cols, group, {}, {}};
  std::vector<float> values(count * out.cols);
  rows(tensor, first, values);
  for (std::uint64_t r = 0; r < count; ++r) {
    const std::span<const float> row(&values[r * out.cols], out.cols);
    for (std::size_t at = 0; at < out.cols; at += group) {
      const std::size_t width = std::min<std::size_t>(group, out.cols - at);
      out.scales.push_back(only_magnitude(row.subspan(at, width)).value_or(0));
    }
    for (const float value : row)
      out.trits.push_back(static_cast<std::int8_t>((value > 0) - (value < 0)));
  }
  return out;
}

namespace {

class GgufFiles final : public ModelFiles {
 public:
  explicit GgufFiles(const Gguf& gguf) : gguf_(gguf), config_(read_model_config(gguf)) {}

  const std::string& file() const override { return gguf_.file(); }
  const ModelConfig& config() const override { return config_; }
  Vocabulary vocabulary() const override { return read_gguf_vocabulary(gguf_); }
  std::vector<std::string> notes() const override {
    const std::string note = implied_pre_note(gguf_);
    return note.empty() ? std::vector<std::string>() : std::vector<std::string>{note};
  }

  bool has(std::string_view name) const override { return gguf_.find_tensor(name) != nullptr; }

  MatrixSize size(std::string_view name) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    return {tensor.rows(), tensor.cols()};
  }

  void rows(std::string_view name, std::uint64_t first, std::span<float> out) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    decode_floats(tensor, first * tensor.cols(), out);
    const std::uint64_t row_bytes = tensor.bytes.size() / tensor.rows();
    gguf_.release(tensor.bytes.subspan(first * row_bytes, out.size() / tensor.cols() * row_bytes));
  }

  bool has_one_scale(std::string_view name) const override {
    return io::has_one_scale(gguf_.tensor(name));
  }

  TernaryMatrix ternary(std::string_view name) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    TernaryMatrix matrix = decode_ternary(tensor);
    gguf_.release(tensor.bytes);
    return matrix;
  }

  std::optional<TernaryFormat> ternary_format(std::string_view name) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    if (!is_ternary(tensor)) return ModelFiles::ternary_format(name);
    const TernaryFormat format = io::ternary_format(tensor);
    gguf_.release(tensor.bytes);
    return format;
  }

  GroupedTrits grouped_trits(std::string_view name, std::uint64_t first, std::uint64_t count,
                             std::uint32_t group) const override {
    const GgufTensor& tensor = gguf_.tensor(name);
    if (!is_ternary(tensor)) return ModelFiles::grouped_trits(name, first, count, group);
    GroupedTrits out = decode_grouped(tensor, first, count, group);
    const std::uint64_t row_bytes = tensor.bytes.size() / tensor.rows();
    gguf_.release(tensor.bytes.subspan(first * row_bytes, count * row_bytes));
    return out;
  }

 private:
  const Gguf& gguf_;
  ModelConfig config_;
};

/// A file and its view.
class OwnedGguf final : public ModelFiles {
 public:
  OwnedGguf(const std::filesystem::path& path, const GgufOptions& options)
      : gguf_(path, options), files_(gguf_) {}

  const std::string& file() const override { return files_.file(); }
  const ModelConfig& config() const override { return files_.config(); }
  Vocabulary vocabulary() const override { return files_.vocabulary(); }
  std::vector<std::string> notes() const override { return files_.notes(); }
  bool has(std::string_view name) const override { return files_.has(name); }
  MatrixSize size(std::string_view name) const override { return files_.size(name); }
  void rows(std::string_view name, std::uint64_t first, std::span<float> out) const override {
    files_.rows(name, first, out);
  }
  bool has_one_scale(std::string_view name) const override { return files_.has_one_scale(name); }
  TernaryMatrix ternary(std::string_view name) const override { return files_.ternary(name); }
  std::optional<TernaryFormat> ternary_format(std::string_view name) const override {
    return files_.ternary_format(name);
  }
  GroupedTrits grouped_trits(std::string_view name, std::uint64_t first, std::uint64_t count,
                             std::uint32_t group) const override {
    return files_.grouped_trits(name, first, count, group);
  }

 private:
  Gguf gguf_;
  GgufFiles files_;
};

}  // namespace

std::unique_ptr<ModelFiles> model_files(const Gguf& gguf) {
  return std::make_unique<GgufFiles>(gguf);
}

std::unique_ptr<ModelFiles> open_model(const std::filesystem::path& path,
                                       const GgufOptions& options) {
  if (is_folder(path)) return open_hf_folder(path);
  return std::make_unique<OwnedGguf>(path, options);
}

}  // namespace tern::io
