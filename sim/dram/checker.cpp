// SPDX-License-Identifier: Apache-2.0
#include "checker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tern::dram {
namespace {

constexpr std::size_t kMessages = 10;
constexpr uint64_t kPostponed = 8;  ///< Refreshes that may be late, or early (JESD79-4, refresh).

const char* name_of(CommandKind kind) {
  switch (kind) {
    case CommandKind::kActivate:
      return "ACT";
    case CommandKind::kPrecharge:
      return "PRE";
    case CommandKind::kPrechargeAll:
      return "PREA";
    case CommandKind::kRead:
      return "RD";
    case CommandKind::kWrite:
      return "WR";
    case CommandKind::kRefresh:
      return "REF";
    case CommandKind::kRefreshBank:
      return "REFpb";
  }
  return "?";
}

bool is_column(CommandKind kind) {
  return kind == CommandKind::kRead || kind == CommandKind::kWrite;
}
bool is_precharge(CommandKind kind) {
  return kind == CommandKind::kPrecharge || kind == CommandKind::kPrechargeAll;
}

}  // namespace

TimingChecker::TimingChecker(const Geometry& geometry, const Timing& timing, bool refresh_banks)
    : geometry_(geometry),
      timing_(timing),
      refresh_banks_(refresh_banks),
      rows_(geometry.ranks * geometry.banks(), -1),
      activates_(geometry.ranks),
      refreshes_(geometry.ranks * (refresh_banks ? geometry.banks() : 1)) {
  const Timing& t = timing_;
  horizon_ = std::max({t.rc, t.ras, t.rfc, t.rfc_pb, t.rcd, t.rp, t.rtw + t.rtrs, t.rtp,
                       t.cl + t.cwl + 2 * t.burst + t.rtrs + std::max(t.wr, t.wtr_l)});
}

void TimingChecker::report(const Command& c, const char* name, const std::string& what) {
  ++violations_;
  if (std::find(broken_.begin(), broken_.end(), name) == broken_.end()) broken_.push_back(name);
  if (messages_.size() < kMessages)
    messages_.push_back(fmt::format("cycle {} {} rank {} bank {}: {}", c.cycle, name_of(c.kind),
                                    c.rank, c.bank, what));
}

TimingChecker::Limit TimingChecker::limit(const Command& a, const Command& b) const {
  using enum CommandKind;
  const Timing& t = timing_;
  const bool same_rank = a.rank == b.rank;
  // A command to a whole rank concerns each of its banks.
  const bool whole = a.kind == kPrechargeAll || b.kind == kPrechargeAll || a.kind == kRefresh ||
                     b.kind == kRefresh;
  const bool same_bank = same_rank && (whole || a.bank == b.bank);
  const bool same_group = same_rank && group(a) == group(b);
  const Cycle write_data = t.cwl + t.burst;

  if (is_column(a.kind) && is_column(b.kind)) {
    if (a.kind == b.kind) {
      if (!same_rank) return {"tRTRS", t.burst + t.rtrs};
      return same_group ? Limit{"tCCD_L", t.ccd_l} : Limit{"tCCD_S", t.ccd_s};
    }
    if (a.kind == kRead)
      return same_rank ? Limit{"tRTW", t.rtw} : Limit{"tRTRS", t.cl + t.burst + t.rtrs - t.cwl};
    if (!same_rank) return {"tRTRS", write_data + t.rtrs - t.cl};
    return same_group ? Limit{"tWTR_L", write_data + t.wtr_l}
                      : Limit{"tWTR_S", write_data + t.wtr_s};
  }
  // To its rank, REFpb is an ACT.
  const bool row_a = a.kind == kActivate || a.kind == kRefreshBank;
  const bool row_b = b.kind == kActivate || b.kind == kRefreshBank;
  if (row_a && row_b) {
    if (a.kind == kRefreshBank && same_rank && (b.kind == kRefreshBank || same_bank))
      return {"tRFCpb", t.rfc_pb};
    if (same_bank) return {"tRC", t.rc};
    if (same_group) return {"tRRD_L", t.rrd_l};
    if (same_rank) return {"tRRD_S", t.rrd_s};
  }
  if (!same_bank) return {"the command bus", 1};
  if (a.kind == kActivate && is_column(b.kind)) return {"tRCD", t.rcd};
  if (a.kind == kActivate && is_precharge(b.kind)) return {"tRAS", t.ras};
  if (a.kind == kActivate && b.kind == kRefresh) return {"tRC", t.rc};
  if (is_precharge(a.kind) && (row_b || b.kind == kRefresh)) return {"tRP", t.rp};
  if (a.kind == kRead && is_precharge(b.kind)) return {"tRTP", t.rtp};
  if (a.kind == kWrite && is_precharge(b.kind)) return {"tWR", write_data + t.wr};
  if (a.kind == kRefresh) return {"tRFC", t.rfc};
  return {"the command bus", 1};
}

void TimingChecker::observe(const Command& c) {
  ++commands_;
  while (!recent_.empty() && c.cycle - recent_.front().cycle > horizon_) recent_.pop_front();
  for (const Command& before : recent_) {
    const Limit least = limit(before, c);
    const Cycle distance = c.cycle - before.cycle;
    if (distance < std::max<Cycle>(1, least.distance))
      report(
          c, distance < 1 ? "the command bus" : least.name,
          fmt::format("{} cycles after {} of bank {} in cycle {}, {} asks for {}", distance,
                      name_of(before.kind), before.bank, before.cycle, least.name, least.distance));
  }
  recent_.push_back(c);
  check_rows(c);
  if (c.kind == CommandKind::kActivate) check_window(c);
  if (is_column(c.kind)) check_data(c);
  const bool bank = c.kind == CommandKind::kRefreshBank;
  if (bank != refresh_banks_ && (bank || c.kind == CommandKind::kRefresh)) {
    report(c, "tREFI", "this memory is refreshed the other way");
  } else if (bank) {
    ++refreshes_[c.rank * geometry_.banks() + c.bank];
  } else if (c.kind == CommandKind::kRefresh) {
    ++refreshes_[c.rank];
  }
  check_refreshes(c.cycle);
}

void TimingChecker::check_rows(const Command& c) {
  const auto first = rows_.begin() + c.rank * geometry_.banks();
  const auto last = first + geometry_.banks();
  int64_t& row = *(first + c.bank);
  switch (c.kind) {
    case CommandKind::kActivate:
      if (row != -1) report(c, "an open row", fmt::format("row {} is open", row));
      row = c.row;
      break;
    case CommandKind::kPrecharge:
      row = -1;
      break;
    case CommandKind::kPrechargeAll:
      std::fill(first, last, -1);
      break;
    case CommandKind::kRefresh:
      if (std::any_of(first, last, [](int64_t r) { return r != -1; }))
        report(c, "an open row", "a row of the rank is open");
      break;
    case CommandKind::kRefreshBank:
      if (row != -1) report(c, "an open row", fmt::format("row {} is open", row));
      break;
    default:
      if (row != c.row)
        report(c, "another row", fmt::format("for row {}, but {} is open", c.row, row));
  }
}

void TimingChecker::check_window(const Command& c) {
  std::deque<Cycle>& last = activates_[c.rank];
  if (last.size() == 4) {
    if (c.cycle - last.front() < timing_.faw)
      report(c, "tFAW",
             fmt::format("the fifth ACT in {} cycles, tFAW asks for {}", c.cycle - last.front(),
                         timing_.faw));
    last.pop_front();
  }
  last.push_back(c.cycle);
}

void TimingChecker::check_data(const Command& c) {
  const Cycle start = c.cycle + (c.kind == CommandKind::kWrite ? timing_.cwl : timing_.cl);
  const Cycle gap = c.rank != data_rank_ && data_end_ != 0 ? timing_.rtrs : 0;
  if (start < data_end_ + gap)
    report(c, "the data bus",
           fmt::format("its data starts in cycle {}, the bus is free from {} on", start,
                       data_end_ + gap));
  data_end_ = start + timing_.burst;
  data_rank_ = c.rank;
}

void TimingChecker::check_refreshes(Cycle now) {
  if (timing_.refi == 0) return;
  const auto due = static_cast<uint64_t>(now / timing_.refi);
  const uint32_t banks = refresh_banks_ ? geometry_.banks() : 1;
  for (std::size_t i = 0; i < refreshes_.size(); ++i) {
    const uint64_t done = refreshes_[i];
    if (done + kPostponed >= due && done <= due + 1 + kPostponed) continue;
    Command c{.cycle = now, .kind = CommandKind::kRefresh};
    c.rank = static_cast<uint8_t>(i / banks);
    c.bank = static_cast<uint8_t>(i % banks);
    report(c, "tREFI", fmt::format("{} refreshes where {} were due", done, due));
  }
}

void TimingChecker::finish(Cycle now) { check_refreshes(now); }

}  // namespace tern::dram
