// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

namespace tern::spec {

/// The number of a value of an enum that counts from 0.
template <typename E>
constexpr uint32_t index_of(E value) {
  return static_cast<uint32_t>(value);
}

/// An array of N elements, one for each value of an enum that counts from 0. Its bytes are those
/// of `T[N]`.
template <typename T, typename E, uint32_t N>
struct ByEnum {
  T values[N];

  constexpr T& operator[](E i) { return values[index_of(i)]; }
  constexpr const T& operator[](E i) const { return values[index_of(i)]; }
  constexpr T* begin() { return values; }
  constexpr T* end() { return values + N; }
  constexpr const T* begin() const { return values; }
  constexpr const T* end() const { return values + N; }
};

/// The values of an enum from `first` to `last`, for a range-based for.
template <typename E>
struct EnumRange {
  E first, last;

  struct Iterator {
    uint32_t i;
    constexpr E operator*() const { return static_cast<E>(i); }
    constexpr Iterator& operator++() {
      ++i;
      return *this;
    }
    constexpr bool operator==(const Iterator&) const = default;
  };
  constexpr Iterator begin() const { return {index_of(first)}; }
  constexpr Iterator end() const { return {index_of(last) + 1}; }
};

}  // namespace tern::spec
