// SPDX-License-Identifier: Apache-2.0
// The parts of a layer: where their descriptors lie in an image, and the shapes that sizes give.
#include "spec/generated/layer.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace tern::spec {
namespace {

static_assert(std::is_standard_layout_v<LayerDescriptor> && std::is_trivial_v<LayerDescriptor>);
static_assert(sizeof(ByNorm<VectorDescriptor>) == kNormCount * sizeof(VectorDescriptor));
static_assert(sizeof(ByPart<MatrixDescriptor>) == kPartCount * sizeof(MatrixDescriptor));

// Of version 4 of the format.
static_assert(LayerDescriptor::offset_of(Norm::kAttnNorm) == 0);
static_assert(LayerDescriptor::offset_of(Norm::kAttnSubNorm) == 16);
static_assert(LayerDescriptor::offset_of(Norm::kFfnNorm) == 32);
static_assert(LayerDescriptor::offset_of(Norm::kFfnSubNorm) == 48);
static_assert(LayerDescriptor::offset_of(Norm::kAttnQNorm) == 64);
static_assert(LayerDescriptor::offset_of(Norm::kAttnKNorm) == 80);
static_assert(LayerDescriptor::offset_of(Part::kAttnQ) == 96);
static_assert(LayerDescriptor::offset_of(Part::kAttnK) == 144);
static_assert(LayerDescriptor::offset_of(Part::kAttnV) == 192);
static_assert(LayerDescriptor::offset_of(Part::kAttnOutput) == 240);
static_assert(LayerDescriptor::offset_of(Part::kFfnGate) == 288);
static_assert(LayerDescriptor::offset_of(Part::kFfnUp) == 336);
static_assert(LayerDescriptor::offset_of(Part::kFfnDown) == 384);
static_assert(offsetof(LayerDescriptor, k_cache) == 432);
static_assert(sizeof(LayerDescriptor) == 472);

TEST(Layer, OffsetsAreThoseOfTheElements) {
  const LayerDescriptor l{};
  const auto offset = [&](const void* at) {
    return static_cast<uint32_t>(static_cast<const char*>(at) - reinterpret_cast<const char*>(&l));
  };
  for (const Norm norm : kEveryNorm)
    EXPECT_EQ(LayerDescriptor::offset_of(norm), offset(&l.norm[norm]));
  for (const Part part : kEveryPart)
    EXPECT_EQ(LayerDescriptor::offset_of(part), offset(&l.matrix[part]));
}

TEST(Layer, TablesAreInTheOrderOfTheEnums) {
  uint32_t count = 0;
  for (const Norm norm : kEveryNorm) {
    EXPECT_EQ(index_of(norm), count++);
    EXPECT_EQ(kNorms[norm].norm, norm);
  }
  EXPECT_EQ(count, kNormCount);
  count = 0;
  for (const Part part : kEveryPart) {
    EXPECT_EQ(index_of(part), count++);
    EXPECT_EQ(kParts[part].part, part);
    EXPECT_EQ(kParts[part].name, name_of(kParts[part].results));
    EXPECT_EQ(kNorms[kParts[part].input].name, name_of(kParts[part].inputs));
  }
  EXPECT_EQ(count, kPartCount);
}

TEST(Layer, ShapesFollowFromTheSizesWhateverTheirType) {
  const struct {
    int hidden = 2560, heads = 20, kv_heads = 5, head_dim = 128, ffn = 6912;
    bool sub_norms = true, qk_norms = false;
  } m;
  EXPECT_EQ(rows_of(Part::kAttnQ, m), 2560u);
  EXPECT_EQ(rows_of(Part::kAttnV, m), 640u);
  EXPECT_EQ(columns_of(Part::kAttnV, m), 2560u);
  EXPECT_EQ(columns_of(Part::kAttnOutput, m), 2560u);
  EXPECT_EQ(columns_of(Part::kFfnDown, m), 6912u);
  EXPECT_EQ(count_of(Norm::kFfnSubNorm, m), 6912u);
  EXPECT_EQ(count_of(Norm::kAttnKNorm, m), 128u);
  EXPECT_TRUE(has_norm(m, Norm::kAttnNorm) && has_norm(m, Norm::kAttnSubNorm));
  EXPECT_FALSE(has_norm(m, Norm::kAttnQNorm) || has_norm(m, Norm::kAttnKNorm));
  ModelDescriptor d{};
  d.heads = 20, d.head_dim = 128;
  EXPECT_EQ(rows_of(Part::kAttnQ, d), 2560u);
}

}  // namespace
}  // namespace tern::spec
