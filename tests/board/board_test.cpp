// SPDX-License-Identifier: Apache-2.0
// The driver on an emulated board: the whole FPGA with its SDRAM, over its serial pins.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <utility>

#include "backends/backends.hpp"
#include "board/board_line.hpp"
#include "board/pty_emulator.hpp"
#include "chip_device.hpp"
#include "errors.hpp"
#include "firmware_image.hpp"
#include "io/chip_config.hpp"
#include "io/image.hpp"
#include "io/synth.hpp"
#include "serial/link_transport.hpp"
#include "spec/numerics/scale.hpp"

namespace tern::test {
namespace {

using driver::LinkTransport;
using sim::BoardFaults;
using sim::BoardLine;
using sim::EmulatedBoard;

constexpr uint64_t kTimeout = 20'000'000;  // cycles

/// The smallest shape that has all parts of a model: what the line carries is what takes time.
constexpr io::SynthPreset kTiny{"tiny", "one layer", 64, 1,    1,     1, 64,
                                64,     260,         16, 1e4f, 1e-5f, 1, 2};

const io::Image& tiny_image() {
  static const io::Image image = [] {
    io::ImageWriter writer(io::find_config("ulx3s"));
    io::synthesise(kTiny, {}, writer);
    return io::Image::from_bytes(writer.take(), "tiny");
  }();
  return image;
}

struct Story {
  std::vector<int32_t> tokens;
  uint64_t random_state = 0;
  bool operator==(const Story&) const = default;
};

Story tell(Device& device) {
  GenerateSettings settings;
  settings.inverse_temperature = spec::make_scale(1, 0);
  settings.top_k = 20;
  settings.max_new = 10;
  settings.stop_at_end = false;
  settings.random_state = 5;
  const std::vector<int32_t> prompt{1, 70, 80};
  Story story;
  story.random_state =
      device.generate(prompt, settings, [&](int32_t token) { story.tokens.push_back(token); })
          .random_state;
  return story;
}

Story golden_story() {
  const auto golden = sim::open_golden("", {});
  golden->load(tiny_image());
  return tell(*golden);
}

std::unique_ptr<Device> device_on(std::unique_ptr<Transport> transport) {
  return make_chip_device(std::move(transport), kTimeout,
                          {driver::firmware_instructions(), driver::firmware_data()});
}

/// A board whose time-outs are its own: what happens does not depend on this machine's speed.
struct Desk {
  explicit Desk(const BoardFaults& faults)
      : board(std::make_shared<EmulatedBoard>("ulx3s_quick", faults)) {
    auto link = std::make_unique<LinkTransport>(std::make_unique<BoardLine>(board));
    transport = link.get();
    device = device_on(std::move(link));
  }
  void expect_sound_memory() const {
    EXPECT_EQ(board->memory().violations(), 0u) << board->summary();
  }

  std::shared_ptr<EmulatedBoard> board;
  LinkTransport* transport;
  std::unique_ptr<Device> device;
};

/// An emulator in a thread of its own.
class Emulator {
 public:
  Emulator() : emulator_(std::make_unique<sim::PtyEmulator>(board)) {
    path = emulator_->path();
    thread_ = std::thread([this] { emulator_->run([this] { return stop_.load(); }); });
  }
  ~Emulator() { unplug(); }
  void unplug() {
    if (!thread_.joinable()) return;
    stop_ = true;
    thread_.join();
    emulator_.reset();
  }

  EmulatedBoard board{"ulx3s_quick", {}};
  std::string path;

 private:
  std::unique_ptr<sim::PtyEmulator> emulator_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(Board, TellsTheSameStoryAsTheGoldenModelOverASerialPort) {
  Emulator emulator;
  std::vector<uint64_t> progress;
  DeviceSettings settings;
  settings.load_progress = [&](uint64_t done, uint64_t) { progress.push_back(done); };
  const auto device = sim::open_uart(emulator.path, settings);
  EXPECT_STREQ(device->config()->name, "ulx3s");
  device->load(tiny_image());
  EXPECT_GT(progress.size(), 2u);
  EXPECT_EQ(tell(*device), golden_story());
  // Another session does not upload again.
  progress.clear();
  device->load(tiny_image());
  EXPECT_TRUE(progress.empty());
  emulator.unplug();
  EXPECT_EQ(emulator.board.memory().violations(), 0u) << emulator.board.summary();
}

TEST(Board, TracesWhatTheGoldenModelTraces) {
  Desk desk({});
  desk.board->preload(0, tiny_image().bytes());
  desk.device->load(tiny_image());
  const auto record = [](Device& device) {
    std::map<TraceKey, std::vector<int32_t>> out;
    device.set_trace([&](const TraceEvent& event) {
      out[event.key].assign(event.values.begin(), event.values.end());
    });
    device.forward(std::array<int32_t, 2>{1, 70});
    device.set_trace({});
    return out;
  };
  const auto golden = sim::open_golden("", {});
  golden->load(tiny_image());
  const auto expected = record(*golden);
  EXPECT_GT(expected.size(), 20u);
  EXPECT_EQ(record(*desk.device), expected);
  desk.expect_sound_memory();
}

/// Damages this part of all bytes in both directions.
void tell_over_noise(double noise) {
  Desk desk({.noise = noise, .seed = 3});
  desk.board->preload(0, tiny_image().bytes());
  desk.device->load(tiny_image());
  EXPECT_EQ(tell(*desk.device), golden_story());
  EXPECT_GT(desk.transport->counts().troubles, 20u);
  desk.expect_sound_memory();
}

TEST(Board, IsSlowerButNeverWrongOnANoisyLine) { tell_over_noise(0.002); }

/// Minutes of simulation.
TEST(BoardLong, IsNeverWrongWhenOneByteInAHundredIsDamaged) { tell_over_noise(0.01); }

TEST(Board, ReportsAResetInMidRunAndGoesOnWithoutAnotherUpload) {
  Desk desk({.reset_after = 400'000});  // the model is loaded by then
  desk.board->preload(0, tiny_image().bytes());
  desk.device->load(tiny_image());
  EXPECT_ERROR(tell(*desk.device), "the board was reset");
  EXPECT_EQ(desk.device->position(), 0);
  EXPECT_EQ(tell(*desk.device), golden_story());
  desk.expect_sound_memory();
}

TEST(Board, SaysThatItWasUnplugged) {
  Emulator emulator;
  emulator.board.preload(0, tiny_image().bytes());
  const auto device = sim::open_uart(emulator.path, {});
  device->load(tiny_image());
  std::thread unplug([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    emulator.unplug();
  });
  EXPECT_ERROR(tell(*device), "the line is gone");
  unplug.join();
}

TEST(Board, SaysThatAModelIsTooBig) {
  Desk desk({});
  EXPECT_ERROR(desk.transport->reserve_memory((uint64_t{32} << 20) + 8), "more than the board has");
  desk.transport->reserve_memory(uint64_t{32} << 20);
}

}  // namespace
}  // namespace tern::test
