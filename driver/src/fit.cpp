#include "fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "command_stream.hpp"
#include "io/error.hpp"

namespace tern::driver {
namespace {

using spec::ChipConfig;
using spec::MatrixDescriptor;
using spec::MatrixShape;

void check_shape(const io::Image& image, const MatrixShape& s, const ChipConfig& chip,
                 std::string_view what) {
  const uint32_t limit =
      s.layout == spec::Layout::kPlane ? chip.acc_depth : chip.acc_depth * spec::kTritsPerByte;
  if (s.tiles() > chip.act_depth) {
    throw Error("{}: {} has {} columns, chip {} holds {} activations; use a wider configuration",
                image.origin(), what, s.cols, chip.name, chip.act_depth * chip.columns);
  }
  if (s.block > limit) {
    throw Error(
        "{}: {} has row blocks of {} stripes, chip {} accumulates {}; convert the model "
        "for this configuration",
        image.origin(), what, s.block, chip.name, limit);
  }
  if (s.layout == spec::Layout::kValue && s.block % spec::kTritsPerByte != 0 &&
      s.stripes > s.block) {
    throw Error("{}: {} has row blocks of {} rows, not a multiple of {}; convert the model again",
                image.origin(), what, s.block, spec::kTritsPerByte);
  }
}

uint64_t linear_bytes(const ChipConfig& chip, uint32_t cols,
                      std::initializer_list<const MatrixDescriptor*> products) {
  uint64_t bytes = CommandStream::load_bytes(chip, cols, chip.act_columns);
  for (const MatrixDescriptor* m : products)
    bytes += CommandStream::result_bytes(chip, spec::shape_of(*m, chip.columns));
  return bytes;
}

/// One load and one product for each M of `columns` activation columns.
uint64_t attention_bytes(const ChipConfig& chip, const MatrixShape& cache, uint32_t columns) {
  const uint32_t loads = spec::ceil_div(columns, chip.act_columns);
  const uint32_t width = std::min(columns, chip.act_columns);
  return loads * (CommandStream::load_bytes(chip, cache.cols, width) +
                  CommandStream::result_bytes(chip, cache));
}

}  // namespace

void check_fits(const io::Image& image, const ChipConfig& chip) {
  if (image.columns() != chip.columns) {
    throw Error(
        "{}: packed for beats of {} bytes, chip {} has {}; convert the model for configuration {}",
        image.origin(), image.columns(), chip.name, chip.columns, chip.name);
  }
  const auto check = [&](const MatrixDescriptor& m, std::string_view what) {
    check_shape(image, spec::shape_of(m, chip.columns), chip, what);
  };
  const spec::ModelDescriptor& m = image.model();
  for (uint32_t i = 0; i < m.layers; ++i) {
    const spec::LayerDescriptor& l = image.layer(i);
    const auto name = [i](const char* what) { return fmt::format("layer {} {}", i, what); };
    check(l.attn_q, name("attn_q"));
    check(l.attn_k, name("attn_k"));
    check(l.attn_v, name("attn_v"));
    check(l.attn_output, name("attn_output"));
    check(l.ffn_gate, name("ffn_gate"));
    check(l.ffn_up, name("ffn_up"));
    check(l.ffn_down, name("ffn_down"));
  }
  check(m.head, "head");
  check_shape(image, spec::key_cache_shape(m.context, m.head_dim, m.key_block, chip.columns), chip,
              "K cache");
  check_shape(image, spec::value_cache_shape(m.context, m.head_dim, chip.columns), chip,
              "V cache of the whole context");
  const uint64_t end = m.work_offset + work_area_bytes(image, chip);
  if (end > uint64_t{spec::kAddrUnit} << spec::CommandBits::read_addr) {
    throw Error("{}: needs {} bytes of memory, more than commands can address", image.origin(),
                end);
  }
}

uint64_t work_area_bytes(const io::Image& image, const ChipConfig& chip) {
  const spec::ModelDescriptor& m = image.model();
  uint64_t bytes = linear_bytes(chip, m.hidden, {&m.head});
  for (uint32_t i = 0; i < m.layers; ++i) {
    const spec::LayerDescriptor& l = image.layer(i);
    bytes = std::max({bytes, linear_bytes(chip, m.hidden, {&l.attn_q, &l.attn_k, &l.attn_v}),
                      linear_bytes(chip, m.heads * m.head_dim, {&l.attn_output}),
                      linear_bytes(chip, m.hidden, {&l.ffn_gate, &l.ffn_up}),
                      linear_bytes(chip, m.ffn, {&l.ffn_down})});
  }
  const uint32_t group = m.heads / m.kv_heads;
  const MatrixShape keys = spec::key_cache_shape(m.context, m.head_dim, m.key_block, chip.columns);
  const MatrixShape values = spec::value_cache_shape(m.context, m.head_dim, chip.columns);
  const uint64_t reads = uint64_t{chip.act_columns} * m.kv_heads;
  return std::max({bytes, reads * attention_bytes(chip, keys, group),
                   reads * attention_bytes(chip, values, 2 * group)});
}

}  // namespace tern::driver
