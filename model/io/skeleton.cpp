#include "io/skeleton.hpp"

#include "io/image_parts.hpp"
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
  out.linear.fill(weights);
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
                          const char* what) {
    MatrixDescriptor d = describe_matrix(rows, cols, format, chip, origin, what);
    d.scale = spec::make_scale(1);
    d.offset = space.take(uint64_t{d.beats} * chip.columns);
    return d;
  };
  const uint32_t q = m.heads * m.head_dim;
  const uint32_t kv = m.kv_heads * m.head_dim;
  for (uint32_t i = 0; i < m.layers; ++i) {
    spec::LayerDescriptor l{};
    l.attn_norm = vector(m.hidden);
    if (config.sub_norms) l.attn_sub_norm = vector(q);
    l.ffn_norm = vector(m.hidden);
    if (config.sub_norms) l.ffn_sub_norm = vector(m.ffn);
    if (config.qk_norms) l.attn_q_norm = vector(m.head_dim);
    if (config.qk_norms) l.attn_k_norm = vector(m.head_dim);
    l.attn_q = matrix(q, m.hidden, formats.linear[0], "attn_q");
    l.attn_k = matrix(kv, m.hidden, formats.linear[1], "attn_k");
    l.attn_v = matrix(kv, m.hidden, formats.linear[2], "attn_v");
    l.attn_output = matrix(m.hidden, q, formats.linear[3], "attn_output");
    l.ffn_gate = matrix(m.ffn, m.hidden, formats.linear[4], "ffn_gate");
    l.ffn_up = matrix(m.ffn, m.hidden, formats.linear[5], "ffn_up");
    l.ffn_down = matrix(m.hidden, m.ffn, formats.linear[6], "ffn_down");
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
