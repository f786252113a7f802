// SPDX-License-Identifier: Apache-2.0
#include "operands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "golden/model.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/gguf.hpp"
#include "io/image.hpp"
#include "spec/numerics/t5.hpp"

namespace tern::energy {
namespace {

using spec::TracePoint;

constexpr int kPositions = 8;  ///< That become activation columns of a product with weights.

template <typename T>
std::string hex(const T* bytes, std::size_t n) {
  std::string text;
  for (std::size_t i = 0; i < n; ++i) text += fmt::format("{:02x}", static_cast<uint8_t>(bytes[i]));
  return text;
}

nlohmann::json tiles_of(const std::vector<int8_t>& x, const spec::MatrixShape& shape) {
  std::vector<int8_t> padded(std::size_t{shape.tiles()} * shape.columns);
  std::copy(x.begin(), x.end(), padded.begin());
  nlohmann::json out = nlohmann::json::array();
  for (uint32_t t = 0; t < shape.tiles(); ++t)
    out.push_back(hex(&padded[t * shape.columns], shape.columns));
  return out;
}

nlohmann::json stream(const std::string& name, const uint8_t* beats, const spec::MatrixShape& shape,
                      int count, const std::vector<std::vector<int8_t>>& inputs) {
  nlohmann::json out = {{"name", name},
                        {"layout", shape.layout == spec::Layout::kPlane ? "plane" : "value"},
                        {"rows", shape.rows}};
  for (uint32_t t = 0; t < shape.tiles(); ++t)
    out["columns"].push_back(std::min(shape.columns, shape.cols - t * shape.columns));
  for (uint32_t first = 0; first < shape.stripes; first += shape.block) {
    const uint32_t length = std::min(shape.block, shape.stripes - first);
    for (uint32_t t = 0; t < shape.tiles(); ++t) {
      for (uint32_t s = first; s < first + length && count > 0; ++s, --count) {
        out["beats"].push_back(
            {t, s, hex(beats + shape.offset(s, t * shape.columns), shape.columns)});
      }
    }
  }
  for (const auto& x : inputs) out["inputs"].push_back(tiles_of(x, shape));
  return out;
}

/// What the trace of a run leaves behind: the last vectors of each kind.
struct Recorder {
  int from = 0;        ///< first position that is kept
  int last = 0;        ///< position of the attention that is kept
  int middle = 0;      ///< layer of the attention and of the vectors
  uint32_t group = 1;  ///< query heads of a KV head
  uint32_t dim = 0;

  std::map<std::pair<int, TracePoint>, std::vector<std::vector<int8_t>>> inputs;
  std::map<std::string, std::vector<int32_t>> vectors;
  std::vector<std::vector<int8_t>> queries, limbs;
  std::vector<std::vector<int32_t>> keys, values;  ///< [token][head_dim]

  void operator()(const TraceEvent& e) {
    const bool here = e.key.layer == middle;
    const std::vector<int8_t> input(e.inputs.begin(), e.inputs.end());
    if (here && (e.key.point == TracePoint::kKeyBytes || e.key.point == TracePoint::kValueBytes)) {
      auto& cache = e.key.point == TracePoint::kKeyBytes ? keys : values;
      cache.emplace_back(e.values.begin(), e.values.begin() + dim);
    } else if (e.key.head >= 0) {
      if (!here || e.key.position != last || e.key.head >= static_cast<int>(group)) return;
      (e.key.point == TracePoint::kAttnScores ? queries : limbs).push_back(input);
    } else if (e.key.position >= from && !input.empty()) {
      inputs[{e.key.layer, e.key.point}].push_back(input);
    }
    if ((here || e.key.layer < 0) && e.key.position == last && e.key.head < 0)
      vectors[spec::name_of(e.key.point)].assign(e.values.begin(), e.values.end());
  }
};

int most_likely(std::span<const int32_t> logits) {
  return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

std::vector<uint8_t> cache_bytes(const std::vector<std::vector<int32_t>>& vectors,
                                 const spec::MatrixShape& shape, bool tokens_are_rows) {
  std::vector<uint8_t> bytes(shape.bytes(), spec::kT5Zero);
  for (uint32_t token = 0; token < vectors.size(); ++token) {
    for (uint32_t i = 0; i < vectors[token].size(); ++i) {
      const uint64_t at = tokens_are_rows ? shape.offset(token, i) : shape.offset(i, token);
      bytes[at] = spec::t5_pack_value(vectors[token][i]);
    }
  }
  return bytes;
}

}  // namespace

nlohmann::json collect_operands(const std::filesystem::path& path, int positions, int beats) {
  const io::Gguf gguf(path);
  const spec::ChipConfig& chip = io::find_config("edge");
  const io::Image image = io::Image::from_bytes(io::convert(gguf, chip), path.string());
  const spec::ModelDescriptor& m = image.model();
  positions = std::min(positions, static_cast<int>(m.context));
  golden::Model model(image);
  Recorder seen{.from = positions - kPositions,
                .last = positions - 1,
                .middle = static_cast<int>(m.layers) / 2,
                .group = m.heads / m.kv_heads,
                .dim = m.head_dim};
  model.set_trace([&](const TraceEvent& e) { seen(e); });
  for (int i = 0, token = std::max(image.tokenizer().bos(), 0); i < positions; ++i) {
    model.forward(token);
    token = most_likely(model.logits());
  }

  nlohmann::json out = {{"model", std::string(image.name())}, {"positions", positions}};
  const auto add = [&](const spec::MatrixDescriptor& d, int layer, TracePoint point) {
    out["streams"].push_back(stream(fmt::format("layer {} {}", layer, spec::name_of(point)),
                                    image.matrix(d).data(), spec::shape_of(d, image.columns()),
                                    beats, seen.inputs.at({layer, point})));
  };
  const int last_layer = static_cast<int>(m.layers) - 1;
  for (int layer : {0, seen.middle, last_layer}) {
    const spec::LayerDescriptor& l = image.layer(static_cast<uint32_t>(layer));
    add(l.matrix[spec::Part::kAttnQ], layer, TracePoint::kAttnQ);
    add(l.matrix[spec::Part::kAttnOutput], layer, TracePoint::kAttnOutput);
    add(l.matrix[spec::Part::kFfnGate], layer, TracePoint::kFfnGate);
    add(l.matrix[spec::Part::kFfnDown], layer, TracePoint::kFfnDown);
  }
  add(m.head, -1, TracePoint::kHead);
  const auto tokens = static_cast<uint32_t>(positions);
  const auto keys = spec::key_cache_shape(tokens, m.head_dim, chip.key_block, chip.columns);
  out["streams"].push_back(
      stream("keys", cache_bytes(seen.keys, keys, true).data(), keys, beats, seen.queries));
  const auto values = spec::value_cache_shape(tokens, m.head_dim, chip.columns);
  out["streams"].push_back(
      stream("values", cache_bytes(seen.values, values, false).data(), values, beats, seen.limbs));
  out["vectors"] = seen.vectors;
  return out;
}

}  // namespace tern::energy
