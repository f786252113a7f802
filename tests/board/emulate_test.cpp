// SPDX-License-Identifier: Apache-2.0
// tern emulate, and tern run on what it emulates.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "io/chip_config.hpp"
#include "io/synth.hpp"
#include "process.hpp"

namespace tern::test {
namespace {

/// The smallest shape that has all parts of a model.
constexpr io::SynthPreset kTiny{"tiny", "one layer", 64, 1,    1,     1, 64,
                                64,     260,         16, 1e4f, 1e-5f, 1, 2};

class Emulate : public testing::Test {
 protected:
  Emulate() {
    io::ImageWriter writer(io::find_config("ulx3s"), tiny);
    io::synthesise(kTiny, {}, writer);
  }

  static nlohmann::json story(const std::string& backend, const std::string& model, int tokens) {
    return run_tern_json({"run", "--backend", backend, "--config", "ulx3s", "--model", model,
                          "--tokens", std::to_string(tokens), "--prompt", "Once", "--seed", "9"},
                         3000);
  }
  /// On an emulated board, on the RTL of its chip and on the golden model.
  static void compare(std::vector<std::string> arguments, const std::string& model, int tokens) {
    arguments.insert(arguments.begin(), {"emulate", "ulx3s", "--quick-line"});
    RunningTern emulator(arguments);
    const auto golden = story("golden:", model, tokens);
    const auto board = story("uart:" + emulator.first_line(), model, tokens);
    const auto rtl = story("rtl:ulx3s", model, tokens);
    ASSERT_GT(golden["ids"].size(), 4u);
    EXPECT_EQ(rtl["ids"], golden["ids"]);
    EXPECT_EQ(rtl["text"], golden["text"]);
    EXPECT_EQ(board["ids"], golden["ids"]);
    EXPECT_EQ(board["text"], golden["text"]);
    EXPECT_GT(board["cycles"], 0);
    EXPECT_EQ(emulator.interrupt(), 0);
  }

  const std::string tiny = (std::filesystem::path(testing::TempDir()) / "tiny.tern").string();
};

TEST_F(Emulate, TellsTheGoldenStoryAndEndsWhenInterrupted) { compare({}, tiny, 8); }

TEST_F(Emulate, SaysWhatItDoesNotKnow) {
  const Result board = run_tern({"emulate", "nano"});
  EXPECT_EQ(board.status, 2);
  EXPECT_NE(board.err.find("nano not in {ulx3s}"), std::string::npos) << board.err;
  EXPECT_EQ(run_tern({"emulate", "ulx3s", "--noise", "2"}).status, 2);
  const Result port = run_tern({"run", "--backend", "uart:/dev/no-such-port"});
  EXPECT_EQ(port.status, 1);
  EXPECT_NE(port.err.find("/dev/no-such-port: no such device"), std::string::npos) << port.err;
}

TEST_F(Emulate, SaysWhatChipIsThere) {
  RunningTern emulator({"emulate", "ulx3s", "--quick-line"});
  const auto info = run_tern_json(
      {"info", "--backend", "uart:" + emulator.first_line(), "--model", TERN_DEMO_MODEL});
  EXPECT_EQ(info["config"], "ulx3s");
  EXPECT_EQ(info["beat_bytes"], 8);
}

/// The demo model is a megabyte: minutes of simulation.
class EmulateLong : public Emulate {};

TEST_F(EmulateLong, UploadsTheDemoModelAndTellsItsStory) { compare({}, TERN_DEMO_MODEL, 24); }

TEST_F(EmulateLong, TellsTheDemoStoryOverANoisyLine) {
  compare({"--preload", TERN_DEMO_MODEL, "--noise", "0.01"}, TERN_DEMO_MODEL, 24);
}

TEST_F(EmulateLong, VerifiesTheDemoModelVectorByVector) {
  RunningTern emulator({"emulate", "ulx3s", "--quick-line", "--preload", TERN_DEMO_MODEL});
  const Result result = run_tern(
      {"verify", "--backend", "uart:" + emulator.first_line(), "--prompt", "Once", "--tokens", "1"},
      3000);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

}  // namespace
}  // namespace tern::test
