// SPDX-License-Identifier: Apache-2.0
#include "issue/player.hpp"

namespace tern::firmware {

void Player::flush() {
  if (first_ == last_) return;
  const uint32_t start = spec::subtract_waits(units_.counts(), before_);
  units_.play(program_.commands() + first_, last_ - first_, spec::subtract_waits(after_, before_),
              spec::subtract_waits(start, lag_));
  playing_first_ = first_;
  playing_last_ = last_;
  first_ = last_;
  lag_ = 0;
  if (enters_) firmware::enter(phase_, number_);
  enters_ = false;
}

}  // namespace tern::firmware
