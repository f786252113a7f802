// SPDX-License-Identifier: Apache-2.0
#include "tlm_chip.hpp"

#include <algorithm>
#include <iterator>

#include "spec/generated/registers.hpp"

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
    : config_(config),
      make_memory_(std::move(make_memory)),
      registers_("performance model", config_.chip, *this) {
  check(config);
  if (!make_memory_)
    make_memory_ = [this] { return std::make_unique<FixedMemory>(config_.memory); };
  parts_ = std::make_unique<Parts>(config_, make_memory_(), storage_);
}

void TlmChip::soft_reset() {
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

void TlmChip::run(bool on) {
  Controller& controller = parts_->controller;
  if (on && !controller.running()) controller.start(now_);
  if (!on) controller.stop();
}

void TlmChip::pass(uint32_t offset) {
  now_ += access_cycles(offset);
  parts_->controller.run(now_, [] { return false; });
  if (parts_->controller.trap()) error_ |= 1u << reg::kErrorTrapLsb;
}

void TlmChip::write_register(uint32_t offset, uint32_t value) {
  pass(offset);
  registers_.write(offset, value);
}

uint32_t TlmChip::read_register(uint32_t offset) {
  pass(offset);
  return registers_.read(offset);
}

bool TlmChip::is_busy() {
  parts_->bus.advance(now_);
  return parts_->bus.is_playing() || parts_->units.busy(now_);
}

void TlmChip::push_mail(uint32_t word) {
  if (parts_->bus.mail_room() == 0)
    error_ |= 1u << reg::kErrorMailOverflowLsb;
  else
    parts_->bus.push_mail(word);
}

/// A word is there two cycles after it was written.
uint32_t TlmChip::mail_words() const {
  return static_cast<uint32_t>(std::ranges::count_if(
      parts_->bus.mail(), [&](const DeviceBus::Mail& m) { return m.sent + 2 <= now_; }));
}

uint32_t TlmChip::mail() const { return mail_words() == 0 ? 0 : parts_->bus.mail().front().word; }

void TlmChip::pop_mail() {
  if (!parts_->bus.mail().empty()) parts_->bus.mail().pop_front();
}

std::optional<uint64_t> TlmChip::counter(uint32_t offset) {
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
  if (found == std::end(registers)) return std::nullopt;
  return found->second;
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
