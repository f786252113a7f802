#include "tlm_chip.hpp"

#include <algorithm>
#include <iterator>

#include "io/error.hpp"
#include "spec/config_words.hpp"

namespace tern::tlm {

namespace reg = spec::reg;

namespace {

/// An AXI4-Lite access as sim/chip_model.cpp makes it: the request, then its answer.
constexpr Cycle kRegisterAccess = 2;
/// The same through the window: to the memory behind it and back takes two cycles more.
constexpr Cycle kWindowAccess = 4;
Cycle access_cycles(uint32_t offset) {
  return offset == reg::kWindowData ? kWindowAccess : kRegisterAccess;
}
/// From the controller's write of a word for the host to the interrupt: FIFO and irq_q.
constexpr Cycle kInterrupt = 3;

}  // namespace

TlmChip::TlmChip(const PerfConfig& config, MakeMemory make_memory)
    : config_(config), make_memory_(std::move(make_memory)) {
  check(config);
  if (!make_memory_)
    make_memory_ = [this] { return std::make_unique<FixedMemory>(config_.memory); };
  parts_ = std::make_unique<Parts>(config_, make_memory_(), storage_);
}

/// Everything but the controller's memories starts over.
void TlmChip::reset() {
  auto fresh = std::make_unique<Parts>(config_, make_memory_(), storage_);
  std::ranges::copy(parts_->controller.instructions(), fresh->controller.instructions().begin());
  std::ranges::copy(parts_->controller.data(), fresh->controller.data().begin());
  parts_ = std::move(fresh);
  parts_->bus.set_token(token_);
  parts_->units.observe(observer_);
  cycles_before_reset_ += now_;
  now_ = 0;
  error_ = 0;
}

void TlmChip::set_token(uint32_t token) {
  token_ = token;
  parts_->bus.set_token(token);
}

void TlmChip::control(uint32_t value) {
  if (value >> reg::kCtrlSoftResetLsb & 1) return reset();
  const bool run = (value >> reg::kCtrlRunLsb & 1) != 0;
  Controller& controller = parts_->controller;
  if (run && !controller.running()) controller.start(now_);
  if (!run) controller.stop();
}

void TlmChip::pass(Cycle cycles) {
  now_ += cycles;
  parts_->controller.run(now_, [] { return false; });
  if (parts_->controller.trap()) error_ |= 1u << reg::kErrorTrapLsb;
}

/// The word of the controller's memories at WINDOW_ADDR.
std::optional<uint32_t*> TlmChip::window() {
  const uint32_t at = window_;
  window_ += 4;
  Controller& c = parts_->controller;
  if (at < spec::kInstrBytes && !c.running()) return &c.instructions()[at / 4];
  if (at - spec::kDataBase < spec::kDataBytes) return &c.data()[(at - spec::kDataBase) / 4];
  return std::nullopt;
}

void TlmChip::write_register(uint32_t offset, uint32_t value) {
  pass(access_cycles(offset));
  switch (offset) {
    case reg::kCtrl:
      return control(value);
    case reg::kError:
      error_ &= ~value;
      return;
    case reg::kMailIn:
      if (parts_->bus.mail_room() == 0) {
        error_ |= 1u << reg::kErrorMailOverflowLsb;
      } else {
        parts_->bus.push_mail(value);
      }
      return;
    case reg::kMailState:
      if (!parts_->bus.mail().empty()) parts_->bus.mail().pop_front();
      return;
    case reg::kWindowAddr:
      window_ = value;
      return;
    case reg::kWindowData:
      if (const auto word = window()) {
        **word = value;
        return;
      }
      throw Error("performance model: nothing to write at 0x{:x} of the window", window_ - 4);
    case reg::kWatchdog:
      watchdog_ = value;
      return;
    default:
      throw Error("performance model: the driver writes register 0x{:x}, which it lacks", offset);
  }
}

uint32_t TlmChip::read_register(uint32_t offset) {
  pass(access_cycles(offset));
  const spec::ChipConfig& c = config_.chip;
  const auto& mail = parts_->bus.mail();
  // A word is there two cycles after it was written.
  const auto words = static_cast<uint32_t>(
      std::ranges::count_if(mail, [&](const DeviceBus::Mail& m) { return m.sent + 2 <= now_; }));
  const std::optional<iss::Trap>& trap = parts_->controller.trap();
  switch (offset) {
    case reg::kId:
      return reg::kIdReset;
    case reg::kVersion:
      return reg::kVersionReset;
    case reg::kConfig:
      return spec::config_words(c).config;
    case reg::kConfig2:
      return spec::config_words(c).config2;
    case reg::kConfig3:
      return spec::config_words(c).config3;
    case reg::kStatus:
      parts_->bus.advance(now_);
      return (parts_->bus.is_playing() || parts_->units.busy(now_) ? 1u << reg::kStatusBusyLsb : 0u) |
             (error_ != 0 ? 1u << reg::kStatusErrorLsb : 0u) |
             (parts_->controller.running() ? 1u << reg::kStatusRunningLsb : 0u);
    case reg::kError:
      return error_;
    case reg::kMailOut:
      return words == 0 ? 0 : mail.front().word;
    case reg::kMailState:
      return words << reg::kMailStateWordsLsb | parts_->bus.mail_room() << reg::kMailStateRoomLsb;
    case reg::kWindowData:
      if (const auto word = window()) return **word;
      throw Error("performance model: nothing to read at 0x{:x} of the window", window_ - 4);
    case reg::kWatchdog:
      return watchdog_;
    case reg::kTrapCause:
      return trap ? static_cast<uint32_t>(trap->cause) : 0;
    case reg::kTrapPc:
      return trap ? trap->pc : 0;
    case reg::kTrapValue:
      return trap ? trap->value : 0;
    case reg::kCyclesLo:
      return static_cast<uint32_t>(now_);
    case reg::kCyclesHi:
      return static_cast<uint32_t>(now_ >> 32);
    default:
      return counter(offset);
  }
}

uint32_t TlmChip::counter(uint32_t offset) {
  parts_->bus.advance(now_);
  const Counters& counts = parts_->units.counters(now_);
  const std::pair<uint32_t, uint64_t> registers[] = {
      {reg::kBeats, counts.beats},
      {reg::kLoadBeats, counts.load_beats},
      {reg::kStoreBeats, counts.store_beats},
      {reg::kStallRead, counts.stall_read},
      {reg::kStallDrain, counts.stall_drain},
      {reg::kStallWait, counts.stall_wait},
      {reg::kStallIdle, counts.stall_idle},
      {reg::kVectorBusy, counts.vector_busy},
      {reg::kCommands, counts.commands},
      {reg::kSaturations, 0},
      {reg::kIllegal, 0},
      {reg::kBusErrors, 0},
  };
  const auto found = std::ranges::find(registers, offset, &std::pair<uint32_t, uint64_t>::first);
  if (found == std::end(registers))
    throw Error("performance model: the driver reads register 0x{:x}, which it lacks", offset);
  return static_cast<uint32_t>(found->second);
}

bool TlmChip::wait_interrupt(uint64_t timeout_cycles) {
  const Cycle end = now_ + std::min(timeout_cycles, kNever - now_);
  const auto& mail = parts_->bus.mail();
  if (error_ != 0) return true;
  parts_->controller.run(end, [&] { return !mail.empty(); });
  if (parts_->controller.trap()) error_ |= 1u << reg::kErrorTrapLsb;
  if (mail.empty() && error_ == 0) {
    now_ = end;
    return false;
  }
  const Cycle raised = mail.empty() ? parts_->controller.now() : mail.front().sent + kInterrupt;
  if (raised > end) {
    now_ = end;
    return false;
  }
  now_ = std::max(now_, raised);
  return true;
}

}  // namespace tern::tlm
