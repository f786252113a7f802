// SPDX-License-Identifier: Apache-2.0
// Weights on their way from a file to an image: groups, scales, quantisation and the bytes of every
// layout.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "gguf_builder.hpp"
#include "golden/matrix.hpp"
#include "io/chip_config.hpp"
#include "io/convert.hpp"
#include "io/error.hpp"
#include "io/group_scales.hpp"
#include "io/trit_quantiser.hpp"
#include "io/weight_rows.hpp"
#include "spec/numerics/group_scale.hpp"

namespace tern::io {
namespace {

using spec::Group;
using spec::Layout;

/// A matrix of random integers and scales, its image, and its product by the definition.
struct Written {
  Written(std::mt19937& rng, const spec::ChipConfig& chip, const MatrixFormat& format,
          uint32_t rows, uint32_t cols)
      : writer(chip), descriptor(describe_matrix(rows, cols, format, chip, "test", "w")) {
    const uint32_t width = spec::group_columns(format.group);
    groups = width == 0 ? 0 : (cols + width - 1) / width;
    const bool sign = format.layout == Layout::kSign;
    const int most = largest_weight(format.planes);
    for (uint64_t i = 0; i < uint64_t{rows} * cols; ++i)
      weights.push_back(static_cast<int8_t>(
          sign ? static_cast<int>(rng() % 2) * 2 - 1
               : static_cast<int>(rng() % static_cast<unsigned>(2 * most + 1)) - most));
    WeightRows source{cols, 1, {}, [&, cols](uint64_t row, std::span<int8_t> out) {
                        std::copy_n(&weights[row * cols], cols, out.begin());
                      }};
    for (uint64_t i = 0; i < uint64_t{rows} * groups; ++i)
      scales.push_back(static_cast<uint16_t>(rng() % 4096));
    source.scales = scales;
    append_rows(writer, source, descriptor, [](uint64_t row) { return row; });
    bytes = writer.take();
  }
  golden::Matrix matrix(uint32_t columns) const {
    const auto* beats = reinterpret_cast<const uint8_t*>(bytes.data() + descriptor.offset);
    return {{beats, bytes.size() - descriptor.offset}, spec::shape_of(descriptor, columns)};
  }
  uint32_t scale(uint32_t row, uint32_t col) const {
    if (groups == 0) return 1;
    return scales[row * groups + col / spec::group_columns(static_cast<Group>(descriptor.group))];
  }
  ImageWriter writer;
  spec::MatrixDescriptor descriptor;
  uint32_t groups = 0;
  std::vector<int8_t> weights;
  std::vector<uint16_t> scales;
  std::vector<std::byte> bytes;
};

TEST(Weights, EveryLayoutHoldsWhatWasWritten) {
  std::mt19937 rng(3);
  for (const char* config : {"nano", "edge"}) {
    const spec::ChipConfig& chip = find_config(config);
    for (const Layout layout : {Layout::kPlane, Layout::kSign}) {
      for (uint32_t planes = 1; planes <= (layout == Layout::kSign ? 1 : spec::kMaxPlanes);
           ++planes) {
        for (const Group group : {Group::kNone, Group::kColumns64, Group::kColumns128}) {
          for (const auto& [rows, cols] :
               {std::pair{1u, 1u}, {41u, 130u}, {333u, 64u}, {260u, 257u}}) {
            const MatrixFormat format{layout, planes, group};
            SCOPED_TRACE(fmt::format("{} {} x {}, {}", config, rows, cols, format_name(format)));
            const Written w(rng, chip, format, rows, cols);
            const golden::Matrix m = w.matrix(chip.columns);
            ASSERT_EQ(w.bytes.size() - w.descriptor.offset,
                      uint64_t{w.descriptor.beats} * chip.columns);
            std::vector<int8_t> x(cols);
            for (int8_t& v : x) v = static_cast<int8_t>(static_cast<int>(rng() % 255) - 127);
            std::vector<int32_t> got(rows);
            m.multiply(x, got);
            for (uint32_t r = 0; r < rows; ++r) {
              int64_t sum = 0;
              for (uint32_t c = 0; c < cols; ++c) {
                ASSERT_EQ(m.at(static_cast<int>(r), static_cast<int>(c)), w.weights[r * cols + c]);
                ASSERT_EQ(m.scale(static_cast<int>(r), static_cast<int>(c)), w.scale(r, c));
                sum += int64_t{w.scale(r, c)} * w.weights[r * cols + c] * x[c];
              }
              ASSERT_EQ(got[r], sum) << r;
            }
          }
        }
      }
    }
  }
}

TEST(GroupScales, AreNearAndNoRowCanLeaveTheBound) {
  std::mt19937 rng(4);
  for (int round = 0; round < 50; ++round) {
    const uint64_t groups = 1 + rng() % 96, rows = 1 + rng() % 20;
    std::vector<float> real;
    std::vector<uint16_t> sums;
    const unsigned largest = round % 2 ? 128 : 128 * 121;  // of signs, of five trits
    for (uint64_t i = 0; i < rows * groups; ++i) {
      real.push_back(static_cast<float>(rng() % 1000 + 1) * 1e-5f);
      sums.push_back(static_cast<uint16_t>(round % 3 ? largest : rng() % (largest + 1)));
    }
    const GroupScales s = fit_scales(real, sums, groups);
    for (uint64_t row = 0; row < rows; ++row) {
      uint64_t bound = 0;
      for (uint64_t i = row * groups; i < (row + 1) * groups; ++i) {
        EXPECT_LE(s.scales[i], spec::kScaleMax);
        EXPECT_NEAR(s.scales[i] * s.unit, real[i], 0.5001 * s.unit);
        bound += uint64_t{spec::kActMax} * s.scales[i] * sums[i];
      }
      EXPECT_LE(bound, spec::kGroupedSumMax);
    }
    // And no more than needed is given away.
    EXPECT_TRUE(*std::max_element(s.scales.begin(), s.scales.end()) == spec::kScaleMax ||
                bound_ratio(s.scales, sums, groups) > 0.98);
  }
  EXPECT_EQ(fit_scales(std::vector<float>(4), std::vector<uint16_t>(4), 2).unit, 0);
}

TEST(TritQuantiser, FindsTheStepOfWhatIsQuantisedAlready) {
  std::mt19937 rng(5);
  for (uint32_t trits = 1; trits <= 5; ++trits) {
    const int most = largest_weight(trits);
    std::vector<float> w;
    for (int i = 0; i < 128; ++i)
      w.push_back(
          0.037f *
          static_cast<float>(static_cast<int>(rng() % static_cast<unsigned>(2 * most + 1)) - most));
    w[0] = 0.037f * static_cast<float>(most);
    std::vector<int8_t> q(w.size());
    const double error = quantise_group(w, trits, best_step(w, trits), q);
    const double power = std::inner_product(w.begin(), w.end(), w.begin(), 0.0);
    EXPECT_LT(error, 1e-9 * power) << trits;
    EXPECT_EQ(q[0], most);
  }
}

/// Relative squared error of normal weights: no more than the best uniform quantiser of 3 or 9
/// levels that knows the distribution has (J. Max, Quantizing for minimum distortion, 1960), or
/// than steps over four deviations either way have with more levels.
TEST(TritQuantiser, ComesNearTheBestUniformQuantiser) {
  std::mt19937 rng(6);
  std::normal_distribution<float> normal;
  const double ceilings[] = {0.1902, 0.0307, 0.0073, 0.00081, 0.00009};
  for (uint32_t trits = 1; trits <= 5; ++trits) {
    double error = 0, power = 0;
    for (int group = 0; group < 100; ++group) {
      std::vector<float> w(128);
      for (float& v : w) v = normal(rng);
      std::vector<int8_t> q(w.size());
      error += quantise_group(w, trits, best_step(w, trits), q);
      power += std::inner_product(w.begin(), w.end(), w.begin(), 0.0);
    }
    EXPECT_LT(error / power, ceilings[trits - 1]) << trits;
    RecordProperty(fmt::format("relative_error_of_{}_trits", trits),
                   fmt::format("{:.6f}", error / power));
  }
  const std::vector<float> zeros(64);
  EXPECT_EQ(best_step(zeros, 2), 0);
}

/// A tensor of one type, with one half-precision scale for each block in turn.
GgufTensor tensor_of(std::string& bytes, std::uint32_t type, std::uint64_t cols,
                     std::uint64_t rows) {
  GgufTensor t;
  t.file = "test";
  t.name = "w";
  t.shape = {cols, rows, 1, 1};
  t.rank = 2;
  t.type = type;
  t.bytes = std::as_bytes(std::span(bytes));
  return t;
}

TEST(GroupedTrits, TakeTheScalesOfBlocks) {
  std::vector<int8_t> trits(128);
  for (std::size_t i = 0; i < trits.size(); ++i) trits[i] = static_cast<int8_t>(i % 2 ? 1 : -1);
  std::string bytes;
  for (const uint16_t half : {0x3c00, 0x3800, 0xc000, 0x0000})  // 1, 1/2, -2, 0
    bytes += test::pack_ternary(41, trits, half);
  const GgufTensor t = tensor_of(bytes, 41, 256, 2);
  EXPECT_EQ(ternary_format(t), (TernaryFormat{128, true}));
  const GroupedTrits g = decode_grouped(t, 0, 2, 128);
  EXPECT_EQ(g.scales, (std::vector<float>{1, 0.5f, 2, 0}));
  EXPECT_EQ(g.trits[1], 1);
  EXPECT_EQ(g.trits[257], -1);     // the sign of the scale is the weights'
  EXPECT_NE(g.trits[128 * 3], 0);  // a sign stays one: its scale is 0
  const GroupedTrits second = decode_grouped(t, 1, 1, 128);
  EXPECT_EQ(second.scales, (std::vector<float>{2, 0}));
}

TEST(GroupedTrits, JoinBlocksOf64ThatAgree) {
  std::vector<int8_t> trits(64);
  for (std::size_t i = 0; i < trits.size(); ++i)
    trits[i] = static_cast<int8_t>(static_cast<int>(i % 3) - 1);
  const auto pack = [&](std::initializer_list<uint16_t> halves) {
    std::string bytes;
    for (const uint16_t half : halves) bytes += test::pack_ternary(42, trits, half, 64);
    return bytes;
  };
  std::string pairs = pack({0x3c00, 0x3c00, 0x3800, 0xb800});
  EXPECT_EQ(ternary_format(tensor_of(pairs, 42, 256, 1)), (TernaryFormat{128, false}));
  EXPECT_EQ(decode_grouped(tensor_of(pairs, 42, 256, 1), 0, 1, 128).scales,
            (std::vector<float>{1, 0.5f}));
  std::string mixed = pack({0x3c00, 0x3800, 0x3c00, 0x3c00});
  EXPECT_EQ(ternary_format(tensor_of(mixed, 42, 256, 1)), (TernaryFormat{64, false}));
  EXPECT_EQ(decode_grouped(tensor_of(mixed, 42, 256, 1), 0, 1, 64).scales,
            (std::vector<float>{1, 0.5f, 1, 1}));
  try {
    decode_grouped(tensor_of(mixed, 42, 256, 1), 0, 1, 128);
    FAIL() << "scales that differ within a group were taken";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("scales 1 and 0.5 in row 0 columns 0 to 127"),
              std::string::npos)
        << e.what();
  }
  std::string one = pack({0x3c00, 0x3c00, 0xbc00, 0x3c00});
  EXPECT_EQ(ternary_format(tensor_of(one, 42, 256, 1)), TernaryFormat{});
}

}  // namespace
}  // namespace tern::io
