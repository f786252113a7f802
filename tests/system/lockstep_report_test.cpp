// SPDX-License-Identifier: Apache-2.0
// The comparison itself: whatever a device gets wrong must be seen and named.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "golden/model.hpp"
#include "io/convert.hpp"
#include "lockstep.hpp"

namespace tern::cli {
namespace {

using spec::TracePoint;

/// A device that repeats what another golden model traces, after `tamper` has had its way with each
/// event.
class LockstepReport : public testing::Test {
 protected:
  using Tamper = std::function<void(TraceKey& key, std::vector<int32_t>& values, int& times)>;

  void run(const Tamper& tamper) {
    device_.set_trace([&](const TraceEvent& e) {
      TraceKey key = e.key;
      std::vector<int32_t> values(e.values.begin(), e.values.end());
      int times = 1;
      tamper(key, values, times);
      for (int i = 0; i < times; ++i) lockstep_.compare({key, values, e.inputs, 1234});
    });
    const std::vector<int32_t> tokens = {1, 365, 402};
    lockstep_.expect(tokens);
    for (int32_t t : tokens) device_.forward(t);
    lockstep_.finish_group();
  }
  std::string report() const {
    return describe(*lockstep_.mismatch(), golden_, "tern verify --again");
  }

  io::Image image_ =
      io::Image::from_bytes(io::convert(io::Gguf(TERN_DEMO_MODEL), spec::kConfigs[1]), "demo");
  golden::Model golden_{image_};
  golden::Model device_{image_};
  Lockstep lockstep_{golden_};
};

constexpr TraceKey kDown{1, 3, TracePoint::kFfnDown, -1};

TEST_F(LockstepReport, AgreesWhenNothingIsTamperedWith) {
  run([](TraceKey&, std::vector<int32_t>&, int&) {});
  EXPECT_FALSE(lockstep_.mismatch().has_value());
  EXPECT_EQ(lockstep_.vectors(), 3u * 139u);
}

TEST_F(LockstepReport, OneFlippedBitIsFoundWithItsPlaceAndBothValues) {
  int32_t right = 0;
  run([&](TraceKey& key, std::vector<int32_t>& values, int&) {
    if (key != kDown) return;
    right = values[17];
    values[17] ^= 1;
  });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  const std::string text = report();
  EXPECT_NE(text.find("MISMATCH position 1 layer 3 ffn_down row 17 cycle 1234"), std::string::npos)
      << text;
  EXPECT_NE(text.find(fmt::format("device=0x{:08x}", static_cast<uint32_t>(right ^ 1))),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(fmt::format("golden=0x{:08x}", static_cast<uint32_t>(right))),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("x[0..7]="), std::string::npos) << text;
  EXPECT_NE(text.find("w[17][0..7]="), std::string::npos) << text;
  EXPECT_NE(text.find("first 1 of 1 differing rows"), std::string::npos) << text;
  EXPECT_NE(text.find("rerun: tern verify --again"), std::string::npos) << text;
}

TEST_F(LockstepReport, TheFirstMismatchInOrderOfComputationIsReported) {
  run([](TraceKey& key, std::vector<int32_t>& values, int&) {
    if (key.layer >= 2) values[0] += 1;
  });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  EXPECT_EQ(lockstep_.mismatch()->key, (TraceKey{0, 2, TracePoint::kAttnNorm, -1}));
  EXPECT_GT(lockstep_.mismatched_vectors(), 100u);
}

TEST_F(LockstepReport, AMissingVectorFails) {
  run([](TraceKey& key, std::vector<int32_t>&, int& times) { times = key == kDown ? 0 : 1; });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  EXPECT_NE(report().find("layer 3 ffn_down: the device did not trace this vector"),
            std::string::npos)
      << report();
}

TEST_F(LockstepReport, AVectorThatComesTwiceFails) {
  run([](TraceKey& key, std::vector<int32_t>&, int& times) { times = key == kDown ? 2 : 1; });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  EXPECT_NE(report().find("twice"), std::string::npos) << report();
}

TEST_F(LockstepReport, AVectorOfAnotherPlaceFails) {
  run([](TraceKey& key, std::vector<int32_t>&, int&) {
    if (key == kDown) key.layer = 99;
  });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  EXPECT_EQ(lockstep_.mismatched_vectors(), 2u);
}

TEST_F(LockstepReport, AVectorThatIsTooShortFails) {
  run([](TraceKey& key, std::vector<int32_t>& values, int&) {
    if (key == kDown) values.pop_back();
  });
  ASSERT_TRUE(lockstep_.mismatch().has_value());
  EXPECT_NE(report().find("255 elements"), std::string::npos) << report();
}

}  // namespace
}  // namespace tern::cli
