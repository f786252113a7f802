// SPDX-License-Identifier: Apache-2.0
// What the host says of a model before it is loaded is what the firmware says when it is.
#include "io/fit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "chip_bench.hpp"
#include "io/error.hpp"
#include "io/skeleton.hpp"
#include "io/synth.hpp"
#include "spec/fit.hpp"
#include "spec/numerics/checksum.hpp"

namespace tern::test {
namespace {

using spec::ChipConfig;
using spec::FirmwareError;
using spec::LayerDescriptor;
using spec::ModelDescriptor;

constexpr const ChipConfig& kNano = spec::kConfigs[0];
constexpr const ChipConfig& kEdge = spec::kConfigs[1];

using Random = std::mt19937;

uint32_t between(Random& r, uint32_t low, uint32_t high) {
  return std::uniform_int_distribution<uint32_t>(low, high)(r);
}
/// Small numbers as often as large ones.
uint32_t any_size(Random& r, uint32_t low, uint32_t high) {
  const double least = std::log(low), most = std::log(high);
  return static_cast<uint32_t>(std::exp(std::uniform_real_distribution<>(least, most)(r)));
}
template <typename T, std::size_t n>
T one_of(Random& r, const T (&values)[n]) {
  return values[between(r, 0, n - 1)];
}

/// A chip that the RTL takes: mostly a named one, of which one buffer may be smaller or larger.
ChipConfig any_chip(Random& r) {
  ChipConfig chip = one_of(r, spec::kConfigs);
  switch (between(r, 0, 8)) {
    case 0:
      chip.act_depth = any_size(r, 1, 4096);
      break;
    case 1:
      chip.scratch_words = 64 * any_size(r, 16, 16384);
      break;
    case 2:
      chip.acc_depth = any_size(r, 8, 256);
      break;
    case 3:
      chip.act_columns = between(r, 1, 8);
      break;
    case 4:
      chip.columns = 8u << between(r, 0, 3);
      break;
    case 5:
      chip.group_scales = chip.sign_weights = between(r, 0, 1) != 0;
      break;
    default:
      break;
  }
  return chip;
}

io::ModelConfig any_model(Random& r) {
  io::ModelConfig c;
  const bool large = between(r, 0, 3) == 0;
  c.kv_heads = static_cast<int>(any_size(r, 1, large ? 40 : 9));
  c.heads = c.kv_heads * static_cast<int>(between(r, 1, large ? 10 : 5));
  c.head_dim = 2 * static_cast<int>(any_size(r, 1, large ? 150 : 65));
  c.hidden = static_cast<int>(any_size(r, 16, large ? 65536 : 6000));
  c.ffn = static_cast<int>(any_size(r, 16, large ? 65536 : 16000));
  c.layers = static_cast<int>(between(r, 0, 30) == 0 ? between(r, 61, 70) : between(r, 1, 3));
  c.vocab = static_cast<int>(any_size(r, 16, large ? 1 << 20 : 1 << 16));
  c.context = static_cast<int>(any_size(r, 1, large ? 1 << 17 : 20000));
  c.bos = c.eos = 1;
  c.rms_eps = 1e-5f;
  c.sub_norms = between(r, 0, 1) != 0;
  c.qk_norms = between(r, 0, 1) != 0;
  return c;
}

io::ModelFormats any_formats(Random& r) {
  const io::MatrixFormat formats[] = {io::kTrits,
                                      io::kTrits,
                                      io::kGroupedTrits,
                                      io::kGroupedSigns,
                                      {spec::Layout::kPlane, 5, spec::Group::kColumns64}};
  io::ModelFormats out;
  std::ranges::fill(out.linear, one_of(r, formats));
  if (between(r, 0, 3) == 0)
    out.linear[static_cast<spec::Part>(between(r, 0, spec::kPartCount - 1))] = one_of(r, formats);
  if (between(r, 0, 3) == 0) out.embedding = io::kGroupedTrits;
  if (between(r, 0, 3) == 0) out.head = io::kGroupedTrits;
  return out;
}

template <typename Descriptor>
void seal(Descriptor& d) {
  d.checksum = spec::descriptor_checksum(reinterpret_cast<const uint32_t*>(&d),
                                         spec::checked_words<Descriptor>());
}

/// Another value in one word, which may be what the firmware refuses.
template <typename Descriptor>
void change_a_word(Random& r, Descriptor& d) {
  const auto words = static_cast<uint32_t>(spec::checked_words<Descriptor>());
  const uint32_t at = between(r, 0, words - 1);
  uint32_t value = 0;
  std::memcpy(&value, reinterpret_cast<char*>(&d) + 4 * at, sizeof value);
  const uint32_t values[] = {
      0, 1, value + 1, value - 1, value ^ 1u << between(r, 0, 31), static_cast<uint32_t>(r())};
  value = one_of(r, values);
  std::memcpy(reinterpret_cast<char*>(&d) + 4 * at, &value, sizeof value);
}

/// The descriptors alone, at the beginning of memory: nothing else is read by a load.
Answer ask_firmware(io::Skeleton model, const ChipConfig& chip) {
  const auto bench = ChipBench::on_host(chip);
  model.header.model = 1024;
  model.model.layer_table = 2048;
  seal(model.model);
  bench->machine().reserve_memory(1 << 16);
  for (const auto& [at, bytes] : model.parts()) bench->machine().write_memory(at, bytes);
  return bench->load_at(0);
}

TEST(Fit, SaysWhatTheFirmwareSays) {
  Random r(20);
  std::map<FirmwareError, int> seen;
  for (int i = 0; i < 4000; ++i) {
    SCOPED_TRACE(i);
    const ChipConfig chip = any_chip(r);
    // Packed for a chip that has everything.
    ChipConfig able = chip;
    able.group_scales = able.sign_weights = true;
    io::Skeleton model;
    try {
      model = io::make_skeleton(any_model(r), able, "any", any_formats(r));
    } catch (const Error&) {
      continue;  // what no image can express
    }
    const uint32_t layers = model.model.layers;
    if (between(r, 0, 2) == 0) {
      change_a_word(r, model.model);
      if (model.model.layers > layers) model.model.layers = layers;
    }
    if (between(r, 0, 2) == 0) change_a_word(r, model.layers[between(r, 0, layers - 1)]);
    model.model.layer_table = 2048;
    seal(model.model);
    for (LayerDescriptor& l : model.layers) seal(l);

    uint32_t group = 0;
    const fit::Fit fit = fit::fit(model.model, model.layers.data(), fit::chip_of(chip), &group);
    const Answer answer = ask_firmware(model, chip);
    ASSERT_EQ(fit.error, answer.error.value_or(FirmwareError{}));
    ASSERT_EQ(fit.detail, answer.detail);
    if (fit.ok()) {
      ASSERT_EQ(answer.loaded, group);
    }
    ++seen[fit.error];
  }
  for (const FirmwareError error :
       {FirmwareError{}, FirmwareError::kMatrixLayout, FirmwareError::kModelShape,
        FirmwareError::kLayerShape, FirmwareError::kTooManyLayers, FirmwareError::kScratchpad,
        FirmwareError::kActivations})
    EXPECT_GT(seen[error], 20) << "error " << static_cast<int>(error);
}

io::Skeleton llama(int heads, int kv_heads, int head_dim, int context, const ChipConfig& chip) {
  io::ModelConfig c;
  c.hidden = heads * head_dim;
  c.layers = 2;
  c.heads = heads;
  c.kv_heads = kv_heads;
  c.head_dim = head_dim;
  c.ffn = 2 * c.hidden;
  c.vocab = 276;
  c.context = context;
  c.rms_eps = 1e-5f;
  c.bos = c.eos = 1;
  return io::make_skeleton(c, chip, "llama");
}

TEST(Fit, FindsTheLargestContextThatTheFirmwareTakes) {
  EXPECT_EQ(io::largest_context(llama(4, 2, 64, 20000, kEdge), kEdge), 8128u);
  EXPECT_TRUE(ask_firmware(llama(4, 2, 64, 8128, kEdge), kEdge).loaded.has_value());
  const Answer more = ask_firmware(llama(4, 2, 64, 8129, kEdge), kEdge);
  EXPECT_EQ(more.error, FirmwareError::kActivations);
  EXPECT_EQ(more.detail, 258u);
  EXPECT_LT(io::largest_context(llama(32, 8, 128, 8192, kEdge), kEdge), 8000u);
  EXPECT_LT(io::largest_context(llama(4, 2, 64, 4096, kNano), kNano), 3000u);
  // A context that fits is left as it is.
  EXPECT_EQ(io::largest_context(llama(4, 2, 64, 64, kEdge), kEdge), 64u);
  EXPECT_EQ(io::obstacle(llama(4, 2, 64, 64, kEdge), kEdge), "");
}

TEST(Fit, ObstaclesNameTheFlagThatHelps) {
  const std::string edge = io::obstacle(llama(4, 2, 64, 8129, kEdge), kEdge);
  EXPECT_EQ(edge,
            "context 8129 needs 258 tiles of activations, configuration edge has 256; the largest "
            "context that fits is 8128 (--context 8128)");
  EXPECT_NE(io::obstacle(llama(4, 2, 64, 4096, kNano), kNano).find("scratchpad"),
            std::string::npos);
  // 23,040 inputs are 360 tiles, whatever the context.
  const io::SynthPreset& falcon = io::find_preset("falcon3-7b");
  const io::Skeleton wide =
      io::make_skeleton(io::config_of(falcon, {}), kEdge, "falcon", falcon.weights);
  EXPECT_EQ(io::largest_context(wide, kEdge), 0u);
  const std::string why = io::obstacle(wide, kEdge);
  EXPECT_NE(why.find("no context is short enough"), std::string::npos) << why;
  const std::size_t at = why.find("--act-depth ");
  ASSERT_NE(at, std::string::npos) << why;
  ChipConfig wider = kEdge;
  wider.act_depth = static_cast<uint32_t>(std::stoul(why.substr(at + 12)));
  if (const std::size_t words = why.find("--scratch-words "); words != std::string::npos)
    wider.scratch_words = static_cast<uint32_t>(std::stoul(why.substr(words + 16)));
  EXPECT_GE(io::largest_context(wide, wider), 4096u);
  --wider.act_depth;
  EXPECT_LT(io::largest_context(wide, wider), 4096u);
}

}  // namespace
}  // namespace tern::test
