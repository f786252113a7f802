// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "address_map.hpp"
#include "bank_state.hpp"
#include "counters.hpp"
#include "request_queue.hpp"

namespace tern::dram {

/// A read whose data has a time.
struct Completion {
  uint64_t id = 0;
  Cycle done = 0;  ///< The cycle after the last of its data.
};

/// One channel: its controller and the DRAM behind it, event by event. Every command is issued in
/// the earliest cycle that the timing allows, and of those that are possible in that cycle

///   1. a refresh that is due, with the precharge it needs,
///   2. RD or WR before ACT and PRE (row hits first),
///   3. the request that came first
///
/// is chosen: first-ready, first-come-first-served. Writes wait in their own queue and are drained
/// in groups (Controller::write_high, write_low); a read of a waiting write is answered at once.
/// Rows stay open until another is needed. The command bus takes one command a cycle.
class Channel {
 public:
  static constexpr Cycle kNever = std::numeric_limits<Cycle>::max() / 2;

  /// `config` has passed check().
  explicit Channel(const Config& config);

  bool accepts(bool write) const { return write ? !writes_.full() : !reads_.full(); }
  /// Takes a burst at now(). Only when accepts().
  void push_read(uint64_t id, const Location& at);
  void push_write(const Location& at);

  Cycle now() const { return now_; }
  /// Cycle of what happens next if no request comes; kNever when nothing will.
  Cycle next() {
    if (!decided_) decide();
    return next_.at;
  }
  /// Issues every command before cycle `to`, which becomes now().
  void advance(Cycle to) {
    while (next() < to) execute();
    now_ = std::max(now_, to);
  }

  bool idle() const { return reads_.empty() && writes_.empty(); }
  /// Reads that were scheduled; the caller clears it.
  std::vector<Completion>& completions() { return completions_; }
  /// Closes the accounts at now() or the end of the last data, whichever is later.
  Counters counters();
  /// Sees every command as it is issued.
  void observe(std::function<void(const Command&)> observer) { observer_ = std::move(observer); }

 private:
  enum class Step : uint8_t {
    kNone,
    kStartRefresh,
    kPrechargeAll,
    kRefresh,
    kCloseBank,
    kRefreshBank,
    kColumn,
    kActivate,
    kPrecharge
  };
  struct Decision {
    Cycle at = kNever;
    Step step = Step::kNone;
    bool write = false;
    uint32_t bank = 0;  ///< Or the rank, for a refresh.
    uint64_t order = 0;
    uint16_t entry = RequestQueue::kNone, before = RequestQueue::kNone;
  };

  void decide();
  void decide_refresh(Cycle from);
  void finish_refresh(uint32_t rank, Cycle until);
  Cycle refresh_due(uint32_t rank) const;
  uint32_t choose_bank(uint32_t rank) const;
  bool refreshing(uint32_t bank) const {
    const RankRefresh& r = refresh_[bank / geometry_.banks()];
    return r.pending && (!controller_.refresh_banks || r.bank == bank);
  }
  void decide_requests(RequestQueue& queue, bool write, Cycle from);
  void offer(const Decision& candidate);
  void execute();
  void execute_column(const Decision& d);
  void emit(CommandKind kind, uint32_t bank, uint32_t row) const;
  void account_gap(Cycle at, uint32_t bank, bool write);
  bool working() const { return writing_ || !reads_.empty(); }
  RequestQueue& queue(bool write) { return write ? writes_ : reads_; }

  const Geometry geometry_;
  const Timing timing_;
  const Controller controller_;
  BankState banks_;
  RequestQueue reads_, writes_;
  bool writing_ = false;  ///< Draining the write queue.
  uint64_t order_ = 0;
  Cycle now_ = 0;
  Cycle command_free_ = 0;  ///< Of the command bus.
  Cycle last_read_ = 0;     ///< Arrival or RD.
  Cycle idle_since_ = 0;    ///< Last arrival or column command.

  bool decided_ = false;
  Decision next_;

  struct RankRefresh {
    Cycle due = kNever;
    uint64_t count = 0;  ///< Done.
    bool pending = false;
    // Of refreshes of single banks: which one is pending, and which of the round are done.
    uint32_t bank = 0;
    uint64_t round = 0;
  };
  std::vector<RankRefresh> refresh_;
  std::array<Cycle, BankState::kMaxBanks> refreshed_{};  ///< End of the last refresh of each bank.

  // Accounts of the data bus.
  Cycle data_end_ = 0;
  Cycle no_work_until_ = 0;
  bool last_write_ = false;
  uint32_t last_rank_ = 0;
  Counters counters_;
  std::vector<Completion> completions_;
  std::function<void(const Command&)> observer_;
};

}  // namespace tern::dram
