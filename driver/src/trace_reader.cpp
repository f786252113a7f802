// SPDX-License-Identifier: Apache-2.0
#include "trace_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "io/error.hpp"
#include "spec/generated/layer.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::driver {
namespace {

using spec::TracePoint;

uint64_t record_bytes(uint64_t count) {
  return spec::kAddrUnit + spec::align_up(4 * count, spec::kAddrUnit);
}

bool is_quantised(TracePoint point) {
  return point == TracePoint::kHeadNorm ||
         std::ranges::find(spec::kParts, point, &spec::PartInfo::inputs) != spec::kParts.end();
}

/// Whether the point holds sums over what was quantised last.
bool is_product(TracePoint point) {
  return point == TracePoint::kHead ||
         std::ranges::find(spec::kParts, point, &spec::PartInfo::results) != spec::kParts.end();
}

}  // namespace

uint64_t trace_buffer_bytes(const spec::ModelDescriptor& m, const spec::ChipConfig& chip) {
  const uint64_t q = uint64_t{m.heads} * m.head_dim;
  const uint64_t kv = uint64_t{m.kv_heads} * m.head_dim;
  const uint64_t layer = 6 * record_bytes(m.hidden) + 2 * record_bytes(q) + 2 * record_bytes(kv) +
                         m.heads * (record_bytes(m.context) + 2 * record_bytes(m.head_dim)) +
                         3 * record_bytes(m.ffn);
  const uint64_t head = 2 * record_bytes(m.vocab) + record_bytes(m.hidden);
  return record_bytes(m.hidden) + m.layers * layer + chip.act_columns * head;
}

void TraceReader::read(uint64_t address, uint64_t bytes) {
  buffer_.resize(bytes);
  transport_.read_memory(address, buffer_);
  std::vector<int32_t> values;
  for (uint64_t at = 0; at < bytes;) {
    spec::TraceRecord record{};
    std::memcpy(&record, buffer_.data() + at, sizeof record);
    if (record.magic != spec::kTraceMagic) {
      fail(address + at,
           fmt::format("begins with 0x{:08x}, not 0x{:08x}", record.magic, spec::kTraceMagic));
    }
    if (record.point >= spec::kTracePointCount)
      fail(address + at, fmt::format("names point {}, which is none", record.point));
    if (record_bytes(record.count) > bytes - at) {
      fail(address + at, fmt::format("has {} values, more than the {} bytes left hold",
                                     record.count, bytes - at));
    }
    values.resize(record.count);
    if (record.count > 0)
      std::memcpy(values.data(), buffer_.data() + at + spec::kAddrUnit, 4 * values.size());
    event(record, values);
    at += record_bytes(record.count);
  }
}

void TraceReader::event(const spec::TraceRecord& record, std::span<const int32_t> values) {
  const auto point = static_cast<TracePoint>(record.point);
  const TraceKey key{static_cast<int32_t>(record.position), record.layer, point, record.head};
  if (point == TracePoint::kLogits) {
    logits_ = {record.position, {{values.begin(), values.end()}, {record.scale_m, record.scale_e}}};
  }
  if (!sink_) return;
  if (is_quantised(point)) {
    std::vector<int8_t>& inputs = inputs_[record.position];
    inputs.clear();
    for (int32_t v : values) inputs.push_back(static_cast<int8_t>(v));
  }
  const std::span<const int8_t> inputs = is_product(point)
                                             ? std::span<const int8_t>(inputs_[record.position])
                                             : std::span<const int8_t>();
  emit(key, values, inputs, record.cycle);
  if (point == TracePoint::kAttnSubNorm) read_caches(record);
  if (point == TracePoint::kLogits) inputs_.erase(record.position);
}

void TraceReader::emit(TraceKey key, std::span<const int32_t> values,
                       std::span<const int8_t> inputs, uint64_t cycle) {
  sink_({key, values, inputs, cycle});
}

void TraceReader::read_caches(const spec::TraceRecord& record) {
  const auto layer = static_cast<uint32_t>(record.layer);
  if (layer >= image_.model().layers || record.position >= image_.model().context) {
    throw Error("trace: a record names layer {} and position {}, which the model does not have",
                record.layer, record.position);
  }
  const spec::LayerDescriptor& l = image_.layer(layer);
  const TraceKey key{static_cast<int32_t>(record.position), record.layer, TracePoint::kKeyBytes,
                     -1};
  emit(key, cached_keys(l.k_cache, record.position), {}, record.cycle);
  emit({key.position, key.layer, TracePoint::kValueBytes, -1},
       cached_values(l.v_cache, record.position), {}, record.cycle);
}

/// Dimensions of a token lie byte after byte within a beat.
std::vector<int32_t> TraceReader::cached_keys(uint64_t cache, uint32_t position) {
  const spec::ModelDescriptor& m = image_.model();
  const auto shape = spec::key_cache_shape(m.context, m.head_dim, m.key_block, image_.columns());
  std::vector<int32_t> out;
  std::vector<std::byte> run;
  for (uint32_t head = 0; head < m.kv_heads; ++head, cache += m.key_cache_bytes) {
    for (uint32_t col = 0; col < m.head_dim; col += shape.columns) {
      run.resize(std::min(shape.columns, m.head_dim - col));
      transport_.read_memory(cache + shape.offset(position, col), run);
      for (std::byte b : run)
        out.push_back(static_cast<int32_t>(b) - static_cast<int32_t>(spec::kValueMax));
    }
  }
  return out;
}

/// Dimensions of a token lie beat after beat.
std::vector<int32_t> TraceReader::cached_values(uint64_t cache, uint32_t position) {
  const spec::ModelDescriptor& m = image_.model();
  const auto shape = spec::value_cache_shape(m.context, m.head_dim, image_.columns());
  const uint64_t first = shape.offset(0, position);
  std::vector<int32_t> out;
  std::vector<std::byte> run(shape.offset(m.head_dim - 1, position) - first + 1);
  for (uint32_t head = 0; head < m.kv_heads; ++head, cache += m.value_cache_bytes) {
    transport_.read_memory(cache + first, run);
    for (uint32_t dim = 0; dim < m.head_dim; ++dim) {
      const std::byte b = run[shape.offset(dim, position) - first];
      out.push_back(static_cast<int32_t>(b) - static_cast<int32_t>(spec::kValueMax));
    }
  }
  return out;
}

void TraceReader::fail(uint64_t address, const std::string& why) const {
  throw Error("trace: the record at 0x{:x} {}; driver and firmware differ in version", address,
              why);
}

}  // namespace tern::driver
