// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "spec/numerics/sample.hpp"

namespace tern::io {

/// Draws bytes of a fixed distribution by the alias method (Walker 1977; Vose 1991), two from every
/// 64 random bits: 8 bits choose a column of the table, 24 decide between its two bytes.
/// Probabilities are exact in units of 2^-32.
class ByteSampler {
 public:
  /// weights [n], n <= 256: byte b gets the probability weights[b] / sum. Every weight is >= 0 and
  /// at least one is positive; a byte of weight 0 is never drawn.
  explicit ByteSampler(std::span<const double> weights);

  /// T5 codes whose five trits are independent: 0 with probability `zeros`, else either sign with
  /// equal probability. `zeros` is 0 to 1.
  static ByteSampler trits(double zeros);
  /// T5 codes of the value layout whose values are normal with mean 0 and deviation `sigma`,
  /// rounded, and cut at -121 and 121.
  static ByteSampler normal_values(double sigma);

  /// Fills `out`; uses one number of `random` for every two bytes, the last half perhaps unused.
  void fill(spec::Random& random, std::span<uint8_t> out) const;

 private:
  struct Column {
    uint32_t cut = 0;  ///< Draws of 24 bits below it give `low`, the others `high`.
    uint8_t low = 0;
    uint8_t high = 0;
  };
  uint8_t draw(uint32_t bits) const {
    const Column& c = columns_[bits & 0xff];
    return bits >> 8 < c.cut ? c.low : c.high;
  }

  std::array<Column, 256> columns_;
};

}  // namespace tern::io
