#include "fit.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "io/error.hpp"
#include "spec/numerics/layout.hpp"

namespace tern::driver {
namespace {

using spec::ChipConfig;
using spec::MatrixDescriptor;
using spec::MatrixShape;

void check_shape(const io::Image& image, const MatrixShape& s, const ChipConfig& chip,
                 std::string_view what) {
  const uint32_t limit =
      s.layout == spec::Layout::kValue ? chip.acc_depth * spec::kTritsPerByte : chip.acc_depth;
  if (s.group != spec::Group::kNone && !chip.group_scales) {
    throw Error(
        "{}: {} has group scales, chip {} was built without; use a configuration that has them "
        "(nano, edge)",
        image.origin(), what, chip.name);
  }
  if (s.layout == spec::Layout::kSign && !chip.sign_weights) {
    throw Error(
        "{}: {} has 1-bit weights, chip {} was built without; convert the model for this "
        "configuration",
        image.origin(), what, chip.name);
  }
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

}  // namespace

void check_fits(const io::Image& image, const ChipConfig& chip, uint64_t end) {
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
  if (image.has_trit_embedding() && !chip.group_scales)
    throw Error(
        "{}: the embedding is of trits, chip {} was built without group scales; convert the "
        "model for this configuration",
        image.origin(), chip.name);
  check_shape(image, spec::key_cache_shape(m.context, m.head_dim, m.key_block, chip.columns), chip,
              "K cache");
  check_shape(image, spec::value_cache_shape(m.context, m.head_dim, chip.columns), chip,
              "V cache of the whole context");
  if (end > uint64_t{spec::kAddrUnit} << spec::LoadBits::read_addr) {
    throw Error("{}: needs {} bytes of memory, more than commands can address", image.origin(),
                end);
  }
}

}  // namespace tern::driver
