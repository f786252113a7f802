// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "address_map.hpp"
#include "bank_state.hpp"

namespace tern::dram {

/// Requests of one direction that wait for a channel, in the order of their arrival for each bank.
class RequestQueue {
 public:
  static constexpr uint16_t kNone = 0xffff;

  struct Entry {
    uint64_t id = 0;
    uint64_t order = 0;  ///< Of arrival, over the channel.
    Cycle arrival = 0;
    uint32_t row = 0;
    uint32_t column = 0;
    uint16_t next = kNone;   ///< The next of the bank.
    bool opened = false;     ///< A row was opened for this one,
    bool displaced = false;  ///< and another was closed for it.
  };

  explicit RequestQueue(uint32_t capacity) : entries_(capacity) {
    for (uint32_t i = 0; i < capacity; ++i)
      entries_[i].next = i + 1 < capacity ? static_cast<uint16_t>(i + 1) : kNone;
  }

  bool empty() const { return size_ == 0; }
  bool full() const { return free_ == kNone; }
  uint32_t size() const { return size_; }
  /// One bit for each bank of the channel that has requests.
  uint64_t banks() const { return banks_; }
  uint16_t oldest(uint32_t bank) const { return heads_[bank]; }
  Entry& operator[](uint16_t index) { return entries_[index]; }

  /// The oldest request of `bank` for `row`, or kNone; `before` is the one in front of it.
  uint16_t find_row(uint32_t bank, int64_t row, uint16_t& before) const {
    before = kNone;
    for (uint16_t i = heads_[bank]; i != kNone; before = i, i = entries_[i].next) {
      if (entries_[i].row == row) return i;
    }
    return kNone;
  }
  bool holds(const Location& at) const {
    if (!(banks_ >> at.bank & 1)) return false;
    for (uint16_t i = heads_[at.bank]; i != kNone; i = entries_[i].next) {
      if (entries_[i].row == at.row && entries_[i].column == at.column) return true;
    }
    return false;
  }

  void push(uint64_t id, uint64_t order, Cycle arrival, const Location& at) {
    const uint16_t index = free_;
    free_ = entries_[index].next;
    entries_[index] = {id, order, arrival, at.row, at.column, kNone, false, false};
    if (banks_ >> at.bank & 1) {
      entries_[tails_[at.bank]].next = index;
    } else {
      heads_[at.bank] = index;
      banks_ |= uint64_t{1} << at.bank;
    }
    tails_[at.bank] = index;
    ++size_;
  }

  /// Takes out `index`, which follows `before` (kNone: is the oldest) of `bank`.
  void erase(uint32_t bank, uint16_t index, uint16_t before) {
    const uint16_t next = entries_[index].next;
    if (before == kNone) {
      heads_[bank] = next;
      if (next == kNone) banks_ &= ~(uint64_t{1} << bank);
    } else {
      entries_[before].next = next;
    }
    if (next == kNone) tails_[bank] = before;
    entries_[index].next = free_;
    free_ = index;
    --size_;
  }

 private:
  std::vector<Entry> entries_;
  std::array<uint16_t, BankState::kMaxBanks> heads_ = filled();
  std::array<uint16_t, BankState::kMaxBanks> tails_ = filled();
  uint64_t banks_ = 0;
  uint16_t free_ = 0;
  uint32_t size_ = 0;

  static constexpr std::array<uint16_t, BankState::kMaxBanks> filled() {
    std::array<uint16_t, BankState::kMaxBanks> none{};
    none.fill(kNone);
    return none;
  }
};

}  // namespace tern::dram
