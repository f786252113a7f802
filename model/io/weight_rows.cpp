// SPDX-License-Identifier: Apache-2.0
#include "io/weight_rows.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "io/error.hpp"
#include "io/group_scales.hpp"
#include "io/row_packing.hpp"
#include "io/trit_quantiser.hpp"
#include "spec/numerics/group_scale.hpp"

namespace tern::io {

namespace {

constexpr std::uint64_t kSlice = 1 << 20;  // elements of a tensor that are in memory at a time

std::uint64_t rows_of_slice(const MatrixSize& size) {
  return std::max<std::uint64_t>(1, kSlice / size.cols);
}

/// Part of a tensor around the row that was asked for last.
template <typename Rows>
class Slices {
 public:
  using Read = std::function<Rows(std::uint64_t first, std::uint64_t rows)>;
  Slices(const MatrixSize& size, Read read)
      : size_(size), step_(rows_of_slice(size)), read_(std::move(read)) {}

  /// The part that holds the row, and the row's number in it.
  std::pair<const Rows&, std::uint64_t> at(std::uint64_t row) {
    const std::uint64_t first = row / step_ * step_;
    if (!rows_ || first != first_) rows_ = read_(first, std::min(step_, size_.rows - first));
    first_ = first;
    return {*rows_, row - first};
  }

 private:
  MatrixSize size_;
  std::uint64_t step_;
  Read read_;
  std::optional<Rows> rows_;
  std::uint64_t first_ = 0;
};

/// The rows of trits one after another; they keep the slice that they come from.
auto trit_reader(const ModelFiles& files, std::string_view tensor, std::uint32_t group) {
  const std::string name(tensor);
  auto slices = std::make_shared<Slices<GroupedTrits>>(
      files.size(tensor), [&files, name, group](std::uint64_t first, std::uint64_t rows) {
        return files.grouped_trits(name, first, rows, group);
      });
  return slices;
}

auto float_reader(const ModelFiles& files, std::string_view tensor) {
  const std::string name(tensor);
  const MatrixSize size = files.size(tensor);
  return std::make_shared<Slices<std::vector<float>>>(
      size, [&files, name, size](std::uint64_t first, std::uint64_t rows) {
        std::vector<float> values(rows * size.cols);
        files.rows(name, first, values);
        return values;
      });
}

std::function<void(std::uint64_t, std::span<std::int8_t>)> copy_trits(
    std::shared_ptr<Slices<GroupedTrits>> slices) {
  return [slices](std::uint64_t row, std::span<std::int8_t> out) {
    const auto [part, at] = slices->at(row);
    std::copy_n(part.trits.begin() + static_cast<std::ptrdiff_t>(at * part.cols), part.cols,
                out.begin());
  };
}

template <typename Weight>
std::uint16_t magnitude_sum(std::span<const Weight> weights) {
  int sum = 0;
  for (const Weight w : weights) sum += std::abs(w);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace

WeightRows one_scale_rows(const ModelFiles& files, std::string_view tensor) {
  if (files.has_one_scale(tensor)) {
    auto matrix = std::make_shared<TernaryMatrix>(files.ternary(tensor));
    return {
        matrix->cols, matrix->scale, {}, [matrix](std::uint64_t row, std::span<std::int8_t> out) {
          std::copy_n(matrix->trits.begin() + static_cast<std::ptrdiff_t>(row * matrix->cols),
                      matrix->cols, out.begin());
        }};
  }
  auto slices = trit_reader(files, tensor, 128);
  float scale = 0;
  for (std::uint64_t r = 0; r < files.size(tensor).rows; ++r) {
    const auto [part, at] = slices->at(r);
    const auto first = part.scales.begin() + static_cast<std::ptrdiff_t>(at * part.groups());
    scale = std::max(scale,
                     *std::max_element(first, first + static_cast<std::ptrdiff_t>(part.groups())));
  }
  return {files.size(tensor).cols, scale, {}, copy_trits(slices)};
}

WeightRows grouped_rows(const ModelFiles& files, std::string_view tensor, spec::Group group) {
  const MatrixSize size = files.size(tensor);
  const std::uint32_t width = spec::group_columns(group);
  auto slices = trit_reader(files, tensor, width);
  std::vector<float> real;
  std::vector<std::uint16_t> weights;
  for (std::uint64_t r = 0; r < size.rows; ++r) {
    const auto [part, at] = slices->at(r);
    for (std::uint64_t g = 0; g < part.groups(); ++g) {
      real.push_back(part.scales[at * part.groups() + g]);
      const std::uint64_t begin = g * width, n = std::min<std::uint64_t>(width, size.cols - begin);
      weights.push_back(
          magnitude_sum(std::span<const std::int8_t>(&part.trits[at * size.cols + begin], n)));
    }
  }
  GroupScales fitted =
      fit_scales(real, weights, spec::ceil_div(static_cast<std::uint32_t>(size.cols), width));
  return {size.cols, fitted.unit, std::move(fitted.scales), copy_trits(slices)};
}

namespace {

/// The integers of float rows, once their scales are known.
class Quantiser {
 public:
  Quantiser(const ModelFiles& files, std::string_view tensor, std::uint32_t trits,
            std::uint32_t width)
      : rows_(files.size(tensor).rows),
        cols_(files.size(tensor).cols),
        trits_(trits),
        width_(width),
        groups_((cols_ + width - 1) / width),
        floats_(float_reader(files, tensor)) {}

  std::uint64_t groups() const { return groups_; }
  std::uint64_t cols() const { return cols_; }

  /// use(group of the matrix, its weights).
  template <typename Use>
  void for_groups(const Use& use) {
    for (std::uint64_t r = 0; r < rows_; ++r) {
      for (std::uint64_t g = 0; g < groups_; ++g) use(r * groups_ + g, weights(r, g));
    }
  }
  std::span<const float> weights(std::uint64_t row, std::uint64_t group) {
    const auto [part, at] = floats_->at(row);
    const std::uint64_t begin = group * width_;
    return {&part[at * cols_ + begin], std::min<std::uint64_t>(width_, cols_ - begin)};
  }

  /// The best scale on either side of the real one, for the integers that it gives.
  GroupScales choose(std::span<const float> steps, std::span<const std::uint16_t> sums) {
    GroupScales s = fit_scales(steps, sums, groups_);
    std::vector<std::uint16_t> chosen_sums(sums.size());
    std::vector<std::int8_t> low(width_), high(width_);
    while (s.unit != 0) {
      for_groups([&](std::uint64_t i, std::span<const float> w) {
        const auto below = static_cast<std::uint16_t>(
            std::min<double>(std::max(1.0, std::floor(steps[i] / s.unit)), spec::kScaleMax - 1));
        const double low_error = quantise_group(w, trits_, below * s.unit, low);
        const double high_error = quantise_group(w, trits_, (below + 1) * s.unit, high);
        const bool up = high_error < low_error;
        s.scales[i] = static_cast<std::uint16_t>(below + up);
        chosen_sums[i] =
            magnitude_sum(std::span<const std::int8_t>(up ? high : low).first(w.size()));
      });
      const double ratio = bound_ratio(s.scales, chosen_sums, groups_);
      if (ratio <= 1) break;
      s.unit *= ratio * 1.001;
    }
    return s;
  }

  void row(std::uint64_t r, const GroupScales& s, std::span<std::int8_t> out) {
    for (std::uint64_t g = 0; g < groups_; ++g) {
      const std::span<const float> w = weights(r, g);
      quantise_group(w, trits_, s.scales[r * groups_ + g] * s.unit,
                     out.subspan(g * width_, w.size()));
    }
  }

 private:
  std::uint64_t rows_, cols_;
  std::uint32_t trits_, width_;
  std::uint64_t groups_;
  std::shared_ptr<Slices<std::vector<float>>> floats_;
};

}  // namespace

WeightRows quantised_rows(const ModelFiles& files, std::string_view tensor, std::uint32_t trits,
                          spec::Group group) {
  const std::uint32_t width = spec::group_columns(group);
  auto quantiser = std::make_shared<Quantiser>(files, tensor, trits, width);
  std::vector<float> steps;
  std::vector<std::uint16_t> sums;
  std::vector<std::int8_t> integers(width);
  quantiser->for_groups([&](std::uint64_t, std::span<const float> w) {
    steps.push_back(static_cast<float>(best_step(w, trits)));
    quantise_group(w, trits, steps.back(), integers);
    sums.push_back(magnitude_sum(std::span<const std::int8_t>(integers).first(w.size())));
  });
  const auto chosen = std::make_shared<GroupScales>(quantiser->choose(steps, sums));
  return {quantiser->cols(), chosen->unit, chosen->scales,
          [quantiser, chosen](std::uint64_t row, std::span<std::int8_t> out) {
            quantiser->row(row, *chosen, out);
          }};
}

void append_rows(ImageWriter& writer, const WeightRows& source, spec::MatrixDescriptor& m,
                 const std::function<std::uint64_t(std::uint64_t)>& stored) {
  const spec::MatrixShape shape = spec::shape_of(m, writer.chip().columns);
  const bool sign = shape.layout == spec::Layout::kSign;
  const std::uint32_t height = sign ? spec::kSignRows : spec::kTritsPerByte;
  std::vector<std::int8_t> weights(std::size_t{height} * m.cols);
  const auto fill = [&](std::uint32_t stripe, std::span<std::uint8_t> codes) {
    std::fill(weights.begin(), weights.end(), std::int8_t{0});
    for (std::uint32_t i = 0; i < height; ++i) {
      const std::uint64_t row = std::uint64_t{stripe} * spec::kTritsPerByte + i;
      if (row >= m.rows) break;
      source.row(stored(row), std::span(weights).subspan(std::size_t{i} * m.cols, m.cols));
    }
    if (sign)
      pack_signs(weights, codes);
    else
      pack_planes(weights, m.planes, codes);
  };
  const auto scale = [&](std::uint32_t stripe, std::uint32_t group) {
    std::uint32_t scales[spec::kTritsPerByte] = {};
    for (std::uint32_t i = 0; i < spec::kTritsPerByte; ++i) {
      const std::uint64_t row = std::uint64_t{stripe} * spec::kTritsPerByte + i;
      if (row < m.rows) scales[i] = source.scales[stored(row) * shape.groups() + group];
    }
    return spec::scale_word(scales);
  };
  m.offset = writer.append_matrix(shape, fill, scale);
}

}  // namespace tern::io
