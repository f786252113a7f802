// SPDX-License-Identifier: Apache-2.0
#include "board/board_line.hpp"

#include <algorithm>
#include <cmath>

namespace tern::sim {

std::size_t BoardLine::read(std::span<uint8_t> bytes, double seconds) {
  if (received_.empty()) {
    const double cycles = std::ceil(std::max(0.0, seconds) * board_->model().clock_hz());
    received_ = board_->run(static_cast<uint64_t>(cycles) + 1);
  }
  const std::size_t count = std::min(bytes.size(), received_.size());
  std::copy_n(received_.begin(), count, bytes.begin());
  received_.erase(received_.begin(), received_.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

}  // namespace tern::sim
