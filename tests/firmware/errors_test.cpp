// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "chip_bench.hpp"
#include "gguf_builder.hpp"
#include "io/convert.hpp"
#include "spec/numerics/checksum.hpp"

namespace tern::test {
namespace {

using spec::FirmwareError;
using spec::GenerateRequest;
using spec::LayerDescriptor;
using spec::MatrixDescriptor;
using spec::ModelDescriptor;
using spec::Norm;
using spec::Part;

constexpr const spec::ChipConfig& kEdge = spec::kConfigs[1];

const io::Image& image_for(const spec::ChipConfig& chip) {
  static std::map<uint32_t, io::Image> images;
  const auto found = images.find(chip.columns);
  if (found != images.end()) return found->second;
  const io::Gguf gguf(tiny_model(11, 2).build(), "tiny");
  return images.emplace(chip.columns, io::Image::from_bytes(io::convert(gguf, chip), "tiny"))
      .first->second;
}

void expect_error(const Answer& answer, FirmwareError error, uint32_t detail) {
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_STREQ(spec::name_of(*answer.error), spec::name_of(error));
  EXPECT_EQ(answer.detail, detail);
}

/// A bench with the tiny model in memory, whose descriptors a test can change.
struct Damaged {
  explicit Damaged(const spec::ChipConfig& config = kEdge)
      : image(image_for(config)), bench(ChipBench::on_host(config)) {
    EXPECT_TRUE(bench->load(image).loaded.has_value());
  }
  void word(uint64_t offset, uint32_t value) {
    bench->machine().write_memory(offset, std::as_bytes(std::span(&value, 1)));
  }
  template <typename Descriptor, typename Change>
  void change(uint64_t offset, Descriptor descriptor, Change how) {
    how(descriptor);
    descriptor.checksum = spec::descriptor_checksum(reinterpret_cast<const uint32_t*>(&descriptor),
                                                    spec::checked_words<Descriptor>());
    bench->machine().write_memory(offset, std::as_bytes(std::span(&descriptor, 1)));
  }
  template <typename Change>
  Answer model(Change how) {
    change(image.header().model, image.model(), how);
    return bench->load_at(0);
  }
  template <typename Change>
  Answer layer(uint32_t index, Change how) {
    const uint64_t at = image.model().layer_table + index * sizeof(LayerDescriptor);
    change(at, image.layer(index), how);
    const Answer answer = bench->load_at(0);
    change(at, image.layer(index), [](LayerDescriptor&) {});
    return answer;
  }
  const io::Image& image;
  std::unique_ptr<ChipBench> bench;
};

TEST(FirmwareErrors, RefusesWhatIsNoRequest) {
  const auto bench = ChipBench::on_host(kEdge);
  expect_error(bench->send({77}), FirmwareError::kUnknownRequest, 77);
  expect_error(bench->send({static_cast<uint32_t>(spec::Request::kContinue)}),
               FirmwareError::kUnknownRequest, 4);
}

TEST(FirmwareErrors, RefusesToGenerateWithoutAModel) {
  const auto bench = ChipBench::on_host(kEdge);
  expect_error(bench->generate({{1, 2, 3}}), FirmwareError::kNoModel, 0);
  // The prompt's words were taken from the mailbox.
  expect_error(bench->send({99}), FirmwareError::kUnknownRequest, 99);
}

TEST(FirmwareErrors, RefusesWhatIsNoImageForThisChip) {
  Damaged d;
  uint32_t found = 0;
  std::memcpy(&found, d.bench->machine().memory().data() + 64, sizeof found);
  expect_error(d.bench->load_at(64), FirmwareError::kImageMagic, found);
  expect_error(d.bench->generate({{1}}), FirmwareError::kNoModel, 0);
  d.word(offsetof(spec::ImageHeader, version), 1);
  expect_error(d.bench->load_at(0), FirmwareError::kImageVersion, 1);
  d.word(offsetof(spec::ImageHeader, version), spec::kImageVersion);
  d.word(offsetof(spec::ImageHeader, columns), 8);
  expect_error(d.bench->load_at(0), FirmwareError::kImageColumns, 8);
  d.word(offsetof(spec::ImageHeader, columns), 64);
  EXPECT_TRUE(d.bench->load_at(0).loaded.has_value());
}

TEST(FirmwareErrors, FindsDamagedDescriptors) {
  Damaged d;
  const uint64_t model = d.image.header().model;
  d.word(model + offsetof(ModelDescriptor, ffn), 12345);
  const Answer answer = d.bench->load_at(0);
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_EQ(*answer.error, FirmwareError::kModelChecksum);
  d.word(model + offsetof(ModelDescriptor, ffn), d.image.model().ffn);
  d.word(d.image.model().layer_table + sizeof(LayerDescriptor) + 100, 1);
  expect_error(d.bench->load_at(0), FirmwareError::kLayerChecksum, 1);
}

TEST(FirmwareErrors, NamesTheFieldOfTheModelThatItCannotRun) {
  using D = ModelDescriptor;
  Damaged d;
  const auto expect = [&](uint64_t field, auto how) {
    SCOPED_TRACE(field);
    expect_error(d.model(how), FirmwareError::kModelShape, static_cast<uint32_t>(field));
  };
  expect(offsetof(D, hidden), [](D& m) { m.hidden = 0; });
  expect(offsetof(D, hidden), [](D& m) { m.hidden = 70000; });
  expect(offsetof(D, layers), [](D& m) { m.layers = 0; });
  expect(offsetof(D, heads), [](D& m) { m.heads = 65; });
  expect(offsetof(D, kv_heads), [](D& m) { m.kv_heads = m.heads + 1; });
  expect(offsetof(D, head_dim), [](D& m) { m.head_dim += 1; });
  expect(offsetof(D, ffn), [](D& m) { m.ffn = 0; });
  expect(offsetof(D, vocab), [](D& m) { m.vocab = 1 << 20; });
  expect(offsetof(D, context), [](D& m) { m.context = 0; });
  expect(offsetof(D, activation), [](D& m) { m.activation = 2; });
  expect(offsetof(D, residual_frac), [](D& m) { m.residual_frac = 31; });
  expect(offsetof(D, head_shift), [](D& m) { m.head_shift = 63; });
  expect(offsetof(D, key_block), [](D& m) { m.key_block = 5; });
  expect(offsetof(D, eps), [](D& m) { m.eps.m = 5; });
  expect(offsetof(D, score_scale), [](D& m) { m.score_scale.m = 1u << 31; });
  expect(offsetof(D, head_scale), [](D& m) { m.head_scale.m = 1; });
  expect(offsetof(D, output_norm) + 8, [](D& m) { m.output_norm.count += 1; });
  expect(offsetof(D, embedding), [](D& m) { m.embedding.offset += 8; });
  expect(offsetof(D, head) + offsetof(MatrixDescriptor, rows), [](D& m) { m.head.rows -= 1; });
  expect(offsetof(D, head) + offsetof(MatrixDescriptor, block), [](D& m) { m.head.block = 4000; });
  expect(offsetof(D, head) + offsetof(MatrixDescriptor, group), [](D& m) { m.head.group = 1; });
  expect(offsetof(D, head) + offsetof(MatrixDescriptor, planes), [](D& m) { m.head.planes = 2; });
  expect(offsetof(D, embedding_group), [](D& m) { m.embedding_group = 3; });
  expect(offsetof(D, head_row_scales), [](D& m) { m.head_row_scales += 4; });
  expect(offsetof(D, rope_table), [](D& m) { m.rope_table |= uint64_t{1} << 40; });
  expect(offsetof(D, key_cache_bytes), [](D& m) { m.key_cache_bytes -= 64; });
  expect(offsetof(D, value_cache_bytes), [](D& m) { m.value_cache_bytes = 64; });
  expect(offsetof(D, kv_scale_bytes), [](D& m) { m.kv_scale_bytes = 0; });
  expect_error(d.model([](D& m) { m.layers = 65; }), FirmwareError::kTooManyLayers, 65);
  EXPECT_TRUE(d.model([](D&) {}).loaded.has_value());
}

TEST(FirmwareErrors, NamesTheFieldOfTheLayerThatItCannotRun) {
  using D = LayerDescriptor;
  Damaged d;
  const auto expect = [&](uint64_t field, auto how) {
    SCOPED_TRACE(field);
    expect_error(d.layer(1, how), FirmwareError::kLayerShape,
                 1 << 16 | static_cast<uint32_t>(field));
  };
  expect(D::offset_of(Norm::kFfnNorm), [](D& l) { l.norm[Norm::kFfnNorm].offset += 2; });
  expect(D::offset_of(Norm::kFfnSubNorm) + 8, [](D& l) { l.norm[Norm::kFfnSubNorm].count -= 1; });
  expect(D::offset_of(Norm::kFfnNorm) + 12, [](D& l) { l.norm[Norm::kFfnNorm].exponent = 40000; });
  const auto expect_part = [&](Part part, uint64_t field, auto how) {
    expect(D::offset_of(part) + field, [&](D& l) { how(l.matrix[part]); });
  };
  using M = MatrixDescriptor;
  // Layers repeat the commands of the first, which has no norms of heads.
  expect(D::offset_of(Norm::kFfnSubNorm) + 8, [](D& l) { l.norm[Norm::kFfnSubNorm] = {}; });
  expect(D::offset_of(Norm::kAttnQNorm) + 8, [](D& l) { l.norm[Norm::kAttnQNorm].count = 64; });
  expect_part(Part::kAttnQ, offsetof(M, cols), [](M& m) { m.cols = 1; });
  expect_part(Part::kAttnV, offsetof(M, layout), [](M& m) { m.layout = 3; });
  expect_part(Part::kAttnV, offsetof(M, stripes), [](M& m) { m.layout = 2; });  // not by eight
  expect_part(Part::kAttnV, offsetof(M, block), [](M& m) {
    m.layout = 2;
    m.stripes = 32;
    m.block = 12;
  });
  expect_part(Part::kAttnV, offsetof(M, group), [](M& m) { m.group = 3; });
  expect_part(Part::kAttnV, offsetof(M, beats), [](M& m) { m.group = 1; });  // no room for scales
  expect_part(Part::kAttnV, offsetof(M, group), [](M& m) {
    m.layout = 1;
    m.group = 1;
  });
  expect_part(Part::kFfnUp, offsetof(M, planes), [](M& m) { m.planes = 6; });
  expect_part(Part::kFfnUp, offsetof(M, beats), [](M& m) { m.beats += 1; });
  expect_part(Part::kFfnUp, offsetof(M, stripes), [](M& m) { m.stripes += 1; });
  expect_part(Part::kFfnDown, offsetof(M, scale), [](M& m) { m.scale.m = 3; });
  expect_part(Part::kAttnK, 0, [](M& m) { m.block = 4; });  // not that of layer 0
  expect(offsetof(D, k_cache), [](D& l) { l.k_cache += 1; });
  expect(offsetof(D, v_scales), [](D& l) { l.v_scales += 32; });
  // A norm of keys without that of queries.
  expect_error(d.layer(0, [](D& l) { l.norm[Norm::kAttnKNorm].count = 64; }),
               FirmwareError::kLayerShape, D::offset_of(Norm::kAttnKNorm) + 8);
}

TEST(FirmwareErrors, RefusesWhatTheChipWasBuiltWithout) {
  spec::ChipConfig plain = kEdge;
  plain.group_scales = plain.sign_weights = false;
  Damaged d(plain);
  const auto expect_model = [&](uint64_t field, auto how) {
    expect_error(d.model(how), FirmwareError::kMatrixLayout,
                 0xffff0000 | static_cast<uint32_t>(field));
  };
  using D = ModelDescriptor;
  expect_model(offsetof(D, embedding_group), [](D& m) { m.embedding_group = 2; });
  expect_model(offsetof(D, head) + offsetof(MatrixDescriptor, group),
               [](D& m) { m.head.group = 2; });
  expect_model(offsetof(D, head) + offsetof(MatrixDescriptor, layout),
               [](D& m) { m.head.layout = 2; });
  d.model([](D&) {});
  using L = LayerDescriptor;
  expect_error(d.layer(1, [](L& l) { l.matrix[Part::kFfnUp].group = 2; }),
               FirmwareError::kMatrixLayout,
               1 << 16 | (L::offset_of(Part::kFfnUp) + offsetof(MatrixDescriptor, group)));
  expect_error(d.layer(0, [](L& l) { l.matrix[Part::kAttnK].layout = 2; }),
               FirmwareError::kMatrixLayout,
               L::offset_of(Part::kAttnK) + offsetof(MatrixDescriptor, layout));
}

TEST(FirmwareErrors, RefusesAModelThatTheBuffersCannotHold) {
  spec::ChipConfig small = kEdge;
  small.scratch_words = 1024;
  const io::Image& image = image_for(kEdge);
  Answer answer = ChipBench::on_host(small)->load(image);
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_EQ(*answer.error, FirmwareError::kScratchpad);
  EXPECT_GT(answer.detail, 1024u);
  small.scratch_words = (answer.detail + 63) / 64 * 64;
  answer = ChipBench::on_host(small)->load(image);
  EXPECT_EQ(answer.loaded, 1u);  // groups of one token are what just fits
  small = kEdge;
  small.act_depth = 2;
  answer = ChipBench::on_host(small)->load(image);
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_EQ(*answer.error, FirmwareError::kActivations);
  EXPECT_GT(answer.detail, 2u);
  small.act_depth = answer.detail;
  answer = ChipBench::on_host(small)->load(image);
  EXPECT_EQ(answer.loaded, 1u);  // one token's queries are what just fits
}

TEST(FirmwareErrors, RefusesRequestsOutOfRange) {
  Damaged d;
  const auto expect = [&](FirmwareError error, uint32_t detail, auto how) {
    Ask ask{{1, 2, 3}};
    ask.request.max_new = 2;
    how(ask);
    expect_error(d.bench->generate(ask), error, detail);
  };
  const uint32_t context = d.image.model().context;
  expect(FirmwareError::kContext, context + 1, [&](Ask& a) { a.request.max_new = context - 1; });
  expect(FirmwareError::kTokenRange, d.image.model().vocab,
         [&](Ask& a) { a.prompt[1] = static_cast<int32_t>(d.image.model().vocab); });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, prompt),
         [](Ask& a) { a.prompt.clear(); });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, flags),
         [](Ask& a) { a.request.flags = 2; });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, inverse_temperature),
         [](Ask& a) { a.request.inverse_temperature.m = 7; });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, top_k),
         [](Ask& a) { a.request.top_k = 0; });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, top_k),
         [](Ask& a) { a.request.top_k = 65; });
  expect(FirmwareError::kSettings, offsetof(GenerateRequest, top_p_q16),
         [](Ask& a) { a.request.top_p_q16 = 65537; });
  // Accumulators and logits of the head are there together.
  const uint32_t head_units = (d.image.model().vocab * 4 + 63) / 64;
  expect(FirmwareError::kTraceBuffer, 2 * (1 + head_units), [](Ask& a) {
    a.request.flags = spec::fields::generate_flags::kTrace.mask();
    a.request.trace_units = 1;
  });
  // None of them took anything but words from the mailbox.
  d.bench->reset();
  EXPECT_EQ(d.bench->generate({{1, 2, 3}}).position, 3u);
}

TEST(FirmwareErrors, RepliesWhenAUnitDoesNotFinish) {
  Damaged d;
  d.bench->freeze_done();
  Ask ask{{1, 2, 3}};
  ask.request.max_new = 1;
  const Answer answer = d.bench->generate(ask);
  ASSERT_TRUE(answer.error.has_value());
  EXPECT_EQ(*answer.error, FirmwareError::kTimeout);
  expect_error(d.bench->generate(ask), FirmwareError::kNoModel, 0);
  for (const auto request : {spec::Request::kReadMemory, spec::Request::kWriteMemory}) {
    std::vector<uint32_t> words(2 + 1 + 16);
    words[0] = static_cast<uint32_t>(request);
    words[2] = 1;
    if (request == spec::Request::kReadMemory) words.resize(3);
    const Answer moved = d.bench->send(words);
    ASSERT_TRUE(moved.error.has_value());
    EXPECT_EQ(*moved.error, FirmwareError::kTimeout);
  }
}

}  // namespace
}  // namespace tern::test
