// SPDX-License-Identifier: Apache-2.0
#include "prefetch.hpp"

#include <algorithm>

namespace tern::tlm {

namespace {
/// A word that goes into rtl/lib/fifo.sv comes out two cycles later at the earliest.
constexpr Cycle kFifo = 2;
}  // namespace

Prefetch::Prefetch(const PerfConfig& config, MemoryModel& memory, Activity& activity)
    : columns_(config.chip.columns),
      fifo_beats_(config.chip.fifo_beats),
      burst_beats_(config.chip.burst_beats),
      memory_(memory),
      activity_(activity),
      finished_(2 * config.chip.fifo_beats / config.chip.burst_beats) {}

Cycle Prefetch::start(Cycle offered, uint64_t address, uint32_t beats) {
  const Cycle taken = std::max(offered, segment_free_);
  address_ = address / columns_;
  left_ = beats;
  next_issue_ = std::max(next_issue_, taken + 1);
  burst_ = {};
  return taken;
}

/// When the beat with this number was taken; numbers must not fall.
Cycle Prefetch::taken_at(uint64_t beat) {
  while (pieces_.front().begin + pieces_.front().count <= beat) pieces_.pop_front();
  const Piece& p = pieces_.front();
  const uint64_t i = beat - p.begin;
  return p.count < 2 ? p.last : p.first + ((p.last - p.first) * i + p.count - 2) / (p.count - 1);
}

void Prefetch::remember(uint64_t n, Cycle first, Cycle last) {
  if (!pieces_.empty()) {
    Piece& p = pieces_.back();
    const bool both_dense = last - first == n - 1 && p.last - p.first == p.count - 1;
    if (both_dense && first == p.last + 1) {
      p.count += n;
      p.last = last;
      consumed_ += n;
      return;
    }
  }
  pieces_.push_back({consumed_, n, first, last});
  consumed_ += n;
}

/// The next burst: up to the next multiple of the longest burst, once all of it has room.
void Prefetch::request() {
  const auto to_boundary = burst_beats_ - static_cast<uint32_t>(address_ % burst_beats_);
  const uint32_t n = std::min(left_, to_boundary);
  Cycle& finished = finished_[bursts_++ % finished_.size()];
  Cycle issue = next_issue_;
  if (bursts_ > finished_.size()) issue = std::max(issue, finished + 1);
  requested_ += n;
  if (requested_ > fifo_beats_) issue = std::max(issue, taken_at(requested_ - fifo_beats_ - 1) + 1);
  const ReadBurst read = memory_.read(issue + 1, address_ * columns_, n);
  next_issue_ = read.accepted;
  finished = read.last;
  burst_ = {read.first + kFifo, read.last + kFifo, n, 0};
  address_ += n;
  left_ -= n;
  if (left_ == 0) segment_free_ = issue + 1;
  ++activity_.memory_read_bursts;
  activity_.memory_read_bytes += uint64_t{n} * columns_;
  activity_.fifo_beats += n;
}

Prefetch::Taken Prefetch::take(uint64_t n, Cycle from, Pitch pitch) {
  Taken all{kFifo, 0, from};
  bool begun = false;
  uint64_t taken = 0;
  while (n > 0) {
    if (burst_.taken == burst_.beats) request();
    const auto part = static_cast<uint32_t>(std::min<uint64_t>(n, burst_.beats - burst_.taken));
    const Cycle first = std::max(from, burst_.arrival(burst_.taken));
    const Cycle last = std::max(first + pitch.at(taken + part - 1) - pitch.at(taken),
                                burst_.arrival(burst_.taken + part - 1));
    remember(part, first, last);
    burst_.taken += part;
    if (!begun) all.first = first;
    begun = true;
    all.last = last;
    taken += part;
    from = last + pitch.at(taken) - pitch.at(taken - 1);
    n -= part;
  }
  all.next = from;
  return all;
}

}  // namespace tern::tlm
