// SPDX-License-Identifier: Apache-2.0
#include "io/image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/error.hpp"
#include "io/image_magic.hpp"
#include "io/image_parts.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/embedding.hpp"
#include "spec/numerics/head.hpp"

namespace tern::io {

static_assert(std::endian::native == std::endian::little,
              "images are little-endian and read in place");

namespace {

using spec::MatrixDescriptor;
using spec::VectorDescriptor;

constexpr uint32_t kMaxDimension = 1u << 20;  // of any size in a model; products then fit 64 bits
constexpr uint32_t kMaxLayers = 4096;

void check_range(const std::string& origin, std::string_view what, uint32_t value, uint32_t low,
                 uint32_t high) {
  if (value < low || value > high) {
    throw Error("{}: {} is {}, expected {} to {}; convert the model again", origin, what, value,
                low, high);
  }
}

void check_scale(const std::string& origin, std::string_view what, spec::ScaleBits s) {
  if (s.m >> 31 || (s.m && s.m < 1u << 30) || s.e < -4096 || s.e > 4096) {
    throw Error("{}: the scale of {} is not normalised; convert the model again", origin, what);
  }
}

}  // namespace

Image Image::open(const std::filesystem::path& path) {
  Image image;
  image.origin_ = path.string();
  image.file_.emplace(path);
  image.bytes_ = image.file_->bytes();
  image.parse();
  return image;
}

Image Image::from_bytes(std::vector<std::byte> bytes, std::string origin) {
  Image image;
  image.origin_ = std::move(origin);
  image.owned_ = std::move(bytes);
  image.bytes_ = image.owned_;
  image.parse();
  return image;
}

template <typename T>
std::span<const T> Image::view(uint64_t offset, uint64_t count, std::string_view what) const {
  if (offset % alignof(T) != 0 || offset > bytes_.size() ||
      count > (bytes_.size() - offset) / sizeof(T)) {
    throw Error(
        "{}: {} lies at {} to {}, outside of the {} bytes of the image; convert the model again",
        origin_, what, offset, offset + count * sizeof(T), bytes_.size());
  }
  return {reinterpret_cast<const T*>(bytes_.data() + offset), count};
}

/// Of what a chip's commands or its controller name.
template <typename T>
std::span<const T> Image::view_aligned(uint64_t offset, uint64_t count,
                                       std::string_view what) const {
  if (offset % spec::kAddrUnit != 0)
    throw Error("{}: {} begins at {}, not a multiple of {}; convert the model again", origin_, what,
                offset, spec::kAddrUnit);
  return view<T>(offset, count, what);
}

template <typename Descriptor>
void Image::check_descriptor(std::string_view what, const Descriptor& d) const {
  if (const uint32_t sum = checksum_of(d); sum != d.checksum)
    throw Error("{}: the {} is damaged: checksum 0x{:08x}, expected 0x{:08x}", origin_, what, sum,
                d.checksum);
}

void Image::parse() {
  if (bytes_.size() < sizeof header_) {
    throw Error("{}: {} bytes are too few for a .tern image; it is truncated or something else",
                origin_, bytes_.size());
  }
  std::memcpy(&header_, bytes_.data(), sizeof header_);
  if (header_.magic == kSwappedImageMagic) {
    throw Error(
        "{}: big-endian .tern version {}, this program reads little-endian version {}; convert the "
        "model again",
        origin_, byte_swapped(header_.version), spec::kImageVersion);
  }
  if (header_.magic != spec::kImageMagic) {
    throw Error("{}: not a .tern image (it begins with 0x{:08x}); make one with `tern convert`",
                origin_, header_.magic);
  }
  if (header_.version != spec::kImageVersion) {
    throw Error("{}: .tern version {}, this program reads version {}; convert the model again",
                origin_, header_.version, spec::kImageVersion);
  }
  if (header_.bytes != bytes_.size()) {
    throw Error("{}: the header says {} bytes, the file has {}; it is truncated or damaged",
                origin_, header_.bytes, bytes_.size());
  }
  // A big file does not stay in memory for having been checked.
  if (const uint64_t sum = image_checksum(bytes_, file_ ? release_pages : nullptr);
      sum != header_.checksum) {
    throw Error("{}: checksum 0x{:016x}, expected 0x{:016x}; the file is damaged", origin_, sum,
                header_.checksum);
  }
  check_range(origin_, "beat width", header_.columns, 8, 64);
  if (!std::has_single_bit(header_.columns)) {
    throw Error("{}: beat width {} is not a power of two; convert the model again", origin_,
                header_.columns);
  }
  check_range(origin_, "model descriptor size", header_.model_bytes, sizeof model_, sizeof model_);
  model_ = view_aligned<spec::ModelDescriptor>(header_.model, 1, "model descriptor")[0];
  check_descriptor("model descriptor", model_);
  const auto name = view<char>(header_.name, header_.name_bytes, "name");
  name_ = {name.data(), name.size()};
  check_range(origin_, "layers", model_.layers, 1, kMaxLayers);
  const auto layers =
      view_aligned<spec::LayerDescriptor>(model_.layer_table, model_.layers, "layer table");
  layers_.assign(layers.begin(), layers.end());
  for (std::size_t i = 0; i < layers_.size(); ++i)
    check_descriptor(fmt::format("descriptor of layer {}", i), layers_[i]);
  check_model();
  parse_tokenizer(view<uint8_t>(header_.tokenizer, header_.tokenizer_bytes, "tokenizer"));
}

void Image::check_matrix(const MatrixDescriptor& m, uint32_t rows, uint32_t cols,
                         std::string_view what) const {
  if (m.rows != rows || m.cols != cols) {
    throw Error("{}: {} is {} x {}, the model needs {} x {}; convert the model again", origin_,
                what, m.rows, m.cols, rows, cols);
  }
  check_range(origin_, "matrix layout", m.layout, 0, spec::kLayoutCount - 1);
  check_range(origin_, "matrix group", m.group, 0, spec::kGroupCount - 1);
  const auto layout = static_cast<spec::Layout>(m.layout);
  const bool value = layout == spec::Layout::kValue;
  if (value && m.group != static_cast<uint32_t>(spec::Group::kNone))
    throw Error(
        "{}: {} has group scales in the value layout, which has none; convert the model again",
        origin_, what);
  check_range(origin_, "matrix planes", m.planes, 1,
              layout == spec::Layout::kPlane ? spec::kMaxPlanes : 1);
  check_range(origin_, "matrix columns", m.cols, 1, spec::kMaxDotLength);
  check_range(origin_, "matrix stripes", m.stripes, spec::stripes_for(rows, layout), kMaxDimension);
  check_range(origin_, "matrix row block", m.block, 1, 0xffff);
  const spec::MatrixShape shape = spec::shape_of(m, columns());
  const uint32_t unit = value ? spec::kTritsPerByte : spec::kSignStripes;
  if (layout != spec::Layout::kPlane && m.stripes > m.block && m.block % unit != 0) {
    throw Error("{}: {} has a row block of {}, not a multiple of {}; convert the model again",
                origin_, what, m.block, unit);
  }
  if (layout == spec::Layout::kSign && (m.stripes % unit != 0 || m.block % unit != 0)) {
    throw Error(
        "{}: {} has {} stripes in blocks of {}, not multiples of {}; convert the model again",
        origin_, what, m.stripes, m.block, unit);
  }
  if (m.beats != shape.beats() || m.offset % spec::kAddrUnit != 0) {
    throw Error("{}: {} has {} beats at {}, its shape needs {}; convert the model again", origin_,
                what, m.beats, m.offset, shape.beats());
  }
  check_scale(origin_, what, m.scale);
  view<std::byte>(m.offset, shape.bytes(), what);
}

void Image::check_vector(const VectorDescriptor& v, uint32_t count, std::string_view what) const {
  if (v.count != count)
    throw Error("{}: {} has {} elements, the model needs {}; convert the model again", origin_,
                what, v.count, count);
  if (v.exponent < -1024 || v.exponent > 1024)
    throw Error("{}: {} has exponent {}; convert the model again", origin_, what, v.exponent);
  view_aligned<int16_t>(v.offset, count, what);
}

/// All fields of an absent vector are 0.
void Image::check_optional(const VectorDescriptor& v, uint32_t count, std::string_view what) const {
  if (spec::present(v))
    check_vector(v, count, what);
  else if (v.offset != 0 || v.exponent != 0)
    throw Error("{}: {} has no elements, but offset {} and exponent {}; convert the model again",
                origin_, what, v.offset, v.exponent);
}

/// Layers repeat the same commands, so all have the same norms; queries have one if keys have.
void Image::check_alike() const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    for (const spec::Norm norm : spec::kEveryNorm) {
      if (spec::is_optional(norm) &&
          spec::present(layers_[i].norm[norm]) != spec::present(layers_[0].norm[norm]))
        throw Error("{}: layers 0 and {} have different norms; convert the model again", origin_,
                    i);
    }
  }
  if (spec::present(layers_[0].norm[spec::Norm::kAttnQNorm]) !=
      spec::present(layers_[0].norm[spec::Norm::kAttnKNorm]))
    throw Error("{}: only one of attn_q_norm and attn_k_norm is there; convert the model again",
                origin_);
}

void Image::check_model() const {
  const spec::ModelDescriptor& m = model_;
  for (auto [what, value] : {std::pair{"hidden", m.hidden},
                             {"heads", m.heads},
                             {"kv_heads", m.kv_heads},
                             {"ffn", m.ffn},
                             {"vocab", m.vocab},
                             {"context", m.context}}) {
    check_range(origin_, what, value, 1,
                what == std::string_view("ffn") || what == std::string_view("hidden")
                    ? 65536
                    : kMaxDimension);
  }
  check_range(origin_, "head_dim", m.head_dim, 2, 4096);
  if (m.head_dim % 2 != 0 || m.heads % m.kv_heads != 0 || uint64_t{m.heads} * m.head_dim > 65536) {
    throw Error(
        "{}: {} heads, {} KV heads of width {} do not fit together; convert the model again",
        origin_, m.heads, m.kv_heads, m.head_dim);
  }
  check_range(origin_, "activation", m.activation, 0, spec::kActivationCount - 1);
  if (m.bos != spec::kNoToken) check_range(origin_, "bos", m.bos, 0, m.vocab - 1);
  if (m.eos != spec::kNoToken) check_range(origin_, "eos", m.eos, 0, m.vocab - 1);
  check_range(origin_, "residual fraction bits", m.residual_frac, 0, 30);
  check_range(origin_, "head shift", m.head_shift, 0, 62);
  check_range(origin_, "key block", m.key_block, spec::kTritsPerByte, 0xffff);
  check_scale(origin_, "eps", m.eps);
  check_scale(origin_, "score scale", m.score_scale);
  check_scale(origin_, "head scale", m.head_scale);
  check_vector(m.output_norm, m.hidden, "output_norm");
  check_embedding();
  check_matrix(m.head, m.vocab, m.hidden, "head");
  view_aligned<int32_t>(m.head_row_scales, m.vocab, "head row scales");
  view_aligned<int16_t>(m.rope_table, uint64_t{m.context} * m.head_dim, "rope table");
  if (m.key_block % spec::kTritsPerByte != 0)
    throw Error("{}: a key block of {} is not a multiple of {}; convert the model again", origin_,
                m.key_block, spec::kTritsPerByte);
  check_alike();
  for (const spec::LayerDescriptor& layer : layers_) {
    for (const spec::NormInfo& info : spec::kNorms) {
      const VectorDescriptor& norm = layer.norm[info.norm];
      const uint32_t count = spec::count_of(info.norm, m);
      if (spec::is_optional(info.norm))
        check_optional(norm, count, info.name);
      else
        check_vector(norm, count, info.name);
    }
    for (const spec::PartInfo& info : spec::kParts)
      check_matrix(layer.matrix[info.part], spec::rows_of(info.part, m),
                   spec::columns_of(info.part, m), info.name);
  }
  check_caches();
  check_disjoint();
}

/// Matrices share no bytes. A model's memory and time then have the size of its file: a few bytes
/// could otherwise claim thousands of layers.
void Image::check_disjoint() const {
  struct Place {
    uint64_t begin, end;
    std::string_view what;
    std::size_t layer;
  };
  const auto place_of = [&](const MatrixDescriptor& m, std::string_view what, std::size_t layer) {
    return Place{m.offset, m.offset + uint64_t{m.beats} * columns(), what, layer};
  };
  std::vector<Place> places{place_of(model_.head, "head", 0)};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    for (const spec::PartInfo& part : spec::kParts)
      places.push_back(place_of(layers_[i].matrix[part.part], part.name, i));
  }
  std::ranges::sort(places, {}, &Place::begin);
  for (std::size_t i = 1; i < places.size(); ++i) {
    const Place &before = places[i - 1], &p = places[i];
    if (p.begin < before.end)
      throw Error(
          "{}: {} of layer {} and {} of layer {} lie over each other; convert the model again",
          origin_, before.what, before.layer, p.what, p.layer);
  }
}

void Image::check_embedding() const {
  const spec::ModelDescriptor& m = model_;
  if (m.embedding.count != uint64_t{m.vocab} * m.hidden)
    throw Error("{}: embedding has {} elements, expected {} x {}", origin_, m.embedding.count,
                m.vocab, m.hidden);
  check_range(origin_, "embedding group", m.embedding_group, 0, spec::kGroupCount - 1);
  if (!has_trit_embedding()) return check_vector(m.embedding, m.vocab * m.hidden, "embedding");
  if (m.embedding.exponent < -1024 || m.embedding.exponent > 1024)
    throw Error("{}: embedding has exponent {}; convert the model again", origin_,
                m.embedding.exponent);
  const auto group = static_cast<spec::Group>(m.embedding_group);
  view_aligned<uint8_t>(m.embedding.offset, spec::embedding_bytes(m.vocab, m.hidden, group),
                        "embedding");
}

/// Every place of the caches and of their scales follows from the sizes.
void Image::check_caches() const {
  spec::ModelDescriptor m = model_;
  std::vector<spec::LayerDescriptor> layers = layers_;
  m.cache_offset = spec::align_up(bytes_.size(), spec::kAddrUnit);
  place_caches(m, layers, columns());
  const auto check = [&](std::string_view what, uint64_t value, uint64_t expected) {
    if (value != expected)
      throw Error("{}: {} is {}, expected {}; convert the model again", origin_, what, value,
                  expected);
  };
  check("cache_offset", model_.cache_offset, m.cache_offset);
  check("key_cache_bytes", model_.key_cache_bytes, m.key_cache_bytes);
  check("value_cache_bytes", model_.value_cache_bytes, m.value_cache_bytes);
  check("kv_scale_bytes", model_.kv_scale_bytes, m.kv_scale_bytes);
  check("work_offset", model_.work_offset, m.work_offset);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    for (const spec::CacheInfo& cache : spec::kCaches)
      check(fmt::format("{} of layer {}", cache.name, i), layers_[i].*cache.place,
            layers[i].*cache.place);
  }
}

std::span<const uint8_t> Image::matrix(const MatrixDescriptor& m) const {
  return {reinterpret_cast<const uint8_t*>(bytes_.data() + m.offset),
          uint64_t{m.beats} * columns()};
}
std::span<const int16_t> Image::vector(const VectorDescriptor& v) const {
  return {reinterpret_cast<const int16_t*>(bytes_.data() + v.offset), v.count};
}
bool Image::has_trit_embedding() const {
  return model_.embedding_group != static_cast<uint32_t>(spec::Group::kNone);
}
Image::TritRow Image::trit_embedding(uint32_t token) const {
  const auto group = static_cast<spec::Group>(model_.embedding_group);
  const uint64_t row = spec::embedding_row_bytes(model_.hidden);
  const uint64_t scales = spec::embedding_scale_bytes(model_.hidden, group);
  const std::byte* base = bytes_.data() + model_.embedding.offset;
  return {{reinterpret_cast<const uint8_t*>(base + token * row),
           spec::ceil_div(model_.hidden, spec::kTritsPerByte)},
          {reinterpret_cast<const int16_t*>(base + model_.vocab * row + token * scales),
           spec::ceil_div(model_.hidden, spec::group_columns(group))}};
}
std::span<const int16_t> Image::embedding(uint32_t token) const {
  if (has_trit_embedding()) return {};
  return vector(model_.embedding).subspan(std::size_t{token} * model_.hidden, model_.hidden);
}
std::span<const int16_t> Image::rope(uint32_t position) const {
  const auto* table = reinterpret_cast<const int16_t*>(bytes_.data() + model_.rope_table);
  return {table + std::size_t{position} * model_.head_dim, model_.head_dim};
}
std::span<const int32_t> Image::head_row_scales() const {
  return {reinterpret_cast<const int32_t*>(bytes_.data() + model_.head_row_scales), model_.vocab};
}

uint64_t Image::stream_bytes(uint32_t tokens) const {
  uint64_t beats = model_.head.beats;
  for (const auto& layer : layers_) {
    for (const MatrixDescriptor& m : layer.matrix) beats += m.beats;
  }
  const uint64_t cache =
      spec::key_cache_shape(tokens, model_.head_dim, model_.key_block, columns()).bytes() +
      spec::value_cache_shape(tokens, model_.head_dim, columns()).bytes();
  return beats * columns() + uint64_t{model_.layers} * model_.kv_heads * cache;
}

}  // namespace tern::io
