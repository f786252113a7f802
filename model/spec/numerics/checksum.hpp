// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/// descriptor_checksum: guards the descriptors of an image, which the chip's controller reads word
/// by word. FNV-1a (Fowler, Noll, Vo) over 32-bit words, then the high half is mixed into the low.
/// Every step is a bijection of the state for a given word, and of the word for a given state, and
/// the mix is a bijection: any change of a single word changes the result. Damage of several words
/// passes with a chance of about 2^-32.
namespace tern::spec {

/// words [n].
constexpr uint32_t descriptor_checksum(const uint32_t* words, int n) {
  uint32_t h = 2166136261u;
  for (int i = 0; i < n; ++i) h = (h ^ words[i]) * 16777619u;
  return h ^ (h >> 16);
}

/// Words of a descriptor that its checksum covers: all before the field `checksum`.
template <typename Descriptor>
constexpr int checked_words() {
  return static_cast<int>(offsetof(Descriptor, checksum) / sizeof(uint32_t));
}

namespace checksum_examples {
inline constexpr uint32_t kWords[2] = {1, 2};
inline constexpr uint32_t kSwapped[2] = {2, 1};
static_assert(descriptor_checksum(kWords, 0) == 0x811c1cd9u);
static_assert(descriptor_checksum(kWords, 2) != descriptor_checksum(kSwapped, 2));
static_assert(descriptor_checksum(kWords, 1) != descriptor_checksum(kWords, 2));
}  // namespace checksum_examples

}  // namespace tern::spec
