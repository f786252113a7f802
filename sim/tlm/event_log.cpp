// SPDX-License-Identifier: Apache-2.0
#include "event_log.hpp"

#include <algorithm>

#include "scoreboard.hpp"

namespace tern::tlm {

void EventLog::add_engine(const EngineSpan& span) {
  if (span.end > span.begin) spans_.push_back(span);
}

void EventLog::add_held(Cycle begin, Cycle end) {
  if (end <= begin) return;
  if (!held_.empty() && held_.back().end >= begin) {
    held_.back().end = std::max(held_.back().end, end);
  } else {
    held_.push_back({begin, end, 0});
  }
}

void EventLog::add_vector_busy(Cycle begin, Cycle end) {
  if (!vector_.empty()) begin = std::max(begin, vector_.back().end);
  if (end > begin) vector_.push_back({begin, end, end - begin});
}

void EventLog::add_store_beats(Cycle begin, Cycle end, uint64_t beats) {
  store_.push_back({begin, end, beats});
}

void EventLog::set_working(Cycle from, bool working) { changes_.push_back({from, working}); }

/// The counts of the intervals before `until`; of one that reaches beyond, its share.
uint64_t EventLog::take(std::deque<Interval>& intervals, Cycle until) {
  uint64_t sum = 0;
  while (!intervals.empty() && intervals.front().begin < until) {
    Interval& i = intervals.front();
    if (i.end <= until) {
      sum += i.count;
      intervals.pop_front();
      continue;
    }
    const uint64_t part = i.count * (until - i.begin) / (i.end - i.begin);
    sum += part;
    i.count -= part;
    i.begin = until;
    break;
  }
  return sum;
}

/// Takes the share of a span's first `cycles` of all its `all` cycles out of its counts.
EngineSpan EventLog::share(EngineSpan& span, uint64_t cycles, uint64_t all) {
  constexpr uint64_t EngineSpan::*kCounts[] = {&EngineSpan::beats, &EngineSpan::load_beats,
                                               &EngineSpan::stall_read, &EngineSpan::stall_drain};
  EngineSpan part{};
  uint64_t rest = all;  // cycles that are counted as nothing
  for (auto count : kCounts) rest -= std::min(rest, span.*count);
  uint64_t left = cycles - rest * cycles / all;
  for (auto count : kCounts) left -= part.*count = span.*count * cycles / all;
  // What rounding left over.
  for (auto count : kCounts) {
    const uint64_t more = std::min(left, span.*count - part.*count);
    part.*count += more;
    left -= more;
    span.*count -= part.*count;
  }
  return part;
}

/// Counts [now_, until), in which neither the span nor anything else changes.
void EventLog::take(Cycle until, bool working, bool held) {
  const uint64_t cycles = until - now_;
  EngineSpan part{};
  if (!spans_.empty() && spans_.front().begin <= now_) {
    EngineSpan& span = spans_.front();
    part = share(span, cycles, span.end - now_);
    if (until == span.end) spans_.pop_front();
  }
  now_ = until;
  counters_.beats += part.beats;
  counters_.load_beats += part.load_beats;
  if (!working) return;
  counters_.stall_read += part.stall_read;
  counters_.stall_drain += part.stall_drain;
  const uint64_t rest =
      cycles - std::min(cycles, part.beats + part.load_beats + part.stall_read + part.stall_drain);
  (held ? counters_.stall_wait : counters_.stall_idle) += rest;
}

void EventLog::settle(Cycle until) {
  while (now_ < until) {
    while (!changes_.empty() && changes_.front().from <= now_) {
      working_ = changes_.front().working;
      changes_.pop_front();
    }
    while (!held_.empty() && held_.front().end <= now_) held_.pop_front();
    Cycle next = until;
    if (!changes_.empty()) next = std::min(next, changes_.front().from);
    if (!spans_.empty())
      next =
          std::min(next, spans_.front().begin > now_ ? spans_.front().begin : spans_.front().end);
    const bool held = !held_.empty() && held_.front().begin <= now_;
    if (!held_.empty()) next = std::min(next, held ? held_.front().end : held_.front().begin);
    take(next, working_, held);
  }
}

const Counters& EventLog::at(Cycle cycle) {
  settle(cycle);
  counters_.vector_busy += take(vector_, cycle);
  counters_.store_beats += take(store_, cycle);
  counters_.cycles = std::max(counters_.cycles, cycle);
  return counters_;
}

}  // namespace tern::tlm
