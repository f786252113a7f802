// SPDX-License-Identifier: Apache-2.0
#include "sdram_chip.hpp"

#include <fmt/format.h>

namespace tern::sim {
namespace {

constexpr double kTolerance = 1e-6;
constexpr uint16_t kUndrivenWord = 0xdead;
constexpr size_t kMaxMessages = 20;

}  // namespace

const char* name_of(SdramRule rule) {
  static constexpr const char* kNames[] = {"init",
                                           "mode",
                                           "bank",
                                           "tRCD",
                                           "tRP",
                                           "tRAS",
                                           "tRAS max",
                                           "tRC",
                                           "tRFC",
                                           "tRRD",
                                           "tWR",
                                           "tMRD",
                                           "refresh interval",
                                           "contention",
                                           "undriven"};
  static_assert(std::size(kNames) == static_cast<size_t>(SdramRule::kRules));
  return kNames[static_cast<size_t>(rule)];
}

SdramChip::SdramChip(const SdramTiming& timing)
    : timing_(timing), cells_(uint64_t{4} * 8192 * 512) {}

void SdramChip::restart() {
  banks_.fill({});
  slots_.fill({});
  write_ = {};
  last_active_ = last_refresh_ = last_mode_ = kLongAgo;
  clock_enabled_ = precharged_ = ready_ = false;
  burst_length_ = latency_ = init_refreshes_ = 0;
  refresh_debt_ = 0;
}

uint16_t SdramChip::dq() const {
  const Word& word = slot(edges_);
  return word.valid ? word.value : kUndrivenWord;
}

void SdramChip::fail(SdramRule rule, const std::string& text) {
  ++count_[static_cast<size_t>(rule)];
  ++total_;
  if (messages_.size() < kMaxMessages) {
    messages_.push_back(fmt::format("edge {}: {}: {}", now_, name_of(rule), text));
  }
}

void SdramChip::need(SdramRule rule, int64_t since, double time, const char* what, uint32_t bank) {
  const double passed = static_cast<double>(now_ - since) * timing_.clock;
  if (passed < time - kTolerance) {
    fail(rule, fmt::format("{} bank {} after {} ns, needs {} ns", what, bank, passed, time));
  }
}

void SdramChip::edge(const SdramPins& pins) {
  now_ = static_cast<int64_t>(edges_);
  if (pins.dq_driven && (slot(edges_).valid || (edges_ > 0 && slot(edges_ - 1).valid))) {
    fail(SdramRule::kContention, "the controller drives the bus with or right behind the chip");
  }
  if (!clock_enabled_ && pins.cke) {
    clock_enabled_ = true;
    start_ = now_;
  } else if (clock_enabled_ && !pins.cke) {
    fail(SdramRule::kMode, "power-down is not modelled");
  }
  if (ready_) {
    refresh_debt_ += timing_.clock / timing_.refi;
    if (refresh_debt_ > 2) {
      fail(SdramRule::kRefresh, "two refreshes are overdue");
      refresh_debt_ = 1;
    }
  }
  if (pins.cke && !pins.cs_n) command(pins);
  if (write_.left != 0) write_word(pins);
  // DQM masks what is read two edges later.
  const size_t masked = (edges_ + 2) % kSlots;
  if (slots_[masked].valid) {
    if (pins.dqm & 1)
      slots_[masked].value = (slots_[masked].value & 0xff00) | (kUndrivenWord & 0xff);
    if (pins.dqm & 2)
      slots_[masked].value = (slots_[masked].value & 0xff) | (kUndrivenWord & 0xff00);
  }
  // Kept for one edge, for the check of contention.
  slots_[(edges_ + kSlots - 1) % kSlots].valid = false;
  ++edges_;
}

void SdramChip::command(const SdramPins& pins) {
  const uint32_t code = pins.ras_n << 2 | pins.cas_n << 1 | pins.we_n;
  if (code == 7) return;
  need(SdramRule::kMrd, last_mode_, timing_.mrd * timing_.clock, "command", pins.ba);
  if (!ready_ && code != 0 && code != 1 && code != 2) {
    fail(SdramRule::kInit, "access before the mode register was loaded");
  }
  switch (code) {
    case 3:
      return activate(pins);
    case 5:
      return access(pins, false);
    case 4:
      return access(pins, true);
    case 2:
      return precharge(pins);
    case 1:
      return refresh();
    case 0:
      return load_mode(pins);
    default:
      fail(SdramRule::kMode, "BURST TERMINATE is not modelled");
  }
}

void SdramChip::activate(const SdramPins& pins) {
  Bank& bank = banks_[pins.ba];
  if (bank.open) fail(SdramRule::kBank, fmt::format("ACTIVE of bank {}, which is open", pins.ba));
  need(SdramRule::kRp, bank.precharge, timing_.rp, "ACTIVE", pins.ba);
  need(SdramRule::kRc, bank.active, timing_.rc, "ACTIVE", pins.ba);
  need(SdramRule::kRrd, last_active_, timing_.rrd, "ACTIVE", pins.ba);
  need(SdramRule::kRfc, last_refresh_, timing_.rfc, "ACTIVE", pins.ba);
  bank.open = true;
  bank.row = pins.a;
  bank.active = last_active_ = now_;
  ++activates_;
}

void SdramChip::access(const SdramPins& pins, bool write) {
  const Bank& bank = banks_[pins.ba];
  const char* what = write ? "WRITE" : "READ";
  if (pins.a >> 10 & 1) fail(SdramRule::kMode, "auto precharge is not modelled");
  if (!bank.open)
    fail(SdramRule::kBank, fmt::format("{} of bank {}, which is closed", what, pins.ba));
  need(SdramRule::kRcd, bank.active, timing_.rcd, what, pins.ba);
  // A new access ends the burst before it.
  if (write) {
    if (slot(edges_).valid || slot(edges_ + 1).valid) {
      fail(SdramRule::kContention, "WRITE while words of a READ are still to come");
    }
    stop_reading(now_, kAnyBank);
  } else {
    stop_reading(now_ + latency_, kAnyBank);
  }
  const uint32_t column = pins.a & 511;
  if (write) {
    write_ = {burst_length_, pins.ba, bank.row, column, 0};
    return;
  }
  write_.left = 0;
  for (uint32_t i = 0; i < burst_length_; ++i) {
    const uint32_t place = (column & ~(burst_length_ - 1)) | ((column + i) & (burst_length_ - 1));
    slots_[(edges_ + latency_ + i) % kSlots] = {true, cells_[index(pins.ba, bank.row, place)],
                                                pins.ba};
  }
}

void SdramChip::write_word(const SdramPins& pins) {
  if (!pins.dq_driven) fail(SdramRule::kUndriven, "nobody drives the word that is written");
  const uint32_t mask = burst_length_ - 1;
  const uint32_t place = (write_.column & ~mask) | ((write_.column + write_.step) & mask);
  uint16_t& cell = cells_[index(write_.bank, write_.row, place)];
  if (!(pins.dqm & 1)) cell = static_cast<uint16_t>((cell & 0xff00) | (pins.dq & 0xff));
  if (!(pins.dqm & 2)) cell = static_cast<uint16_t>((cell & 0xff) | (pins.dq & 0xff00));
  banks_[write_.bank].written = now_;
  ++write_.step;
  --write_.left;
}

void SdramChip::stop_reading(int64_t from, uint32_t bank) {
  for (int64_t edge = from; edge < from + 16; ++edge) {
    Word& word = slots_[static_cast<size_t>(edge) % kSlots];
    if (bank == kAnyBank || word.bank == bank) word.valid = false;
  }
}

void SdramChip::precharge(const SdramPins& pins) {
  const bool all = pins.a >> 10 & 1;
  for (uint32_t b = 0; b < banks_.size(); ++b) {
    if (!all && b != pins.ba) continue;
    Bank& bank = banks_[b];
    if (write_.left != 0 && write_.bank == b) write_.left = 0;
    if (bank.open) {
      need(SdramRule::kRas, bank.active, timing_.ras, "PRECHARGE", b);
      need(SdramRule::kWr, bank.written, timing_.wr, "PRECHARGE", b);
      if (static_cast<double>(now_ - bank.active) * timing_.clock > timing_.ras_max) {
        fail(SdramRule::kRasMax, fmt::format("bank {} was open for too long", b));
      }
      // The words of a burst in this bank that would leave later are lost.
      stop_reading(now_ + latency_, b);
    }
    bank.open = false;
    bank.precharge = now_;
  }
  if (!ready_) {
    need(SdramRule::kInit, start_, timing_.power_up, "first PRECHARGE", 0);
    precharged_ = precharged_ || all;
  }
}

void SdramChip::refresh() {
  for (uint32_t b = 0; b < banks_.size(); ++b) {
    if (banks_[b].open) fail(SdramRule::kBank, fmt::format("REFRESH while bank {} is open", b));
    need(SdramRule::kRp, banks_[b].precharge, timing_.rp, "REFRESH", b);
    need(SdramRule::kRc, banks_[b].active, timing_.rc, "REFRESH", b);
  }
  need(SdramRule::kRfc, last_refresh_, timing_.rfc, "REFRESH", 0);
  last_refresh_ = now_;
  ++refreshes_;
  refresh_debt_ = refresh_debt_ > 1 ? refresh_debt_ - 1 : 0;
  if (!ready_) {
    if (!precharged_) fail(SdramRule::kInit, "REFRESH before the first PRECHARGE of all banks");
    ++init_refreshes_;
  }
}

void SdramChip::load_mode(const SdramPins& pins) {
  for (uint32_t b = 0; b < banks_.size(); ++b) {
    if (banks_[b].open) fail(SdramRule::kBank, fmt::format("mode load while bank {} is open", b));
    need(SdramRule::kRp, banks_[b].precharge, timing_.rp, "mode load", b);
  }
  need(SdramRule::kRfc, last_refresh_, timing_.rfc, "mode load", 0);
  if (!ready_ && (!precharged_ || init_refreshes_ < 2)) {
    fail(SdramRule::kInit, "mode load before a PRECHARGE of all banks and two REFRESHes");
  }
  const uint32_t length = pins.a & 7;
  latency_ = pins.a >> 4 & 7;
  burst_length_ = 1u << (length & 3);
  if (length > 3 || pins.a >> 3 & 1 || pins.a >> 7 != 0 || pins.ba != 0) {
    fail(SdramRule::kMode, fmt::format("mode {:#x} is not modelled", pins.a));
  }
  if (latency_ < timing_.cas_latency || latency_ > 3) {
    fail(SdramRule::kMode, fmt::format("CAS latency {}, needs {}", latency_, timing_.cas_latency));
  }
  last_mode_ = now_;
  ready_ = true;
}

}  // namespace tern::sim
