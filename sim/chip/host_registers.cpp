// SPDX-License-Identifier: Apache-2.0
#include "chip/host_registers.hpp"

#include "io/error.hpp"
#include "spec/config_words.hpp"
#include "spec/generated/registers.hpp"

namespace tern::sim {

namespace reg = spec::reg;

/// The word of the controller's memories at WINDOW_ADDR, which goes on to the next. Instructions
/// are there only while the controller stands, as in the chip.
uint32_t& HostRegisters::window(const char* what) {
  const uint32_t at = window_;
  window_ += 4;
  if (at < config_.instr_bytes && !chip_.is_running()) return chip_.instructions()[at / 4];
  if (at - spec::kDataBase < config_.data_bytes) return chip_.data()[(at - spec::kDataBase) / 4];
  throw Error("{}: nothing to {} at 0x{:x} of the window", name_, what, at);
}

void HostRegisters::write(uint32_t offset, uint32_t value) {
  switch (offset) {
    case reg::kCtrl:
      if (value >> reg::kCtrlSoftResetLsb & 1) chip_.soft_reset();
      return chip_.run((value >> reg::kCtrlRunLsb & 1) != 0);
    case reg::kError:
      return chip_.clear_error(value);
    case reg::kMailIn:
      return chip_.push_mail(value);
    case reg::kMailState:
      return chip_.pop_mail();
    case reg::kWindowAddr:
      window_ = value;
      return;
    case reg::kWindowData:
      window("write") = value;
      return;
    case reg::kWatchdog:
      watchdog_ = value;
      return;
    default:
      throw Error("{}: the driver writes register 0x{:x}, which it lacks", name_, offset);
  }
}

uint32_t HostRegisters::read(uint32_t offset) {
  const auto trap = [&](auto field) { return chip_.trap() ? field(*chip_.trap()) : 0u; };
  switch (offset) {
    case reg::kId:
      return reg::kIdReset;
    case reg::kVersion:
      return reg::kVersionReset;
    case reg::kConfig:
      return spec::config_words(config_).config;
    case reg::kConfig2:
      return spec::config_words(config_).config2;
    case reg::kConfig3:
      return spec::config_words(config_).config3;
    case reg::kStatus:
      return uint32_t{chip_.is_busy()} << reg::kStatusBusyLsb |
             uint32_t{chip_.error() != 0} << reg::kStatusErrorLsb |
             uint32_t{chip_.is_running()} << reg::kStatusRunningLsb |
             uint32_t{chip_.is_working()} << reg::kStatusWorkingLsb;
    case reg::kError:
      return chip_.error();
    case reg::kMailOut:
      return chip_.mail();
    case reg::kMailState:
      return chip_.mail_words() << reg::kMailStateWordsLsb | chip_.mail_room()
                                                                 << reg::kMailStateRoomLsb;
    case reg::kWindowData:
      return window("read");
    case reg::kWatchdog:
      return watchdog_;
    case reg::kTrapCause:
      return trap([](const iss::Trap& t) { return static_cast<uint32_t>(t.cause); });
    case reg::kTrapPc:
      return trap([](const iss::Trap& t) { return t.pc; });
    case reg::kTrapValue:
      return trap([](const iss::Trap& t) { return t.value; });
    case reg::kCyclesLo:
      return static_cast<uint32_t>(chip_.cycle());
    case reg::kCyclesHi:
      return static_cast<uint32_t>(chip_.cycle() >> 32);
    default:
      if (const auto count = chip_.counter(offset)) return static_cast<uint32_t>(*count);
      throw Error("{}: the driver reads register 0x{:x}, which it lacks", name_, offset);
  }
}

}  // namespace tern::sim
