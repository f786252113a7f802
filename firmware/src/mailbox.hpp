#pragma once

#include "bus.hpp"
#include "model.hpp"

/// Words from and to the host; see Request and Reply of the specification.
namespace tern::firmware {

class Mailbox {
 public:
  /// The next word from the host. While it is waited for, the chip is idle.
  static uint32_t receive() {
    if ((state() & kWord) == 0) {
      Bus::write(spec::mmio::kWorking, 0);
      while ((state() & kWord) == 0) {
      }
      Bus::write(spec::mmio::kWorking, 1);
    }
    return Bus::read(spec::mmio::kMailIn);
  }
  /// Waits for room.
  static void send(uint32_t word) {
    if ((state() & kRoom) == 0) {
      Bus::write(spec::mmio::kWorking, 0);
      while ((state() & kRoom) == 0) {
      }
      Bus::write(spec::mmio::kWorking, 1);
    }
    Bus::write(spec::mmio::kMailOut, word);
  }
  static void send(spec::Reply reply, uint32_t payload) {
    send(static_cast<uint32_t>(reply) << 24 | (payload & 0xffffff));
  }
  static void send(const Status& error) {
    send(spec::Reply::kError, static_cast<uint32_t>(error.error));
    send(error.detail);
  }

 private:
  static constexpr uint32_t kWord = 1;
  static constexpr uint32_t kRoom = 2;
  static uint32_t state() { return Bus::read(spec::mmio::kMailState); }
};

}  // namespace tern::firmware
