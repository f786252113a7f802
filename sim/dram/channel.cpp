// SPDX-License-Identifier: Apache-2.0
#include "channel.hpp"

#include <algorithm>
#include <bit>

namespace tern::dram {
namespace {

/// Cycles without a request after which a refresh may be done early: the next burst of a stream
/// that only stutters must not meet it.
constexpr Cycle kIdleBeforeRefresh = 64;

}  // namespace

Channel::Channel(const Config& config)
    : geometry_(config.geometry),
      timing_(config.timing),
      controller_(config.controller),
      banks_(config.geometry, config.timing),
      reads_(config.controller.read_queue),
      writes_(config.controller.write_queue),
      refresh_(config.geometry.ranks) {
  for (uint32_t rank = 0; rank < geometry_.ranks; ++rank) refresh_[rank].due = refresh_due(rank);
}

/// Ranks are staggered, so that one works while another refreshes; banks share the time evenly.
Cycle Channel::refresh_due(uint32_t rank) const {
  if (timing_.refi == 0) return kNever;
  const Cycle parts = controller_.refresh_banks ? geometry_.banks() : 1;
  const Cycle steps = static_cast<Cycle>(refresh_[rank].count * geometry_.ranks + rank + 1);
  return timing_.refi * steps / (geometry_.ranks * parts);
}

/// Of the banks that were not refreshed in this round, one that nobody waits for, if there is one.
uint32_t Channel::choose_bank(uint32_t rank) const {
  const uint32_t first = rank * geometry_.banks();
  const uint64_t all =
      geometry_.banks() == 64 ? ~uint64_t{0} : (uint64_t{1} << geometry_.banks()) - 1;
  const uint64_t left = all & ~refresh_[rank].round;
  const uint64_t unused = left & ~((reads_.banks() | writes_.banks()) >> first);
  return first + static_cast<uint32_t>(std::countr_zero(unused != 0 ? unused : left));
}

void Channel::finish_refresh(uint32_t rank, Cycle until) {
  RankRefresh& r = refresh_[rank];
  const uint32_t first = rank * geometry_.banks();
  if (controller_.refresh_banks) {
    refreshed_[r.bank] = until;
    r.round |= uint64_t{1} << (r.bank - first);
    if (std::popcount(r.round) == static_cast<int>(geometry_.banks())) r.round = 0;
  } else {
    std::fill_n(refreshed_.begin() + first, geometry_.banks(), until);
  }
  ++r.count;
  r.pending = false;
  r.due = refresh_due(rank);
}

void Channel::push_read(uint64_t id, const Location& at) {
  if (!working()) no_work_until_ = now_;
  last_read_ = idle_since_ = now_;
  if (writes_.holds(at)) {
    ++counters_.forwarded;
    completions_.push_back({id, now_ + 1 + controller_.latency});
    return;
  }
  reads_.push(id, order_++, now_, at);
  if (writing_ && writes_.size() <= controller_.write_low) writing_ = false;
  decided_ = false;
}

void Channel::push_write(const Location& at) {
  if (idle()) no_work_until_ = now_;
  writes_.push(0, order_++, now_, at);
  idle_since_ = now_;
  if (!writing_ && writes_.size() >= controller_.write_high) {
    if (!working()) no_work_until_ = now_;
    writing_ = true;
  }
  decided_ = false;
}

void Channel::offer(const Decision& candidate) {
  const bool column = candidate.step == Step::kColumn;
  const bool best_column = next_.step == Step::kColumn;
  if (candidate.at != next_.at ? candidate.at < next_.at
                               : (column != best_column ? column : candidate.order < next_.order))
    next_ = candidate;
}

void Channel::decide() {
  next_ = {};
  const Cycle from = std::max(now_, command_free_);
  const bool write = writing_ || reads_.empty();
  if (!write) {
    decide_requests(reads_, false, from);
  } else if (!writes_.empty()) {
    const Cycle floor = writing_ ? from : std::max(from, last_read_ + controller_.drain_idle);
    decide_requests(writes_, true, floor);
  }
  decide_refresh(from);
  decided_ = true;
}

/// A refresh that is due blocks its rank, so its steps come before anything at the same time.
void Channel::decide_refresh(Cycle from) {
  for (uint32_t rank = 0; rank < geometry_.ranks; ++rank) {
    const RankRefresh& r = refresh_[rank];
    Decision d{.bank = rank};
    if (r.pending && controller_.refresh_banks) {
      const bool closed = banks_.open_row(r.bank) == BankState::kClosed;
      d.step = closed ? Step::kRefreshBank : Step::kCloseBank;
      d.at = std::max(
          from, closed ? banks_.earliest_refresh_bank(r.bank) : banks_.earliest_precharge(r.bank));
    } else if (r.pending && banks_.any_open(rank)) {
      d.step = Step::kPrechargeAll;
      d.at = std::max(from, banks_.earliest_precharge_all(rank));
    } else if (r.pending) {
      d.step = Step::kRefresh;
      d.at = std::max(from, banks_.earliest_refresh(rank));
    } else {
      d.step = Step::kStartRefresh;
      d.at = std::max(now_, r.due);
      if (idle() && r.due != kNever && controller_.refresh_ahead != 0) {
        const Cycle ahead = r.due - static_cast<Cycle>(timing_.refi) * controller_.refresh_ahead;
        d.at = std::min(d.at, std::max({now_, idle_since_ + kIdleBeforeRefresh, ahead}));
      }
    }
    if (d.at <= next_.at) next_ = d;
  }
}

void Channel::decide_requests(RequestQueue& queue, bool write, Cycle from) {
  for (uint64_t left = queue.banks(); left != 0; left &= left - 1) {
    Decision d{.write = write, .bank = static_cast<uint32_t>(std::countr_zero(left))};
    if (refreshing(d.bank)) continue;
    d.entry = queue.oldest(d.bank);
    const RequestQueue::Entry& oldest = queue[d.entry];
    const int64_t open = banks_.open_row(d.bank);
    d.order = oldest.order;
    if (open == BankState::kClosed) {
      d.step = Step::kActivate;
      d.at = std::max(from, banks_.earliest_activate(d.bank));
    } else {
      const bool starved = oldest.arrival + controller_.starve < now_;
      if (oldest.row != open && !starved) {
        const uint16_t hit = queue.find_row(d.bank, open, d.before);
        if (hit != RequestQueue::kNone) d.entry = hit;
      }
      const RequestQueue::Entry& chosen = queue[d.entry];
      if (chosen.row == open) {
        d.step = Step::kColumn;
        d.order = chosen.order;
        d.at = std::max(from, banks_.earliest_column(d.bank, write));
      } else {
        d.step = Step::kPrecharge;
        d.at = std::max(from, banks_.earliest_precharge(d.bank));
      }
    }
    offer(d);
  }
}

void Channel::execute() {
  const Decision d = next_;
  decided_ = false;
  now_ = std::max(now_, d.at);
  if (d.step == Step::kStartRefresh) {
    refresh_[d.bank].pending = true;
    refresh_[d.bank].bank = choose_bank(d.bank);
    return;
  }
  command_free_ = d.at + 1;
  switch (d.step) {
    case Step::kPrechargeAll:
      emit(CommandKind::kPrechargeAll, d.bank * geometry_.banks(), 0);
      counters_.precharges += banks_.precharge_all(d.at, d.bank);
      break;
    case Step::kRefresh:
      emit(CommandKind::kRefresh, d.bank * geometry_.banks(), 0);
      banks_.refresh(d.at, d.bank);
      finish_refresh(d.bank, d.at + timing_.rfc);
      ++counters_.refreshes;
      break;
    case Step::kCloseBank:
      emit(CommandKind::kPrecharge, refresh_[d.bank].bank, 0);
      banks_.precharge(d.at, refresh_[d.bank].bank);
      ++counters_.precharges;
      break;
    case Step::kRefreshBank:
      emit(CommandKind::kRefreshBank, refresh_[d.bank].bank, 0);
      banks_.refresh_bank(d.at, refresh_[d.bank].bank);
      finish_refresh(d.bank, d.at + timing_.rfc_pb);
      ++counters_.bank_refreshes;
      break;
    case Step::kActivate: {
      RequestQueue::Entry& entry = queue(d.write)[d.entry];
      entry.opened = true;
      emit(CommandKind::kActivate, d.bank, entry.row);
      banks_.activate(d.at, d.bank, entry.row);
      ++counters_.activates;
      break;
    }
    case Step::kPrecharge:
      queue(d.write)[d.entry].displaced = true;
      emit(CommandKind::kPrecharge, d.bank, 0);
      banks_.precharge(d.at, d.bank);
      ++counters_.precharges;
      break;
    default:
      execute_column(d);
  }
}

void Channel::execute_column(const Decision& d) {
  RequestQueue& from = queue(d.write);
  const RequestQueue::Entry entry = from[d.entry];
  emit(d.write ? CommandKind::kWrite : CommandKind::kRead, d.bank, entry.row);
  account_gap(d.at, d.bank, d.write);
  banks_.column(d.at, d.bank, d.write);
  from.erase(d.bank, d.entry, d.before);
  idle_since_ = d.at;

  ++(entry.displaced ? counters_.row_conflicts
     : entry.opened  ? counters_.row_misses
                     : counters_.row_hits);
  const Cycle data = d.at + (d.write ? timing_.cwl : timing_.cl) + timing_.burst;
  counters_.data_busy += static_cast<uint64_t>(timing_.burst);
  data_end_ = data;
  if (d.write) {
    ++counters_.writes;
    if (writing_ && (from.empty() || (from.size() <= controller_.write_low && !reads_.empty())))
      writing_ = false;
  } else {
    ++counters_.reads;
    last_read_ = d.at;
    completions_.push_back({entry.id, data + controller_.latency});
  }
}

/// Says why the data bus idles between the last burst and that of a column command at `at`. The
/// time is that of the command bus: x is when the command would have been in time for no gap.
void Channel::account_gap(Cycle at, uint32_t bank, bool write) {
  Cycle x = data_end_ - (write ? timing_.cwl : timing_.cl);
  const auto take = [&](Cycle until, uint64_t& cause) {
    until = std::min(until, at);
    if (until <= x) return;
    cause += static_cast<uint64_t>(until - x);
    x = until;
  };
  const uint32_t rank = bank / geometry_.banks();
  if (write && !writing_ && reads_.empty())
    no_work_until_ = std::max(no_work_until_, last_read_ + controller_.drain_idle);
  take(no_work_until_, counters_.idle_no_request);
  take(refreshed_[bank], counters_.idle_refresh);
  if (write != last_write_) {
    ++counters_.turnarounds;
    take(banks_.group_ready(bank, write), counters_.idle_turnaround);
  }
  if (write != last_write_ || rank != last_rank_)
    take(banks_.bus_ready(bank, write), counters_.idle_turnaround);
  take(banks_.group_ready(bank, write), counters_.idle_bank_group);
  take(banks_.row_ready(bank), counters_.idle_row);
  take(at, counters_.idle_other);
  last_write_ = write;
  last_rank_ = rank;
}

void Channel::emit(CommandKind kind, uint32_t bank, uint32_t row) const {
  if (!observer_) return;
  observer_({next_.at, kind, static_cast<uint8_t>(bank / geometry_.banks()),
             static_cast<uint8_t>(bank % geometry_.banks()), row});
}

Counters Channel::counters() {
  if (now_ > data_end_) {
    const bool refreshing =
        std::any_of(refreshed_.begin(), refreshed_.end(), [&](Cycle end) { return end > now_; });
    (!working()   ? counters_.idle_no_request
     : refreshing ? counters_.idle_refresh
                  : counters_.idle_row) += static_cast<uint64_t>(now_ - data_end_);
    data_end_ = now_;
  }
  Counters c = counters_;
  c.cycles = static_cast<uint64_t>(data_end_);
  c.active_standby = 0;
  for (uint32_t rank = 0; rank < geometry_.ranks; ++rank)
    c.active_standby += static_cast<uint64_t>(banks_.active_cycles(rank, now_));
  c.precharge_standby = static_cast<uint64_t>(now_) * geometry_.ranks - c.active_standby;
  return c;
}

}  // namespace tern::dram
