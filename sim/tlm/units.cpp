// SPDX-License-Identifier: Apache-2.0
#include "units.hpp"

#include <algorithm>

#include "io/error.hpp"

namespace tern::tlm {

Units::Units(const PerfConfig& config, MemoryModel& memory)
    : store_(config, memory, scoreboard_, ports_, log_, activity_),
      stream_(config, memory, scoreboard_, ports_, store_, log_, activity_),
      vector_(config, scoreboard_, ports_, log_, activity_),
      check_(config.chip.small_fabric ? 3 : 2) {}

/// The ends of the stream's commands that this one waits for become known.
void Units::finish_waits(const spec::CommandWords& words) {
  const Waits waits(scoreboard_, words.w[spec::fields::kWaits.word]);
  for (spec::Unit unit : {spec::Unit::kLoad, spec::Unit::kMatmul})
    stream_.finish(unit, waits.of(unit));
  store_.finish(waits.of(spec::Unit::kStore));
}

void Units::advance(Cycle cycle) {
  stream_.advance(cycle);
  store_.advance(cycle);
}

Units::Done Units::done(Cycle cycle) {
  advance(cycle);
  const uint32_t counts = scoreboard_.done(cycle);
  while (std::min(stream_.next(), store_.next()) < scoreboard_.next_change()) {
    if (stream_.next() < store_.next()) {
      stream_.step();
    } else {
      store_.step();
    }
  }
  return {counts, scoreboard_.next_change()};
}

bool Units::busy(Cycle cycle) {
  advance(cycle);
  return stream_.next() != kNever || store_.next() != kNever || scoreboard_.all_done() > cycle;
}

const Counters& Units::counters(Cycle cycle) {
  advance(cycle);
  stream_.log_held(cycle);
  return log_.at(cycle);
}

Cycle Units::issue(Cycle offered, const spec::CommandWords& words) {
  const Cycle taken = std::max(offered, checker_free_);
  // Products in the next cycle; then, or when its queue has room, it leaves.
  const auto leaves = [&](Cycle room) { return checker_free_ = std::max(taken + check_, room); };
  switch (opcode_of(words)) {
    case spec::ChipOpcode::kLoad:
    case spec::ChipOpcode::kMatmul:
      stream_.push(leaves(stream_.room()), words);
      break;
    case spec::ChipOpcode::kVector:
    case spec::ChipOpcode::kScalar:
      finish_waits(words);
      vector_.push(leaves(vector_.room()), words);
      break;
    case spec::ChipOpcode::kStore:
      finish_waits(words);
      store_.push(leaves(store_.room()), words);
      break;
    default:
      throw Error("performance model: opcode {} is none; the firmware is not this chip's",
                  static_cast<uint32_t>(opcode_of(words)));
  }
  log_.add_command();
  return taken;
}

}  // namespace tern::tlm
