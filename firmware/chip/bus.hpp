// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include "spec/generated/spec.hpp"

namespace tern::firmware {

/// The controller's devices, by the offsets of spec::mmio. Tests compile the firmware with a bus of
/// their own instead.
struct Bus {
  static uint32_t read(uint32_t offset) { return *word(offset); }
  static void write(uint32_t offset, uint32_t value) { *word(offset) = value; }
  /// The tape player takes so many commands, `waits` being added to their wait counts. Returns when
  /// it has begun.
  static void play(const spec::CommandWords* commands, uint32_t count, uint32_t waits) {
    write(spec::mmio::kTapeWaits, waits);
    // The player reads memory: what was written before must be there, what is written later not.
    asm volatile("" ::: "memory");
    using namespace spec::mmio::tape;
    write(spec::mmio::kTape,
          (reinterpret_cast<uintptr_t>(commands) & kStart.mask()) | kCommands.put(count));
    asm volatile("" ::: "memory");
  }

 private:
  /// Not uint32_t, which is unsigned long here: the compiler may then keep what it has read of
  /// the firmware's own data across accesses of devices.
  using Word = unsigned int;
  static_assert(sizeof(Word) == 4);
  static volatile Word* word(uint32_t offset) {
    return reinterpret_cast<volatile Word*>(spec::kMmioBase + offset);
  }
};

}  // namespace tern::firmware
