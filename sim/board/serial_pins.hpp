// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace tern::sim {

/// The other end of a board's receive pin: puts bytes on a line as characters of one start bit,
/// eight data bits and one stop bit. A bit takes `clocks_per_bit16` / 16 cycles.
class SerialSender {
 public:
  explicit SerialSender(uint32_t clocks_per_bit16) : bit_(clocks_per_bit16) {}

  void queue(uint8_t byte) { bytes_.push_back(byte); }
  bool idle() const { return left_ == 0 && bytes_.empty(); }
  void clear() { bytes_.clear(); }

  /// The level of the line in the next clock cycle.
  bool step() {
    if (left_ == 0) {
      if (bytes_.empty()) return true;
      bits_ = 0x200u | uint32_t{bytes_.front()} << 1;
      bytes_.pop_front();
      left_ = 10;
      count_ += bit_;
    }
    const bool level = (bits_ & 1) != 0;
    if (count_ >= 32) {
      count_ -= 16;
    } else {  // the bit ends; what is left of its last cycle belongs to the next one
      count_ += bit_ - 16;
      bits_ >>= 1;
      if (--left_ == 0) count_ -= bit_;
    }
    return level;
  }

 private:
  uint32_t bit_;
  uint32_t count_ = 0;  ///< Sixteenths of a cycle that the bit still takes.
  uint32_t bits_ = 0, left_ = 0;
  std::deque<uint8_t> bytes_;
};

/// The other end of a board's send pin: samples the middle of each bit.
class SerialReceiver {
 public:
  explicit SerialReceiver(uint32_t clocks_per_bit16) : bit_(clocks_per_bit16) {}

  bool idle() const { return left_ == 0; }

  /// The line in one clock cycle; a byte when its stop bit has been sampled. A character without
  /// one is dropped.
  std::optional<uint8_t> step(bool level) {
    if (left_ == 0) {
      if (!level && last_) {
        left_ = 10;
        count_ = bit_ / 2;
      }
      last_ = level;
      return std::nullopt;
    }
    last_ = level;
    if (count_ >= 16) {
      count_ -= 16;
      return std::nullopt;
    }
    count_ += bit_ - 16;
    bits_ = bits_ >> 1 | (level ? 0x200u : 0u);
    if (left_ == 10 && level) {  // no start bit
      left_ = 0;
      return std::nullopt;
    }
    if (--left_ != 0 || !level) return std::nullopt;
    return static_cast<uint8_t>(bits_ >> 1);
  }

 private:
  uint32_t bit_;
  uint32_t count_ = 0;
  uint32_t bits_ = 0, left_ = 0;
  bool last_ = true;
};

}  // namespace tern::sim
