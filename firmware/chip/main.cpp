// SPDX-License-Identifier: Apache-2.0
#include "host/firmware.hpp"

/// Entry of the controller's program. GCC calls these two even in freestanding code.
extern "C" {

void* memcpy(void* to, const void* from, size_t n) {
  auto* d = static_cast<unsigned char*>(to);
  auto* s = static_cast<const unsigned char*>(from);
  for (size_t i = 0; i < n; ++i) d[i] = s[i];
  return to;
}

void* memset(void* to, int value, size_t n) {
  auto* d = static_cast<unsigned char*>(to);
  for (size_t i = 0; i < n; ++i) d[i] = static_cast<unsigned char>(value);
  return to;
}

[[noreturn]] void firmware_main();
}

inline void* operator new(size_t, void* place) noexcept { return place; }

namespace {

/// Built at run time: the object holds references to its own parts.
alignas(tern::firmware::Firmware) unsigned char storage[sizeof(tern::firmware::Firmware)];

}  // namespace

void firmware_main() {
  auto* firmware = new (storage) tern::firmware::Firmware;
  firmware->start();
  for (;;) firmware->serve();
}
