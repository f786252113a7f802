// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "io/error.hpp"
#include "spec/generated/spec.hpp"
#include "stretches.hpp"

namespace tern::energy {
namespace {

constexpr uint32_t kDone = spec::kMmioBase + spec::mmio::kDone;
constexpr uint32_t kTape = spec::kMmioBase + spec::mmio::kTape;

/// Makes a recording cycle by cycle.
class Script {
 public:
  Script() { recording.start(); }
  Script& cycle(std::initializer_list<std::pair<CoreWord, uint32_t>> words) {
    CoreCycle c{};
    c[kRst] = c[kRun] = 1;
    for (const auto& [word, value] : words) c[word] = value;
    recording.add(c.data());
    return *this;
  }
  Script& work(int n) {
    for (int i = 0; i < n; ++i) cycle({{kRetires, 1}});
    return *this;
  }
  Script& jump() { return cycle({{kRetires, 1}, {kJumps, 1}}); }
  Script& read(uint32_t address, uint32_t value) {
    return cycle({{kRetires, 1},
                  {kMmioValid, 1},
                  {kMmioReady, 1},
                  {kMmioAddr, address},
                  {kMmioDataIn, value}});
  }
  Script& write(uint32_t address, uint32_t value) {
    return cycle({{kRetires, 1},
                  {kMmioValid, 1},
                  {kMmioReady, 1},
                  {kMmioWrite, 1},
                  {kMmioAddr, address},
                  {kMmioDataOut, value}});
  }
  Script& stall(int n) {
    for (int i = 0; i < n; ++i) cycle({{kMmioValid, 1}, {kMmioWrite, 1}, {kMmioAddr, kTape}});
    return *this;
  }
  Script& attention(uint32_t layer) {
    return write(spec::kMmioBase + spec::mmio::kPhase,
                 spec::mmio::phase::kPhase.put(static_cast<uint32_t>(spec::Phase::kAttention)) |
                     spec::mmio::phase::kNumber.put(layer));
  }

  Recording recording;
};

/// Three layers; the middle one, from cycle 14 on, waits in all three ways.
void token(Script& s) {
  s.attention(0).work(4).jump().work(8);                         // 0 to 13
  s.attention(1).work(5);                                        // 14 to 19
  s.read(kDone, 7).jump().read(kDone, 7).jump().read(kDone, 7);  // 20 to 24: two polls
  s.jump().read(kDone, 8).work(2).stall(6).write(kTape, 1);      // 25 to 35
  s.work(3).attention(2).jump().work(3);
}

TEST(CoreStretches, CountWhatTheCoreDoes) {
  Script s;
  token(s);
  const auto counts = stretches(s.recording).at("firmware").at("counts");
  EXPECT_EQ(counts.at("cycle"), 39 - 14);
  EXPECT_EQ(counts.at("stalled"), 6);
  EXPECT_EQ(counts.at("instruction"), 25 - 6);
  EXPECT_EQ(counts.at("access"), 6);  // phase, four reads, tape
  EXPECT_EQ(counts.at("polled"), 4);  // the reads of 7 but the first; that of 8 brings news
}

TEST(CoreStretches, AreWhatTheirNamesSay) {
  Script s;
  token(s);
  const auto all = stretches(s.recording);
  EXPECT_EQ(all.at("work").at("counts").at("cycle"), 21 - 14);  // the first read of 7 is no poll
  EXPECT_EQ(all.at("poll").at("counts").at("cycle"), 4);
  EXPECT_EQ(all.at("poll").at("counts").at("access"), 2);
  EXPECT_EQ(all.at("stall").at("counts").at("cycle"), 6);
  EXPECT_EQ(all.at("stall").at("counts").at("stalled"), 6);
}

TEST(CoreStretches, BeginBehindTheLastJump) {
  Script s;
  token(s);
  const auto firmware = stretches(s.recording).at("firmware");
  EXPECT_EQ(firmware.at("lead"), 14 - 6);  // the jump completes in cycle 5
  EXPECT_EQ(firmware.at("ports").at("rst_ni").size(), 39 - 6);
  EXPECT_EQ(firmware.at("ports").size(), kPorts);
}

TEST(CoreStretches, AnAccessOfMemoryEndsAPoll) {
  Script s;
  s.jump().attention(0).attention(1);
  s.read(kDone, 7).cycle({{kRamValid, 1}}).read(kDone, 7).stall(1).work(1).attention(2);
  EXPECT_THROW(stretches(s.recording), Error);  // no poll in it
  Script polls;
  polls.jump().attention(0).attention(1);
  polls.read(kDone, 7).work(1).read(kDone, 7).stall(1).work(1).attention(2);
  EXPECT_EQ(stretches(polls.recording).at("poll").at("counts").at("cycle"), 2);
}

TEST(CoreStretches, ATokenOfTooFewLayersIsRefused) {
  Script s;
  s.attention(0).jump().attention(1).work(3);
  EXPECT_THROW(stretches(s.recording), Error);
}

TEST(CoreRecording, KnowsTheRegistersOfEachCycle) {
  Recording recording;
  const auto add = [&](uint32_t rd, uint32_t value) {
    CoreCycle c{};
    c[kRd] = rd;
    c[kRdData] = value;
    recording.add(c.data());
  };
  add(5, 100);  // before the recording starts
  add(6, 200);
  recording.start();
  add(0, 1);
  add(6, 300);
  add(7, 400);
  EXPECT_EQ(recording.cycles().size(), 3u);
  EXPECT_EQ(recording.registers_before(0)[6], 200u);
  // The instruction that completed in cycle 0 writes in cycle 1.
  EXPECT_EQ(recording.registers_before(1)[6], 300u);
  EXPECT_EQ(recording.registers_before(1)[7], 0u);
  EXPECT_EQ(recording.registers_before(2)[7], 400u);
  EXPECT_EQ(recording.registers_before(2)[5], 100u);
  EXPECT_EQ(recording.registers_before(2)[0], 0u);
}

}  // namespace
}  // namespace tern::energy
