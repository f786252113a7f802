// SPDX-License-Identifier: Apache-2.0
#include "store_unit.hpp"

#include <algorithm>

namespace tern::tlm {

using spec::Unit;

Cycle StoreUnit::room() {
  while (pending_.size() >= chip_.cmd_depth) step();
  return commands_.next();
}

void StoreUnit::push(Cycle pushed, const spec::CommandWords& words) {
  commands_.push();
  pending_.push_back({pushed, words, {scoreboard_, words.w[spec::fields::kWaits.word]}});
  scoreboard_.issue(Unit::kStore);
}

void StoreUnit::advance(Cycle cycle) {
  while (next() < cycle) step();
}

void StoreUnit::finish(uint64_t number) {
  while (scoreboard_.known(Unit::kStore) < number) step();
}

Cycle StoreUnit::next() const {
  if (pending_.empty()) return kNever;
  return std::max(commands_.head(pending_.front().pushed), free_);
}

void StoreUnit::step() {
  const ActivityOf activity(activity_, log_.observed());
  const Pending p = pending_.front();
  pending_.pop_front();
  const auto c = spec::StoreCommand::unpack(p.words);
  const Cycle accepted = std::max({commands_.head(p.pushed), free_, p.waits.met(scoreboard_)});
  commands_.leave(accepted);
  ports_.read.forget_before(accepted);

  Run run{.read = accepted, .step = accepted};
  const uint64_t base = uint64_t{c.addr_high} << 32 | c.addr_low;
  for (uint32_t r = 0; r < c.rows; ++r)
    row(c, base + uint64_t{r} * c.row_stride * spec::kAddrUnit, run);
  free_ = run.step + 1;
  log_.add_store_beats(run.first_beat, run.last_beat + 1, run.beats);
  scoreboard_.complete(Unit::kStore, run.response);
  ++activity_.commands;
  activity_.scratch_store_reads += run.lines;
  activity_.scratch_store_words += uint64_t{c.count} * c.rows;
  activity_.memory_write_bursts += run.beats;
  activity_.memory_write_bytes +=
      uint64_t{c.count} * c.rows *
      (static_cast<spec::StoreFormat>(c.format) == spec::StoreFormat::kCode ? 1 : 4);
  log_.executed({p.words, accepted, free_, activity.get()});
}

/// Steps of a row: the part of a line that belongs to one beat.
void StoreUnit::row(const spec::StoreCommand& c, uint64_t address, Run& run) {
  const bool code = static_cast<spec::StoreFormat>(c.format) == spec::StoreFormat::kCode;
  const uint64_t beat_bytes = uint64_t{c.beat_stride} * chip_.columns;
  const auto start = static_cast<uint32_t>(address % chip_.columns);
  const uint32_t first = code ? start : start / 4;
  const uint32_t full = code ? chip_.columns : chip_.columns / 4;
  // A packed line ends where a beat does, so only the first may be short.
  uint32_t most = c.scatter ? chip_.lanes : chip_.lanes - first % chip_.lanes;
  uint32_t room = c.scatter ? 1 : full - first;
  for (uint32_t left = c.count; left > 0; most = chip_.lanes) {
    uint32_t held = std::min(most, left);
    left -= held;
    read_line(run);
    while (held > 0) {
      const uint32_t taken = std::min(held, room);
      held -= taken;
      room -= taken;
      ++run.step;
      if (room > 0 && held + left > 0) continue;
      write_beat(address, run);
      address += beat_bytes;
      room = c.scatter ? 1 : full;
    }
    run.line_done[run.lines % run.line_done.size()] = run.step;
    ++run.lines;
  }
}

/// A line is read when a place for it is free; its first step follows four cycles later.
void StoreUnit::read_line(Run& run) {
  Cycle from = run.read + 1;
  if (run.lines >= run.line_done.size())
    from = std::max(from, run.line_done[run.lines % run.line_done.size()] + 1);
  run.read = ports_.read.nth(from, 1);
  run.step = std::max(run.step, run.read + 3);
}

/// The beat that a step completes is offered two cycles later. What waits for the bus holds up all
/// steps behind it.
void StoreUnit::write_beat(uint64_t address, Run& run) {
  const Cycle room = responses_.next();
  responses_.push();
  const WriteBeat write = memory_.write(std::max(run.step + 2, room), address);
  responses_.leave(write.response);
  run.step = write.accepted - 2;
  run.response = write.response;
  run.last_beat = write.accepted;
  if (run.beats++ == 0) run.first_beat = write.accepted;
}

}  // namespace tern::tlm
