// SPDX-License-Identifier: Apache-2.0
#include "io/skeleton.hpp"

#include <algorithm>

#include "io/image_parts.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/embedding.hpp"

namespace tern::io {
namespace {

using spec::MatrixDescriptor;
using spec::VectorDescriptor;

/// Hands out places as ImageWriter does.
class Space {
 public:
  explicit Space(uint64_t begin) : end_(begin) {}
  uint64_t take(uint64_t bytes) {
    const uint64_t at = spec::align_up(end_, spec::kAddrUnit);
    end_ = at + bytes;
    return at;
  }

 private:
  uint64_t end_;
};

}  // namespace

std::vector<std::pair<uint64_t, std::span<const std::byte>>> Skeleton::parts() const {
  return {{0, std::as_bytes(std::span(&header, 1))},
          {header.model, std::as_bytes(std::span(&model, 1))},
          {model.layer_table, std::as_bytes(std::span(layers))}};
}

Skeleton skeleton_of(const Image& image) {
  Skeleton s{std::string(image.name()), image.header(), image.model(), {}};
  for (uint32_t i = 0; i < image.model().layers; ++i) s.layers.push_back(image.layer(i));
  return s;
}

ModelFormats formats_of(const MatrixFormat& weights, const std::optional<MatrixFormat>& tables) {
  ModelFormats out;
  std::ranges::fill(out.linear, weights);
  out.embedding = out.head = tables;
  return out;
}

Skeleton make_skeleton(const ModelConfig& config, const spec::ChipConfig& chip,
                       std::string_view name, const MatrixFormat& weights,
                       const std::optional<MatrixFormat>& tables) {
  return make_skeleton(config, chip, name, formats_of(weights, tables));
}

Skeleton make_skeleton(const ModelConfig& config, const spec::ChipConfig& chip,
                       std::string_view name, const ModelFormats& formats) {
  const std::string origin(name);
  Skeleton s;
  s.name = name;
  s.model = describe_model(config, chip, origin);
  spec::ModelDescriptor& m = s.model;
  Space space(sizeof(spec::ImageHeader));
  const auto vector = [&](uint32_t count) {
    return VectorDescriptor{space.take(2 * uint64_t{count}), count, 0};
  };
  const auto matrix = [&](uint32_t rows, uint32_t cols, const MatrixFormat& format,
                          std::string_view what) {
    MatrixDescriptor d = describe_matrix(rows, cols, format, chip, origin, what);
    d.scale = spec::make_scale(1);
    d.offset = space.take(uint64_t{d.beats} * chip.columns);
    return d;
  };
  for (uint32_t i = 0; i < m.layers; ++i) {
    spec::LayerDescriptor l{};
    for (const spec::Norm norm : spec::kEveryNorm) {
      if (spec::has_norm(config, norm)) l.norm[norm] = vector(spec::count_of(norm, m));
    }
    for (const spec::PartInfo& part : spec::kParts)
      l.matrix[part.part] = matrix(spec::rows_of(part.part, m), spec::columns_of(part.part, m),
                                   formats.linear[part.part], part.name);
    s.layers.push_back(l);
  }
  m.output_norm = vector(m.hidden);
  if (formats.embedding) {
    m.embedding_group = static_cast<uint32_t>(formats.embedding->group);
    m.embedding = {space.take(spec::embedding_bytes(m.vocab, m.hidden, formats.embedding->group)),
                   m.vocab * m.hidden, 0};
  } else {
    m.embedding = vector(m.vocab * m.hidden);
  }
  set_head(m, matrix(m.vocab, m.hidden, formats.head.value_or(kValues), "the head"));
  m.head_row_scales = space.take(4 * uint64_t{m.vocab});
  m.rope_table = space.take(2 * uint64_t{m.context} * m.head_dim);

  s.header.magic = spec::kImageMagic;
  s.header.version = spec::kImageVersion;
  s.header.columns = chip.columns;
  s.header.model_bytes = sizeof m;
  s.header.model = space.take(sizeof m);
  m.layer_table = space.take(s.layers.size() * sizeof s.layers[0]);
  s.header.bytes = m.cache_offset = space.take(0);
  place_caches(m, s.layers, chip.columns);
  for (spec::LayerDescriptor& l : s.layers) l.checksum = checksum_of(l);
  m.checksum = checksum_of(m);
  return s;
}

}  // namespace tern::io
