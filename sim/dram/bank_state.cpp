// SPDX-License-Identifier: Apache-2.0
#include "bank_state.hpp"

namespace tern::dram {

BankState::BankState(const Geometry& geometry, const Timing& timing)
    : geometry_(geometry), timing_(timing) {
  const Timing& t = timing_;
  const Cycle write_end = t.cwl + t.burst;
  for (int direction = 0; direction < 2; ++direction) {
    same_group_[direction][direction] = std::max(t.burst, t.ccd_l);
    same_rank_[direction][direction] = std::max(t.burst, t.ccd_s);
    other_rank_[direction][direction] = t.burst + t.rtrs;
  }
  same_group_[0][1] = same_rank_[0][1] = t.rtw;
  other_rank_[0][1] = std::max<Cycle>(1, t.cl + t.burst + t.rtrs - t.cwl);
  same_group_[1][0] = write_end + t.wtr_l;
  same_rank_[1][0] = write_end + t.wtr_s;
  other_rank_[1][0] = std::max<Cycle>(1, write_end + t.rtrs - t.cl);
  for (uint32_t bank = 0; bank < geometry.ranks * geometry.banks(); ++bank) {
    banks_[bank].rank = bank / geometry.banks();
    banks_[bank].group = bank / geometry.banks_per_group;
  }
}

Cycle BankState::earliest_precharge_all(uint32_t rank) const {
  Cycle at = 0;
  for (uint32_t i = 0; i < geometry_.banks(); ++i) {
    const Bank& b = banks_[rank * geometry_.banks() + i];
    if (b.row != kClosed) at = std::max(at, b.precharge);
  }
  return at;
}

void BankState::activate(Cycle at, uint32_t bank, uint32_t row) {
  Bank& b = banks_[bank];
  Rank& r = ranks_[b.rank];
  b.row = row;
  b.activate = at + timing_.rc;
  b.precharge = at + timing_.ras;
  b.column = at + timing_.rcd;
  Group& group = groups_[b.group];
  group.activate = at + timing_.rrd_l;
  r.activate = at + timing_.rrd_s;
  r.refresh = std::max(r.refresh, at + timing_.rc);
  r.window[r.window_at] = at + timing_.faw;
  r.window_at = (r.window_at + 1) % r.window.size();
  if (r.open++ == 0) r.active_since = at;
}

void BankState::close(Cycle at, Bank& b) {
  Rank& r = ranks_[b.rank];
  b.row = kClosed;
  b.activate = std::max(b.activate, at + timing_.rp);
  r.refresh = std::max(r.refresh, at + timing_.rp);
  if (--r.open == 0) r.active += at - r.active_since;
}

void BankState::precharge(Cycle at, uint32_t bank) { close(at, banks_[bank]); }

uint32_t BankState::precharge_all(Cycle at, uint32_t rank) {
  uint32_t closed = 0;
  for (uint32_t i = 0; i < geometry_.banks(); ++i) {
    Bank& b = banks_[rank * geometry_.banks() + i];
    if (b.row == kClosed) continue;
    close(at, b);
    ++closed;
  }
  return closed;
}

void BankState::column(Cycle at, uint32_t bank, bool write) {
  Bank& b = banks_[bank];
  const Cycle closing =
      write ? timing_.cwl + timing_.burst + timing_.wr : static_cast<Cycle>(timing_.rtp);
  b.precharge = std::max(b.precharge, at + closing);
  Group& group = groups_[b.group];
  for (int next = 0; next < 2; ++next) {
    group.column[next] = at + same_group_[write][next];
    for (uint32_t rank = 0; rank < geometry_.ranks; ++rank) {
      const Cycle gap = rank == b.rank ? same_rank_[write][next] : other_rank_[write][next];
      Cycle& column = ranks_[rank].column[next];
      column = std::max(column, at + gap);
    }
  }
}

void BankState::refresh_bank(Cycle at, uint32_t bank) {
  Bank& b = banks_[bank];
  Group& group = groups_[b.group];
  Rank& r = ranks_[b.rank];
  b.activate = std::max(b.activate, at + timing_.rfc_pb);
  group.activate = std::max(group.activate, at + timing_.rrd_l);
  r.activate = std::max(r.activate, at + timing_.rrd_s);
  r.refresh_bank = at + timing_.rfc_pb;
}

void BankState::refresh(Cycle at, uint32_t rank) {
  Rank& r = ranks_[rank];
  r.activate = std::max(r.activate, at + timing_.rfc);
  r.refresh = at + timing_.rfc;
}

}  // namespace tern::dram
