// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bus.hpp"
#include "load/model.hpp"

/// Words from and to the host; see Request and Reply of the specification.
namespace tern::firmware {

/// Tells the chip whether a request is being worked on.
inline void set_working(bool working) {
  Bus::write(spec::mmio::kWorking, spec::mmio::working::kRequest.put(working));
}

class Mailbox {
 public:
  /// The next word from the host. While it is waited for, the chip is idle.
  static uint32_t receive() {
    if ((state() & kWord) == 0) {
      set_working(false);
      while ((state() & kWord) == 0) {
      }
      set_working(true);
    }
    return Bus::read(spec::mmio::kMailIn);
  }
  /// Waits for room.
  static void send(uint32_t word) {
    if ((state() & kRoom) == 0) {
      set_working(false);
      while ((state() & kRoom) == 0) {
      }
      set_working(true);
    }
    Bus::write(spec::mmio::kMailOut, word);
  }
  static void send(spec::Reply reply, uint32_t payload) {
    using namespace spec::fields::reply_word;
    send(kKind.put(static_cast<uint32_t>(reply)) | (payload & kPayload.mask()));
  }
  static void send(const Status& error) {
    send(spec::Reply::kError, static_cast<uint32_t>(error.error));
    send(error.detail);
  }

 private:
  static constexpr uint32_t kWord = spec::mmio::mail_state::kWord.mask();
  static constexpr uint32_t kRoom = spec::mmio::mail_state::kRoom.mask();
  static uint32_t state() { return Bus::read(spec::mmio::kMailState); }
};

}  // namespace tern::firmware
