// SPDX-License-Identifier: Apache-2.0
#include "vector_unit.hpp"

#include <algorithm>

namespace tern::tlm {

void VectorUnit::push(Cycle pushed, const spec::CommandWords& words) {
  const ActivityOf activity(activity_, log_.observed());
  const Waits waits(scoreboard_, words.w[spec::fields::kWaits.word]);
  scoreboard_.issue(spec::Unit::kVector);
  commands_.push();
  const Cycle accepted = std::max({commands_.head(pushed), free_, waits.met(scoreboard_)});
  uint32_t cycles = 0;
  if (opcode_of(words) == spec::ChipOpcode::kScalar) {
    const auto c = spec::ScalarCommand::unpack(words);
    if (static_cast<spec::ScalarOp>(c.op) == spec::ScalarOp::kTopKClear) list_.clear(c.constant);
    cycles = scalar_cycles(c, chip_);
    activity_.scalar_rows[c.op] += c.rows;
  } else {
    const auto c = spec::VectorCommand::unpack(words);
    cycles = vector_cycles(c, chip_, list_);
    count_activity(c, chip_.lanes, activity_);
    const PortUse reads = vector_reads(c, chip_);
    ports_.read.reserve(accepted + reads.first, accepted + reads.end, reads.period);
    const PortUse writes = vector_writes(c, chip_);
    ports_.write.reserve(accepted + writes.first, accepted + writes.end, writes.period);
  }
  commands_.leave(accepted);
  ++activity_.commands;
  free_ = accepted + cycles;
  // done_o comes a cycle after the next command can be accepted; busy_o lasts until then.
  log_.add_vector_busy(accepted + 1, free_ + 2);
  scoreboard_.complete(spec::Unit::kVector, free_ + 1);
  log_.executed({words, accepted, free_, activity.get()});
}

}  // namespace tern::tlm
