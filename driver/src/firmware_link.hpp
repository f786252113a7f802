// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>

#include "chip_device.hpp"
#include "spec/generated/spec.hpp"
#include "tern/transport.hpp"

namespace tern::driver {

/// A message from the firmware, whole.
struct Message {
  spec::Reply kind{};
  uint32_t payload = 0;
  /// What follows the first word.
  std::array<uint32_t, words_after(spec::Reply::kMemory)> words{};

  spec::DoneReply done() const { return {words[0], words[1], words[2]}; }
};

/// The way to the firmware: starts it, and passes words in both directions. Words are believed only
/// if ERROR was 0 after they were taken. Whatever the chip reports, and silence without progress,
/// throws tern::Error that says what the chip was asked for and what went wrong; the firmware has
/// to be started again then. The chip's memory stays as it is.
class FirmwareLink {
 public:
  /// Checks identity, version and size of the chip.
  FirmwareLink(Transport& transport, uint64_t timeout_cycles, const Firmware& firmware);

  /// Resets the chip, writes the firmware into the controller's memories and waits until it is
  /// ready.
  void start();
  bool running() const { return running_; }
  /// Whatever the firmware is doing, it is started again before it is used.
  void abandon() { running_ = false; }

  /// What the chip is asked for, for messages: "16 tokens at position 4".
  void set_task(std::string task) { task_ = std::move(task); }
  void send(std::span<const uint32_t> words);
  /// The next message that is no error.
  Message receive();
  /// The next message, which must be of this kind.
  Message expect(spec::Reply kind);
  [[noreturn]] void fail(const std::string& why);

  /// The chip's memory through the mailbox, for hosts that have no other way to it: address and
  /// size in bytes, multiples of 64. Takes some thousand cycles a KiB.
  void read_memory(uint64_t address, std::span<std::byte> data);
  void write_memory(uint64_t address, std::span<const std::byte> data);

  /// Counts since the first start, over resets. The 32-bit registers are taken as wrapped at most
  /// once since the last call of sample_counters().
  Counters counters() const;
  void sample_counters();

 private:
  static constexpr std::size_t kCounters = 12;
  using MemoryRequest = std::array<uint32_t, 1 + words_after(spec::Request::kReadMemory)>;
  static_assert(words_after(spec::Request::kReadMemory) ==
                words_after(spec::Request::kWriteMemory));

  void check_identity();
  void wait_idle();
  void write_window(uint32_t address, std::span<const std::byte> bytes);
  MemoryRequest memory_request(spec::Request request, uint64_t address, std::size_t size);
  std::array<uint32_t, kCounters> read_counters() const;
  bool take_words();
  void wait_for_words();
  bool progressed();
  [[noreturn]] void fail_with_errors(uint32_t bits);
  [[noreturn]] void fail_with_timeout(const char* symptom);

  Transport& transport_;
  const spec::ChipConfig& chip_;
  uint64_t timeout_;
  Firmware firmware_;
  bool running_ = false;
  bool counting_ = false;  ///< The counters are this driver's.
  std::string task_;
  std::deque<uint32_t> inbox_;
  uint32_t progress_ = 0;

  std::array<uint32_t, kCounters> last_{};   ///< Registers when last sampled.
  std::array<uint64_t, kCounters> total_{};  ///< Sums up to then.
  uint64_t cycles_before_reset_ = 0;
};

}  // namespace tern::driver
