#pragma once

#include <cstdint>

#include "spec/generated/spec.hpp"

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
};

}  // namespace tern::firmware
