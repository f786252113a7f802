// SPDX-License-Identifier: Apache-2.0
// The golden model against the float32 reference, on text that was sampled from the reference.
#include <gtest/gtest.h>

#include "process.hpp"

namespace tern::test {
namespace {

TEST(Fidelity, GoldenFollowsTheReferenceOverTwentyThousandTokens) {
  const nlohmann::json j =
      run_tern_json({"eval", "--text", TERN_SOURCE_DIR "/tests/data/sampled.txt"});
  EXPECT_GE(j.at("tokens").get<int64_t>(), 20'000);
  // As README and docs/numerics.md have it.
  EXPECT_LT(std::abs(j.at("perplexity_change").get<double>()), 0.0003);
  EXPECT_LT(j.at("kl_nats").get<double>(), 0.0005);
  EXPECT_GE(j.at("top1_agreement").get<double>(), 0.987);
  EXPECT_EQ(j.at("saturations"), 0);
}

}  // namespace
}  // namespace tern::test
