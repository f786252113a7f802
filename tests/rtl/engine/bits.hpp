// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace tern::test {

/// 32-bit word `index` of a Verilator port of any width.
template <class Port>
uint32_t get_word(const Port& port, size_t index) {
  if constexpr (std::integral<Port>) {
    return static_cast<uint32_t>(static_cast<uint64_t>(port) >> (32 * index));
  } else {
    return port[index];
  }
}

/// Sets 32-bit word `index` of a port; bits that the port does not have are dropped.
template <class Port>
void set_word(Port& port, size_t index, uint32_t word) {
  if constexpr (std::integral<Port>) {
    const uint64_t kept = static_cast<uint64_t>(port) & ~(uint64_t{0xffffffff} << (32 * index));
    port = static_cast<Port>(kept | (uint64_t{word} << (32 * index)));
  } else {
    port[index] = word;
  }
}

/// Sets one bit of a port.
template <class Port>
void set_bit(Port& port, size_t index, bool value) {
  const uint32_t mask = uint32_t{1} << (index % 32);
  const uint32_t word = get_word(port, index / 32);
  set_word(port, index / 32, value ? word | mask : word & ~mask);
}

}  // namespace tern::test
