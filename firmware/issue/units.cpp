// SPDX-License-Identifier: Apache-2.0
#include "issue/units.hpp"

namespace tern::firmware {

void Units::take(uint32_t word) {
  done_word_ = word;
  using namespace spec::mmio::done;
  done_[0] += ((word >> kLoad.lsb) - done_[0]) & 0xff;
  done_[1] += ((word >> kMatmul.lsb) - done_[1]) & 0xff;
  done_[2] += ((word >> kVector.lsb) - done_[2]) & 0xff;
  done_[3] += ((word >> kStore.lsb) - done_[3]) & 0xff;
}

void Units::read_done() { take(Bus::read(spec::mmio::kDone)); }

/// Nothing but the count that is waited for is looked at in the loop.
void Units::poll(uint32_t unit, uint32_t number) {
  const uint32_t known = done_[unit];
  const uint32_t missing = number - known;
  if (static_cast<int32_t>(missing) <= 0 || timed_out()) return;
  uint32_t polls = poll_limit_;
  uint32_t word;
  do {
    word = Bus::read(spec::mmio::kDone);
    if (--polls == 0) {
      issue_ = spec::mmio::kCmd;
      break;
    }
  } while ((((word >> spec::count_of(unit).lsb) - known) & 0xff) < missing);
  take(word);
}

}  // namespace tern::firmware
