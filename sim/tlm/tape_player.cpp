// SPDX-License-Identifier: Apache-2.0
#include "tape_player.hpp"

#include <algorithm>

#include "spec/waits.hpp"

namespace tern::tlm {

void TapePlayer::start(uint32_t tape, uint32_t waits, Cycle at) {
  using namespace spec::mmio::tape;
  first_ = kStart.get(tape) / spec::mmio::cmd::kBytes * spec::kCommandWords;
  left_ = kCommands.get(tape);
  waits_ = waits;
  next_ = 0;
  now_ = at + 1;
}

/// A cycle, or up to `end` what is the same in each.
void TapePlayer::step(bool memory_is_free, Cycle end) {
  if (full_ && !offered_) {
    taken_ = issue_(command_, now_);
    offered_ = true;
  }
  const bool taken = full_ && taken_ == now_;
  if (full_ && !taken && !arrives_ && (hold_ || left_ == 0)) {
    now_ = std::min(taken_, end);
    return;
  }
  // Words that mean nothing in a scalar command are left out.
  const bool scalar = opcode_of(command_) == spec::ChipOpcode::kScalar;
  const uint32_t last = scalar ? 5 : spec::kCommandWords - 1;
  const bool drop = arrives_ && full_ && !taken;
  const bool request = left_ > 0 && !hold_ && memory_is_free && !drop;
  const bool last_request = request && next_ == last;
  const bool comes = arrives_ && !drop;

  full_ = (comes && index_ == last) || (full_ && !taken);
  hold_ = drop || (hold_ && !taken);
  if (taken) offered_ = false;
  if (comes)
    command_.w[index_] =
        index_ == spec::fields::kWaits.word ? spec::add_waits(word_, waits_) : word_;
  arrives_ = request;
  index_ = next_;
  if (request) word_ = memory_[(first_ + next_) % memory_.size()];
  if (last_request) {
    first_ += spec::kCommandWords;
    --left_;
  }
  if (drop || last_request) {
    next_ = 0;
  } else if (request) {
    next_ = scalar && next_ == 3 ? 5 : next_ + 1;
  }
  ++now_;
}

}  // namespace tern::tlm
