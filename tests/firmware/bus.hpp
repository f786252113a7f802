// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "spec/generated/spec.hpp"
#include "spec/waits.hpp"

namespace tern::firmware {

/// What the firmware's sources are compiled against on the host.
class HostBus {
 public:
  virtual ~HostBus() = default;
  virtual uint32_t read(uint32_t offset) = 0;
  virtual void write(uint32_t offset, uint32_t value) = 0;
};

struct Bus {
  static inline HostBus* host = nullptr;
  static uint32_t read(uint32_t offset) { return host->read(offset); }
  static void write(uint32_t offset, uint32_t value) { host->write(offset, value); }
  static void play(const spec::CommandWords* commands, uint32_t count, uint32_t waits) {
    for (uint32_t n = 0; n < count; ++n) {
      for (uint32_t i = 0; i < spec::kCommandWords; ++i) {
        uint32_t word = commands[n].w[i];
        if (i == spec::fields::kWaits.word) word = spec::add_waits(word, waits);
        write(spec::mmio::cmd::word(i), word);
      }
      write(spec::mmio::kIssue, 0);
    }
  }
};

}  // namespace tern::firmware
