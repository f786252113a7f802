// SPDX-License-Identifier: Apache-2.0
#include "firmware_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "chip_errors.hpp"
#include "chip_identity.hpp"
#include "io/error.hpp"
#include "spec/generated/registers.hpp"

namespace tern::driver {

namespace reg = spec::reg;

namespace {

constexpr uint32_t kRun = 1u << reg::kCtrlRunLsb;
constexpr uint32_t kSoftReset = 1u << reg::kCtrlSoftResetLsb;
/// Cycles between two looks at something that raises no interrupt.
constexpr uint64_t kPollCycles = 64;
constexpr int kIdlePolls = 100'000;
/// Interrupts in a row that bring nothing.
constexpr int kSpurious = 10'000;

spec::Reply kind_of(uint32_t first_word) {
  return static_cast<spec::Reply>(spec::fields::reply_word::kKind.get(first_word));
}

struct Counter {
  uint32_t offset;
  uint64_t Counters::*member;
};
constexpr Counter kRegisters[] = {
    {reg::kBeats, &Counters::beats},
    {reg::kLoadBeats, &Counters::load_beats},
    {reg::kStoreBeats, &Counters::store_beats},
    {reg::kStallRead, &Counters::stall_read},
    {reg::kStallDrain, &Counters::stall_drain},
    {reg::kStallWait, &Counters::stall_wait},
    {reg::kStallIdle, &Counters::stall_idle},
    {reg::kVectorBusy, &Counters::vector_busy},
    {reg::kCommands, &Counters::commands},
    {reg::kSaturations, &Counters::saturations},
    {reg::kIllegal, &Counters::illegal},
    {reg::kBusErrors, &Counters::bus_errors},
};

constexpr uint32_t kFirstCounter = reg::kBeats;
static_assert(reg::kBusErrors == kFirstCounter + 4 * (std::size(kRegisters) - 1),
              "the counters lie side by side");

/// What the firmware is linked for (firmware/chip/memories.ld): the smallest of the configurations.
/// Its state and its stack are no part of the image.
constexpr uint32_t kLinkedDataBytes =
    std::ranges::min_element(spec::kConfigs, {}, &spec::ChipConfig::data_bytes)->data_bytes;

uint64_t read_cycles(Transport& transport) {
  std::array<uint32_t, 2> words;
  transport.read_registers(reg::kCyclesLo, words);
  return uint64_t{words[1]} << 32 | words[0];
}

}  // namespace

FirmwareLink::FirmwareLink(Transport& transport, uint64_t timeout_cycles, const Firmware& firmware)
    : transport_(transport),
      chip_(transport.config()),
      timeout_(timeout_cycles),
      firmware_(firmware) {
  static_assert(std::size(kRegisters) == kCounters);
  check_identity();
  if (firmware.instructions.size() > chip_.instr_bytes || firmware.data.size() > chip_.data_bytes) {
    throw Error(
        "chip {}: the firmware has {} bytes of instructions and {} of data, more than {} "
        "and {}",
        chip_.name, firmware.instructions.size(), firmware.data.size(), chip_.instr_bytes,
        chip_.data_bytes);
  }
  if (chip_.data_bytes < kLinkedDataBytes)
    throw Error("chip {}: the firmware is linked for {} bytes of data memory, the chip has {}",
                chip_.name, kLinkedDataBytes, chip_.data_bytes);
}

void FirmwareLink::check_identity() {
  const std::string where = fmt::format("chip {}", chip_.name);
  check_chip_id(transport_, where);
  const spec::ConfigWords found = read_config(transport_), expected = spec::config_words(chip_);
  if (found == expected) return;
  throw Error(
      "{}: CONFIG, CONFIG2 and CONFIG3 read as 0x{:08x}, 0x{:08x} and 0x{:08x}, "
      "expected 0x{:08x}, 0x{:08x} and 0x{:08x}; it is another configuration",
      where, found.config, found.config2, found.config3, expected.config, expected.config2,
      expected.config3);
}

/// What was queued may still move data; only then is the memory the host's.
void FirmwareLink::wait_idle() {
  constexpr uint32_t kBusy = reg::kStatusBusyMask << reg::kStatusBusyLsb |
                             reg::kStatusRunningMask << reg::kStatusRunningLsb;
  for (int poll = 0; poll < kIdlePolls; ++poll) {
    if ((transport_.read_register(reg::kStatus) & kBusy) == 0) return;
    transport_.wait_interrupt(kPollCycles);
  }
  fail(
      fmt::format("stays busy after a soft reset, STATUS 0x{:x}: the memory does not end the "
                  "transfers under way; check it, or reset chip and memory",
                  transport_.read_register(reg::kStatus)));
}

void FirmwareLink::start() {
  const std::string task = std::exchange(task_, "start of the firmware");
  if (counting_) {
    sample_counters();
    cycles_before_reset_ += read_cycles(transport_);
  }
  // Until the reset has ended nobody knows what the registers count from.
  counting_ = false;
  running_ = false;
  inbox_.clear();
  transport_.write_register(reg::kCtrl, kSoftReset);
  wait_idle();
  last_.fill(0);
  progress_ = 0;
  counting_ = true;
  transport_.write_register(reg::kError, ~0u);
  write_window(0, firmware_.instructions);
  write_window(spec::kDataBase, firmware_.data);
  const uint64_t most = std::numeric_limits<uint32_t>::max();
  transport_.write_register(reg::kWatchdog, static_cast<uint32_t>(std::min(timeout_, most)));
  transport_.write_register(reg::kCtrl, kRun);
  running_ = true;
  const Message ready = expect(spec::Reply::kReady);
  if (ready.payload != spec::kMailVersion) {
    fail(fmt::format("the firmware speaks version {} of the mailbox protocol, this driver {}",
                     ready.payload, spec::kMailVersion));
  }
  task_ = task;
}

void FirmwareLink::write_window(uint32_t address, std::span<const std::byte> bytes) {
  transport_.write_register(reg::kWindowAddr, address);
  std::vector<uint32_t> words((bytes.size() + 3) / 4);
  if (!bytes.empty()) std::memcpy(words.data(), bytes.data(), bytes.size());
  transport_.write_registers(reg::kWindowData, words);
}

void FirmwareLink::send(std::span<const uint32_t> words) {
  uint32_t room = 0;
  uint64_t waited = 0;
  for (uint32_t word : words) {
    while (room == 0) {
      room = transport_.read_register(reg::kMailState) >> reg::kMailStateRoomLsb &
             reg::kMailStateRoomMask;
      if (room > 0) break;
      take_words();
      // The request has ended; the rest of it would be taken for another one.
      if (!inbox_.empty() && kind_of(inbox_.front()) == spec::Reply::kError) return;
      transport_.wait_interrupt(kPollCycles);
      waited += kPollCycles;
      if (waited <= timeout_) continue;
      if (!progressed()) fail_with_timeout("took no more words");
      waited = 0;
    }
    transport_.write_register(reg::kMailIn, word);
    --room;
  }
}

/// Moves what the mailbox holds to the inbox; whether there was any.
bool FirmwareLink::take_words() {
  const uint32_t words = transport_.read_register(reg::kMailState) >> reg::kMailStateWordsLsb &
                         reg::kMailStateWordsMask;
  std::array<uint32_t, reg::kMailStateWordsMask> taken{};
  for (uint32_t i = 0; i < words; ++i) {
    taken[i] = transport_.read_register(reg::kMailOut);
    transport_.write_register(reg::kMailState, 0);
  }
  if (const uint32_t errors = transport_.read_register(reg::kError)) fail_with_errors(errors);
  inbox_.insert(inbox_.end(), taken.begin(), taken.begin() + words);
  return words > 0;
}

void FirmwareLink::wait_for_words() {
  for (int spurious = 0; spurious < kSpurious; ++spurious) {
    if (take_words()) return;
    while (!transport_.wait_interrupt(timeout_)) {
      if (!progressed()) fail_with_timeout("sent no word");
    }
  }
  fail("raises its interrupt without a word and without an error");
}

Message FirmwareLink::receive() {
  while (inbox_.empty()) wait_for_words();
  const uint32_t head = inbox_.front();
  Message m{kind_of(head), spec::fields::reply_word::kPayload.get(head), {}};
  if (!is_known(m.kind))
    fail(fmt::format("sent 0x{:08x}, which is no reply; driver and firmware differ in version",
                     head));
  const std::size_t more = words_after(m.kind);
  while (inbox_.size() < 1 + more) wait_for_words();
  inbox_.pop_front();
  for (std::size_t i = 0; i < more; ++i) {
    m.words[i] = inbox_.front();
    inbox_.pop_front();
  }
  if (m.kind == spec::Reply::kError) {
    fail(fmt::format("the firmware refused: {}", describe_firmware_error(m.payload, m.words[0])));
  }
  return m;
}

Message FirmwareLink::expect(spec::Reply kind) {
  const Message m = receive();
  if (m.kind != kind) {
    fail(fmt::format("the firmware replied {} instead of {}; driver and firmware differ in version",
                     spec::name_of(m.kind), spec::name_of(kind)));
  }
  return m;
}

FirmwareLink::MemoryRequest FirmwareLink::memory_request(spec::Request request, uint64_t address,
                                                         std::size_t size) {
  constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
  const uint64_t unit = spec::kAddrUnit;
  set_task(fmt::format("{} of {} bytes of memory at 0x{:x}",
                       request == spec::Request::kReadMemory ? "read" : "write", size, address));
  if (address % unit != 0 || size % unit != 0 || address / unit > kMost ||
      size / unit > kMost - address / unit)
    throw Error("chip {}: {}: only whole units of {} bytes below 2^38 can be reached", chip_.name,
                task_, unit);
  if (!running_) start();
  return {static_cast<uint32_t>(request), static_cast<uint32_t>(address / unit),
          static_cast<uint32_t>(size / unit)};
}

void FirmwareLink::read_memory(uint64_t address, std::span<std::byte> data) {
  send(memory_request(spec::Request::kReadMemory, address, data.size()));
  static_assert(spec::kAddrUnit == 4 * words_after(spec::Reply::kMemory));
  for (std::size_t at = 0; at < data.size(); at += spec::kAddrUnit) {
    const Message m = expect(spec::Reply::kMemory);
    std::memcpy(data.data() + at, m.words.data(), spec::kAddrUnit);
  }
}

void FirmwareLink::write_memory(uint64_t address, std::span<const std::byte> data) {
  const auto head = memory_request(spec::Request::kWriteMemory, address, data.size());
  std::vector<uint32_t> words(head.begin(), head.end());
  words.resize(head.size() + data.size() / 4);
  if (!data.empty()) std::memcpy(words.data() + head.size(), data.data(), data.size());
  send(words);
  expect(spec::Reply::kDone);
}

/// Whether the units did anything since the last call.
bool FirmwareLink::progressed() {
  uint32_t now = 0;
  for (uint32_t offset : {reg::kBeats, reg::kLoadBeats, reg::kStoreBeats, reg::kVectorBusy})
    now += transport_.read_register(offset);
  return std::exchange(progress_, now) != now;
}

void FirmwareLink::fail_with_errors(uint32_t bits) {
  constexpr uint32_t kTrap = 1u << reg::kErrorTrapLsb;
  std::string text =
      fmt::format("ERROR 0x{:x} ({}): {}", bits, error_names(bits), error_meaning(bits));
  if (bits & kTrap) {
    text += fmt::format("; the controller stopped: {}",
                        describe_trap(transport_.read_register(reg::kTrapCause),
                                      transport_.read_register(reg::kTrapPc),
                                      transport_.read_register(reg::kTrapValue)));
  }
  fail(text);
}

void FirmwareLink::fail_with_timeout(const char* symptom) {
  const uint32_t status = transport_.read_register(reg::kStatus);
  const bool runs = (status >> reg::kStatusRunningLsb & reg::kStatusRunningMask) != 0;
  fail(fmt::format("{} and made no progress within {} cycles; STATUS 0x{:x}, ERROR 0x{:x}; {}",
                   symptom, timeout_, status, transport_.read_register(reg::kError),
                   runs ? "give a longer time-out"
                        : "something else that drives this chip has stopped its controller"));
}

void FirmwareLink::fail(const std::string& why) {
  running_ = false;
  throw Error("chip {}: {}: {}", chip_.name, task_, why);
}

/// In the order of kRegisters.
std::array<uint32_t, FirmwareLink::kCounters> FirmwareLink::read_counters() const {
  std::array<uint32_t, kCounters> words, sorted;
  transport_.read_registers(kFirstCounter, words);
  for (std::size_t i = 0; i < kCounters; ++i)
    sorted[i] = words[(kRegisters[i].offset - kFirstCounter) / 4];
  return sorted;
}

void FirmwareLink::sample_counters() {
  const auto now = read_counters();
  for (std::size_t i = 0; i < kCounters; ++i) total_[i] += now[i] - last_[i];
  last_ = now;
}

Counters FirmwareLink::counters() const {
  Counters c;
  const auto now = counting_ ? read_counters() : last_;
  for (std::size_t i = 0; i < kCounters; ++i)
    c.*kRegisters[i].member = total_[i] + (now[i] - last_[i]);
  c.cycles = cycles_before_reset_ + (counting_ ? read_cycles(transport_) : 0);
  return c;
}

}  // namespace tern::driver
